//! The adapter: is the model loaded, and the call.

use std::time::Duration;

use aq_core::chat::{Answer, ChatModel, Delta, ModelCall, ModelError};
use aq_core::runner_link::BoxFuture;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::answer::Reading;
use super::request::{self, OllamaOptions};
use crate::chat_models::frames::Framing;
use crate::chat_models::http::{Http, Patience};
use crate::chat_models::streamed::Streamed;
use crate::clock::SharedClock;

/// Where Ollama listens when nobody says otherwise.
pub const OLLAMA_URL: &str = "http://127.0.0.1:11434";
/// The model that is asked when none is configured.
pub const OLLAMA_MODEL: &str = "qwen3.5:35b";
/// How long it may take to say which models are loaded.
const LOOK: Duration = Duration::from_secs(5);

/// Models of an Ollama server.
pub struct Ollama {
    http: Http,
    model: String,
    options: OllamaOptions,
}

impl Ollama {
    /// The server at `root`, with or without `/v1`; `model` is asked when a call names none.
    ///
    /// # Errors
    /// [`ModelError::NotConfigured`].
    pub fn new(root: &str, model: &str, options: OllamaOptions, patience: Patience, clock: SharedClock) -> Result<Self, ModelError> {
        let root = root.trim_end_matches('/');
        let root = root.strip_suffix("/v1").unwrap_or(root);
        let model = if model.is_empty() { OLLAMA_MODEL } else { model }.to_owned();
        Ok(Self { http: Http::new(root, patience, clock)?, model, options })
    }

    /// True when a model of this name is in memory. When that cannot be found out, nobody is told to wait.
    async fn is_loaded(&self, model: &str) -> bool {
        let Ok(body) = self.http.get("/api/ps", LOOK).await else { return true };
        let Some(models) = body.get("models").and_then(Value::as_array) else { return true };
        let base = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        models.iter().any(|loaded| loaded.get("name").and_then(Value::as_str).is_some_and(|name| base(name) == base(model)))
    }
}

impl ChatModel for Ollama {
    fn provider(&self) -> &'static str {
        "ollama"
    }

    fn model(&self) -> String {
        self.model.clone()
    }

    fn ask<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<Box<dyn Answer>, ModelError>> {
        Box::pin(async move {
            let model = if call.model.is_empty() { &self.model } else { &call.model };
            if self.is_loaded(model).await {
                let answer = self.http.post("/api/chat", HeaderMap::new(), &request::body(call, model, &self.options)).await?;
                return Ok(Box::new(Streamed::new(answer, Framing::Lines, Reading::default(), Vec::new())) as Box<dyn Answer>);
            }
            let notice = format!("the model {model} is being loaded; the first answer takes longer");
            let (http, body) = (self.http.clone(), request::body(call, model, &self.options));
            Ok(Box::new(Cold { notice: Some(notice), http, body, answer: None, over: false }) as Box<dyn Answer>)
        })
    }
}

/// An answer of a model that has to be loaded first: the notice is said at once, and only then is asked.
struct Cold {
    notice: Option<String>,
    http: Http,
    body: Value,
    answer: Option<Streamed<Reading>>,
    over: bool,
}

impl Answer for Cold {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Delta, ModelError>>> {
        Box::pin(async move {
            if let Some(notice) = self.notice.take() {
                return Some(Ok(Delta::Notice(notice)));
            }
            if self.over {
                return None;
            }
            if self.answer.is_none() {
                match self.http.post("/api/chat", HeaderMap::new(), &self.body).await {
                    Ok(body) => self.answer = Some(Streamed::new(body, Framing::Lines, Reading::default(), Vec::new())),
                    Err(error) => {
                        self.over = true;
                        return Some(Err(error));
                    }
                }
            }
            match &mut self.answer {
                Some(answer) => answer.next().await,
                None => None,
            }
        })
    }
}
