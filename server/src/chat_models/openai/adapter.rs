//! The adapter: a key, and the call.

use aq_core::chat::{Answer, ChatModel, ModelCall, ModelError};
use aq_core::runner_link::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::answer::Reading;
use super::request;
use crate::chat_models::frames::Framing;
use crate::chat_models::http::{Http, Patience};
use crate::chat_models::streamed::Streamed;
use crate::clock::SharedClock;
use crate::config::Secret;

/// Where OpenAI's own API is.
pub const OPENAI_URL: &str = "https://api.openai.com/v1";

/// Models of an endpoint.
pub struct OpenAi {
    http: Http,
    model: String,
    key: Secret,
    dialect: request::Dialect,
}

impl OpenAi {
    /// The endpoint at `root`, which contains its version (`/v1`); an empty key is not sent.
    ///
    /// # Errors
    /// [`ModelError::NotConfigured`].
    pub fn new(root: &str, model: &str, key: Secret, patience: Patience, clock: SharedClock) -> Result<Self, ModelError> {
        if model.is_empty() {
            return Err(ModelError::NotConfigured("set chat_provider.model; an endpoint of this kind has no default".to_owned()));
        }
        let dialect = if root.starts_with("https://api.openai.com") { request::Dialect::Newest } else { request::Dialect::Common };
        Ok(Self { http: Http::new(root, patience, clock)?, model: model.to_owned(), key, dialect })
    }
}

impl ChatModel for OpenAi {
    fn provider(&self) -> &'static str {
        "openai"
    }

    fn model(&self) -> String {
        self.model.clone()
    }

    fn ask<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<Box<dyn Answer>, ModelError>> {
        Box::pin(async move {
            let mut headers = HeaderMap::new();
            if !self.key.is_empty() {
                let secret = HeaderValue::from_str(&format!("Bearer {}", self.key.expose()));
                let mut secret = secret.map_err(|_| ModelError::Auth("the key is not text".to_owned()))?;
                secret.set_sensitive(true);
                headers.insert(AUTHORIZATION, secret);
            }
            let answer = self.http.post("/chat/completions", headers, &request::body(call, &self.model, self.dialect)).await?;
            Ok(Box::new(Streamed::new(answer, Framing::Events, Reading::default(), Vec::new())) as Box<dyn Answer>)
        })
    }
}
