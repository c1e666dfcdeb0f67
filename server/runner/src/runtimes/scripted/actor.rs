//! Follows a script step by step, with an ear for answers, messages and the request to stop.
//!
//! Spec: specs/server/runner/scripted.md

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError};
use std::time::Duration;

use super::files;
use super::progress::{self, Progress};
use super::script::ScriptStep;
use super::wire::{Kind, Said, Status, Told, Verdict, print};
use crate::process::clock;

/// How the process ends.
pub(super) enum Ended {
    Success,
    Failure,
    Code(u8),
}

/// How a step ends.
enum Next {
    Go,
    Stop(Ended),
}

/// What waiting brought.
enum Heard {
    Nothing,
    Answer(Verdict, String),
    Interrupted,
}

/// The agent at work.
pub(super) struct Actor<W> {
    inbox: Receiver<Told>,
    stdout: W,
    calls: u32,
    /// The server closed our input: nobody will answer any more.
    deaf: bool,
}

impl<W: Write> Actor<W> {
    pub(super) const fn new(inbox: Receiver<Told>, stdout: W) -> Self {
        Self { inbox, stdout, calls: 0, deaf: false }
    }

    pub(super) fn next_line(&self) -> Result<Told, RecvError> {
        self.inbox.recv()
    }

    pub(super) fn say(&mut self, said: &Said) {
        print(&mut self.stdout, said);
    }

    /// Follows `progress` from where it stands.
    pub(super) fn play(&mut self, home: &Path, task: &str, title: &str, session: &str, mut progress: Progress) -> Ended {
        while let Some(step) = progress.steps.get(progress.done).cloned() {
            if let Heard::Interrupted = self.hear(Duration::ZERO, None) {
                return self.interrupted();
            }
            let at = progress.done;
            let fill = |text: &str, answer: &str| {
                text.replace("{title}", title).replace("{task}", task).replace("{session}", session).replace("{answer}", answer)
            };
            match self.step(step, at, session, &mut progress, &fill) {
                Next::Go => {}
                Next::Stop(ended) => return ended,
            }
            progress.done = at + 1;
            if let Err(error) = progress::store(home, session, &progress) {
                eprintln!("the session cannot be remembered: {error}");
            }
        }
        let summary = if progress.last_said.is_empty() { "The script has ended.".to_owned() } else { progress.last_said };
        self.result(true, summary, "")
    }

    fn step(&mut self, step: ScriptStep, at: usize, session: &str, progress: &mut Progress, fill: &dyn Fn(&str, &str) -> String) -> Next {
        let fill = |text: &str| fill(text, &progress.answer);
        match step {
            ScriptStep::Say(text) => {
                let text = fill(&text);
                progress.last_said.clone_from(&text);
                self.say(&Said::Say { text });
            }
            ScriptStep::Think(text) => self.say(&Said::Think { text: fill(&text) }),
            ScriptStep::Error(text) => self.say(&Said::Error { text: fill(&text) }),
            ScriptStep::Tool { name, input } => {
                let input = fill(&input);
                drop(self.tool(&name, &input, || Ok(format!("{name} done"))));
            }
            ScriptStep::Write { path, text } => {
                let (path, text) = (fill(&path), fill(&text));
                return self.must("Write", &path, || files::write(&path, &text, false));
            }
            ScriptStep::Append { path, text } => {
                let (path, text) = (fill(&path), fill(&text));
                return self.must("Append", &path, || files::write(&path, &text, true));
            }
            ScriptStep::Delete { path } => {
                let path = fill(&path);
                return self.must("Delete", &path, || files::delete(&path));
            }
            ScriptStep::Shell(command) => {
                let command = fill(&command);
                return self.must("Bash", &command, || files::run("sh", &["-c", &command]));
            }
            ScriptStep::Commit(message) => {
                let message = fill(&message);
                return self.must("Commit", &message, || files::commit(&message));
            }
            ScriptStep::Sleep { ms } => {
                if let Heard::Interrupted = self.hear(Duration::from_millis(ms), None) {
                    return Next::Stop(self.interrupted());
                }
            }
            ScriptStep::WaitFile { path } => {
                while !Path::new(&path).exists() {
                    if let Heard::Interrupted = self.hear(Duration::from_millis(20), None) {
                        return Next::Stop(self.interrupted());
                    }
                }
            }
            ScriptStep::Ask { text, options } => {
                let asked = Asked { kind: Kind::Question, text: fill(&text), tool: "", detail: "", options };
                return self.ask(&format!("{session}-{at}"), asked, progress);
            }
            ScriptStep::Permission { tool, input } => {
                let text = format!("May {tool} be used? {input}");
                let asked = Asked { kind: Kind::Permission, text, tool: &tool, detail: &input, options: Vec::new() };
                return self.ask(&format!("{session}-{at}"), asked, progress);
            }
            ScriptStep::Plan(plan) => {
                let asked =
                    Asked { kind: Kind::Plan, text: "Is this plan accepted?".to_owned(), tool: "", detail: &plan, options: Vec::new() };
                return self.ask(&format!("{session}-{at}"), asked, progress);
            }
            ScriptStep::Usage { input, output } => self.say(&Said::Usage { id: format!("{session}-{at}"), input, output }),
            ScriptStep::Limit { window, seconds } => {
                let resets_at_ms = Some(reset_in(seconds));
                self.say(&Said::Limit { window: window.clone(), status: Status::Rejected, used: Some(1.0), resets_at_ms });
                let text = format!("the limit {window} was reached");
                self.say(&Said::Result { success: false, text, class: String::new(), window, resets_at_ms });
                return Next::Stop(Ended::Failure);
            }
            ScriptStep::Warn { window, percent, seconds } => {
                let used = u32::try_from(percent).ok().map(|percent| f64::from(percent) / 100.0);
                self.say(&Said::Limit { window, status: Status::Warning, used, resets_at_ms: Some(reset_in(seconds)) });
            }
            ScriptStep::Fail { class, text } => return Next::Stop(self.result(false, fill(&text), &class)),
            ScriptStep::Exit { code } => return Next::Stop(Ended::Code(code)),
            ScriptStep::Crash => std::process::abort(),
            ScriptStep::Hang => loop {
                // Deaf to interruption on purpose: this is what the ladder is for.
                drop(self.inbox.recv());
                std::thread::park();
            },
            ScriptStep::Flood { bytes } => self.flood(bytes),
            ScriptStep::Garbage => {
                let garbage = b"{\"aq\":\"nonsense\"}\n{broken\n\xff\xfe\x00 not text\n";
                drop(self.stdout.write_all(garbage).and_then(|()| self.stdout.flush()));
            }
            ScriptStep::Done(text) => return Next::Stop(self.result(true, fill(&text), "")),
        }
        Next::Go
    }

