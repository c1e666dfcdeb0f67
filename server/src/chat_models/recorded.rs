//! Records of calls: one line of JSON for each, in a folder for each day of UTC, redacted. Off unless the configuration wants them.
//!
//! A record says how long things were and what they began with, never the whole of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aq_core::chat::{Answer, Block, ChatModel, Delta, Message, ModelCall, ModelError, Speaker};
use aq_core::runner_link::BoxFuture;
use aq_core::time::Timestamp;
use aq_runner::redact::Redactor;
use serde_json::{Value, json};

use crate::clock::SharedClock;

/// The folder of the records below the data directory.
pub const FOLDER: &str = "logs/llm";
/// The file of a day with the calls of the server's own models.
const FILE: &str = "chat_provider.jsonl";
/// How much of a message is shown, in characters.
const PREVIEW: usize = 150;
/// Length of the name of a day's folder.
const DAY_NAME: usize = 10;

/// Writes records.
pub struct Recorder {
    folder: PathBuf,
    redactor: Redactor,
    clock: SharedClock,
}

impl Recorder {
    /// Records below `home`; `secrets` never appear in them.
    ///
    /// # Errors
    /// When the secrets are too many.
    pub fn new(home: &Path, secrets: &[String], clock: SharedClock) -> Result<Self, aq_runner::redact::RedactError> {
        Ok(Self { folder: home.join(FOLDER), redactor: Redactor::new(secrets)?, clock })
    }

    /// Writes one line to each of `files` of the day of `at`. Nobody waits for it; a disk that refuses is told in the log.
    pub fn write(self: &Arc<Self>, at: Timestamp, files: Vec<String>, record: &Value) {
        let (own, line) = (Arc::clone(self), format!("{}\n", self.redactor.redact(&record.to_string())));
        drop(tokio::task::spawn_blocking(move || {
            for file in files {
                if let Err(error) = append(&own.folder.join(day(at)).join(file), &line) {
                    tracing::warn!(%error, "a use of a model could not be recorded");
                }
            }
        }));
    }
}

/// The name of a day's folder.
fn day(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let folder = path.parent().unwrap_or(path);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(line.as_bytes())
}

/// Removes the folders of days that are more than `days` days before `now`. What is not named like a day stays. Blocking. Gives their number.
///
/// # Errors
/// When the folder cannot be read; a folder that cannot be removed is left for the next time.
pub fn remove_old(home: &Path, now: Timestamp, days: u64) -> io::Result<usize> {
    let span = i64::try_from(days.saturating_mul(86_400_000)).unwrap_or(i64::MAX);
    let oldest = day(Timestamp::from_millis(now.as_millis().saturating_sub(span)));
    let entries = match std::fs::read_dir(home.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut removed = 0;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_day = name.len() == DAY_NAME && name.parse::<jiff::civil::Date>().is_ok();
        if is_day && name < oldest && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            match std::fs::remove_dir_all(entry.path()) {
                Ok(()) => removed += 1,
                Err(error) => tracing::warn!(%error, day = name, "records of calls could not be removed"),
            }
        }
    }
    Ok(removed)
}

/// The model behind it, recorded.
pub struct Recorded {
    inner: Arc<dyn ChatModel>,
    recorder: Arc<Recorder>,
}

impl Recorded {
    /// `inner`, each call of which leaves a record.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>, recorder: Arc<Recorder>) -> Self {
        Self { inner, recorder }
    }
}

impl ChatModel for Recorded {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }

    fn model(&self) -> String {
        self.inner.model()
    }

    fn ask<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<Box<dyn Answer>, ModelError>> {
        Box::pin(async move {
            let model = if call.model.is_empty() { self.inner.model() } else { call.model.clone() };
            let mut entry = Entry {
                recorder: Arc::clone(&self.recorder),
                begun: self.recorder.clock.now(),
                record: json!({ "caller": call.purpose.as_str(), "model": model, "provider": self.inner.provider(), "input": input(call) }),
                text: 0,
                wanted: Vec::new(),
                error: Some("abandoned".to_owned()),
            };
            match self.inner.ask(call).await {
                Ok(inner) => Ok(Box::new(Watched { inner, entry }) as Box<dyn Answer>),
                Err(error) => {
                    entry.error = Some(error.to_string());
                    Err(error)
                }
            }
        })
    }
}

/// The beginning of a text that is too long for a record.
fn preview(text: &str) -> String {
    text.chars().take(PREVIEW).collect()
}

fn input(call: &ModelCall) -> Value {
    let one = |message: &Message| {
        let role = if message.speaker == Speaker::Model { "assistant" } else { "user" };
        match message.blocks.as_slice() {
            [Block::Text(text)] => json!({ "role": role, "content_length": text.chars().count(), "content_preview": preview(text) }),
            blocks => json!({ "role": role, "content_type": "blocks", "content_count": blocks.len() }),
        }
    };
    json!({
        "system_prompt_length": call.system.chars().count(),
        "message_count": call.messages.len(),
        "messages": call.messages.iter().map(one).collect::<Vec<_>>(),
        "tool_names": call.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
        "max_tokens": call.max_tokens,
    })
}

/// A record that is written when it goes, also when the answer was abandoned.
struct Entry {
    recorder: Arc<Recorder>,
    begun: Timestamp,
    record: Value,
    /// Characters of text so far.
    text: usize,
    wanted: Vec<Value>,
    error: Option<String>,
}

impl Entry {
    fn saw(&mut self, piece: Option<&Result<Delta, ModelError>>) {
        match piece {
            None => self.error = None,
            Some(Err(error)) => self.error = Some(error.to_string()),
            Some(Ok(Delta::Text(text))) => self.text = self.text.saturating_add(text.chars().count()),
            Some(Ok(Delta::ToolUse(wanted))) => {
                let keys = match serde_json::from_str(&wanted.arguments) {
                    Ok(Value::Object(map)) => map.keys().cloned().collect(),
                    _ => Vec::new(),
                };
                self.wanted.push(json!({ "name": wanted.name, "input_keys": keys }));
            }
            Some(Ok(Delta::Usage(tokens))) => {
                self.record["tokens"] = json!({
                    "input": tokens.input, "output": tokens.output, "cache_read": tokens.cache_read, "cache_write": tokens.cache_write,
                });
            }
            Some(Ok(_)) => {}
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let now = self.recorder.clock.now();
        let mut record = std::mem::take(&mut self.record);
        record["timestamp"] = json!(jiff::Timestamp::from_millisecond(self.begun.as_millis()).unwrap_or_default().to_string());
        record["duration_ms"] = json!(now.millis_since(self.begun));
        record["output"] = json!({ "text_length": self.text, "tool_uses": std::mem::take(&mut self.wanted) });
        record["error"] = json!(self.error.take());
        if tokio::runtime::Handle::try_current().is_ok() {
            self.recorder.write(self.begun, vec![FILE.to_owned()], &record);
        }
    }
}

struct Watched {
    inner: Box<dyn Answer>,
    entry: Entry,
}

impl Answer for Watched {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Delta, ModelError>>> {
        Box::pin(async move {
            let piece = self.inner.next().await;
            self.entry.saw(piece.as_ref());
            piece
        })
    }
}
