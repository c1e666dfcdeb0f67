//! The adapter: a credential, a call, and once more with a fresh credential when it is refused.

use std::sync::{Mutex, PoisonError};

use aq_core::chat::{Answer, ChatModel, ModelCall, ModelError};
use aq_core::runner_link::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::answer::Reading;
use super::request;
use crate::chat_models::frames::Framing;
use crate::chat_models::http::{Http, Patience};
use crate::chat_models::login::{Credential, Login};
use crate::chat_models::streamed::Streamed;
use crate::clock::SharedClock;

/// Where the API is.
pub const ANTHROPIC_URL: &str = "https://api.anthropic.com";
/// The model that is asked when none is configured.
pub const ANTHROPIC_MODEL: &str = "claude-sonnet-4-5";
/// The version of the API that this adapter speaks.
const VERSION: &str = "2023-06-01";
/// What the API wants to hear with a token instead of a key.
const TOKEN_BETA: &str = "oauth-2025-04-20";

/// Models of Anthropic.
pub struct Anthropic {
    http: Http,
    model: String,
    login: Login,
    credential: Mutex<Option<Credential>>,
}

impl Anthropic {
    /// The API at `root`, with the credential that `login` finds; `model` is asked when a call names none.
    ///
    /// # Errors
    /// [`ModelError::NotConfigured`].
    pub fn new(root: &str, model: &str, login: Login, patience: Patience, clock: SharedClock) -> Result<Self, ModelError> {
        let model = if model.is_empty() { ANTHROPIC_MODEL } else { model }.to_owned();
        let root = root.trim_end_matches('/');
        let root = root.strip_suffix("/v1").unwrap_or(root);
        Ok(Self { http: Http::new(root, patience, clock)?, model, login, credential: Mutex::default() })
    }

    /// The credential, read when there is none yet, or again.
    async fn credential(&self, again: bool) -> Result<Credential, ModelError> {
        let known = self.credential.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|_| !again) {
            return Ok(known);
        }
        let found = self.login.read().await?;
        *self.credential.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    async fn send(&self, call: &ModelCall, again: bool) -> Result<Box<dyn Answer>, ModelError> {
        let headers = headers(&self.credential(again).await?)?;
        let body = request::body(call, &self.model);
        let answer = self.http.post("/v1/messages", headers, &body).await?;
        Ok(Box::new(Streamed::new(answer, Framing::Events, Reading::default(), Vec::new())))
    }
}

fn headers(credential: &Credential) -> Result<HeaderMap, ModelError> {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
    let secret = |text: &str| {
        let mut value = HeaderValue::from_str(text).map_err(|_| ModelError::Auth("the credential is not text".to_owned()))?;
        value.set_sensitive(true);
        Ok::<_, ModelError>(value)
    };
    match credential {
        Credential::Key(key) => drop(headers.insert(HeaderName::from_static("x-api-key"), secret(key.expose())?)),
        Credential::Token(token) => {
            drop(headers.insert(AUTHORIZATION, secret(&format!("Bearer {}", token.expose()))?));
            drop(headers.insert(HeaderName::from_static("anthropic-beta"), HeaderValue::from_static(TOKEN_BETA)));
        }
    }
    Ok(headers)
}

impl ChatModel for Anthropic {
    fn provider(&self) -> &'static str {
        "anthropic"
    }

    fn model(&self) -> String {
        self.model.clone()
    }

    fn ask<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<Box<dyn Answer>, ModelError>> {
        Box::pin(async move {
            match self.send(call, false).await {
                // The login may have been renewed by its own program meanwhile (F-184).
                Err(ModelError::Auth(_)) => self.send(call, true).await,
                other => other,
            }
        })
    }
}
