//! One message in, one message out: the protocol's service without sessions, behind both ways to it.

use std::sync::Arc;

use aq_core::principal::Principal;
use aq_core::runner_link::BoxFuture;
use aq_runner::redact::{RedactError, Redactor};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::handler::{Handler, MessageId};
use crate::api::{Assistants, MAX_MESSAGE};
use crate::loopback::Answer;
use crate::rates::Rate;
use crate::tools::ToolBox;

/// The protocol's service. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    service: StreamableHttpService<Handler, NeverSessionManager>,
}

impl Desk {
    /// A desk that hands out `tools`, to each key `calls_per_second` and twice as many in a burst, and keeps `secrets` out of what is written.
    ///
    /// # Errors
    /// The secrets are too much for one search.
    pub fn new(tools: Arc<dyn ToolBox>, calls_per_second: u32, secrets: &[String]) -> Result<Self, RedactError> {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .enforce_origin_validation()
            .with_max_request_body_bytes(MAX_MESSAGE);
        let handler = Handler { tools, rate: Arc::new(Rate::new(calls_per_second)), redactor: Arc::new(Redactor::new(secrets)?) };
        Ok(Self { service: StreamableHttpService::new(move || Ok(handler.clone()), Arc::default(), config) })
    }

    /// Answers a request whose key was looked at.
    pub(super) async fn answer<B>(&self, mut request: Request<B>, caller: Principal) -> Answer
    where
        B: BodyExt + Send + 'static,
        B::Error: std::fmt::Display,
    {
        request.extensions_mut().insert(caller);
        self.service.handle(request).await
    }

    async fn exchange(&self, caller: Principal, message: String, id: String) -> Result<String, String> {
        let mut request = Request::new(Full::new(Bytes::from(message)));
        *request.method_mut() = http::Method::POST;
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        if !id.is_empty() {
            request.extensions_mut().insert(MessageId(id));
        }
        let answer = self.answer(request, caller).await;
        let status = answer.status();
        let Ok(body) = answer.into_body().collect().await;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        if status.is_success() || text.trim_start().starts_with('{') { Ok(text) } else { Err(text) }
    }
}

impl Assistants for Desk {
    fn exchange(&self, caller: Principal, message: String, id: String) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(Self::exchange(self, caller, message, id))
    }
}