    fn result(&mut self, success: bool, text: String, class: &str) -> Ended {
        self.say(&Said::Result { success, text, class: class.to_owned(), window: String::new(), resets_at_ms: None });
        if success { Ended::Success } else { Ended::Failure }
    }

    fn interrupted(&mut self) -> Ended {
        self.result(false, "I was interrupted.".to_owned(), "agent")
    }

    /// Uses a tool whose failure ends the run.
    fn must(&mut self, name: &str, summary: &str, work: impl FnOnce() -> Result<String, String>) -> Next {
        match self.tool(name, summary, work) {
            Ok(()) => Next::Go,
            Err(error) => Next::Stop(self.result(false, format!("{name} failed: {error}"), "agent")),
        }
    }

    fn tool(&mut self, name: &str, summary: &str, work: impl FnOnce() -> Result<String, String>) -> Result<(), String> {
        self.calls += 1;
        let id = format!("call-{}", self.calls);
        let input = serde_json::json!({ "input": summary });
        self.say(&Said::Tool { id: id.clone(), name: name.to_owned(), summary: summary.to_owned(), input });
        let (error, text, outcome) = match work() {
            Ok(text) => (false, text, Ok(())),
            Err(text) => (true, text.clone(), Err(text)),
        };
        self.say(&Said::ToolResult { id, error, text });
        outcome
    }

    fn ask(&mut self, id: &str, asked: Asked<'_>, progress: &mut Progress) -> Next {
        let Asked { kind, text, tool, detail, options } = asked;
        self.say(&Said::Question { id: id.to_owned(), kind, text, tool: tool.to_owned(), detail: detail.to_owned(), options });
        loop {
            match self.hear(Duration::from_secs(3600), Some(id)) {
                Heard::Nothing if self.deaf => return Next::Stop(self.result(false, "Nobody can answer my question.".to_owned(), "agent")),
                Heard::Nothing => {}
                Heard::Interrupted => return Next::Stop(self.interrupted()),
                Heard::Answer(verdict, answer) => {
                    let words = match verdict {
                        Verdict::Text | Verdict::Allow => answer.clone(),
                        Verdict::Deny => format!("no: {answer}"),
                    };
                    self.say(&Said::Closed { id: id.to_owned(), answer: words });
                    if kind != Kind::Question && verdict == Verdict::Deny {
                        self.say(&Said::Say { text: format!("I was told no: {answer}") });
                    }
                    progress.answer = answer;
                    return Next::Go;
                }
            }
        }
    }

    /// Listens for `time`, or until the question `wanted` is answered.
    fn hear(&mut self, time: Duration, wanted: Option<&str>) -> Heard {
        let end = clock::monotonic() + time;
        loop {
            let left = end.saturating_duration_since(clock::monotonic());
            if self.deaf {
                std::thread::sleep(if wanted.is_some() { Duration::ZERO } else { left });
                return Heard::Nothing;
            }
            match self.inbox.recv_timeout(left) {
                Ok(Told::Interrupt) => return Heard::Interrupted,
                Ok(Told::Message { id, text }) => {
                    self.say(&Said::Delivered { id });
                    self.say(&Said::Say { text: format!("You told me: {text}") });
                }
                Ok(Told::Answer { id, verdict, text }) if wanted == Some(id.as_str()) => return Heard::Answer(verdict, text),
                Ok(Told::Answer { .. } | Told::Start { .. }) => {}
                Err(RecvTimeoutError::Timeout) => return Heard::Nothing,
                Err(RecvTimeoutError::Disconnected) => self.deaf = true,
            }
        }
    }

    /// Prints numbered plain lines, `bytes` bytes in all.
    fn flood(&mut self, bytes: u64) {
        let mut written = 0;
        let mut number = 0_u64;
        while written < bytes {
            let line = format!("flood line {number} {}\n", "x".repeat(80));
            if self.stdout.write_all(line.as_bytes()).is_err() {
                return;
            }
            written += line.len() as u64;
            number += 1;
        }
        drop(self.stdout.flush());
    }
}

/// What is asked of a person.
struct Asked<'a> {
    kind: Kind,
    text: String,
    tool: &'a str,
    detail: &'a str,
    options: Vec<String>,
}

/// The instant `seconds` from now.
fn reset_in(seconds: u64) -> i64 {
    let millis = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    clock::now().plus_millis(millis).as_millis()
}
