//! ChatService.

use aq_core::chat::{ModelError, Said, Speaker, TranscriptError, transcript};
use aq_core::ids::ProjectId;
use aq_proto::v1 as pb;
use futures_util::StreamExt as _;
use pb::chat_service_server::ChatService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response};

use super::convert;
use super::incoming::{few, member, optional_project, short};
use super::service::Api;
use super::status::{ApiError, Reply, Status, Stream};
use super::talk::{Ask, Digest, Talk, TalkError};
use crate::commands::{Context, project};
use crate::events::wire;

/// Longest name of a request, in bytes.
const MAX_REQUEST_ID: usize = 128;
/// Longest name of an author or a model, in bytes.
const MAX_NAME: usize = 256;

/// The service.
pub(super) struct Chats(pub(super) Api);

fn name(field: &str, text: &str) -> Result<String, ApiError> {
    if text.len() > MAX_NAME {
        return Err(ApiError::invalid(field, format!("is longer than {MAX_NAME} bytes")));
    }
    short(field, text)
}

fn said(field: &str, messages: &[pb::ChatMessage]) -> Result<Vec<Said>, ApiError> {
    few(field, messages.len())?;
    let each = messages.iter().enumerate().map(|(index, message)| {
        let at = |name: &str| format!("{field}[{index}].{name}");
        let speaker = match member::<pb::ChatSpeaker>(&at("speaker"), message.speaker)? {
            Some(pb::ChatSpeaker::Assistant) => Speaker::Model,
            _ => Speaker::Person,
        };
        if message.text.contains('\0') {
            return Err(ApiError::invalid(at("text"), "holds a NUL character"));
        }
        Ok(Said { speaker, author: name(&at("author"), &message.author)?, text: message.text.clone() })
    });
    each.collect()
}

fn unreadable(error: &TranscriptError) -> ApiError {
    let field = if matches!(error, TranscriptError::TooMany(_)) { "history" } else { "text" };
    ApiError::invalid(field, error.to_string())
}

impl Chats {
    /// The project in a field, if the caller may know of it.
    async fn project(&self, context: &Context, text: &str) -> Result<Option<ProjectId>, ApiError> {
        let Some(id) = optional_project("project_id", text)? else { return Ok(None) };
        let (context, wanted) = (context.clone(), id.clone());
        self.0.turn(&context).look(move |seen| Ok(project(seen.figures, &context, &wanted).map(|_| ())?)).await?;
        Ok(Some(id))
    }

    fn talk(&self) -> Result<std::sync::Arc<dyn Talk>, ApiError> {
        let none = || TalkError::Model(ModelError::NotConfigured("this server was started without a chat".to_owned()));
        Ok(self.0.talk().ok_or_else(none)?)
    }
}

#[tonic::async_trait]
impl ChatService for Chats {
    type ChatStream = Stream<pb::ChatResponse>;

    async fn chat(&self, request: Request<pb::ChatRequest>) -> Reply<Self::ChatStream> {
        let call = self.0.admit(request)?;
        let body = &call.body;
        let history = said("history", &body.history)?;
        if body.text.contains('\0') {
            return Err(ApiError::invalid("text", "holds a NUL character").into());
        }
        if body.request_id.len() > MAX_REQUEST_ID {
            return Err(ApiError::invalid("request_id", format!("is longer than {MAX_REQUEST_ID} bytes")).into());
        }
        let messages = transcript(&history, &name("author", &body.author)?, &body.text).map_err(|error| unreadable(&error))?;
        let model = name("model", &body.model)?;
        let project = self.project(&call.context, &body.project_id).await?;
        let ask = Ask { messages, project, model, request_id: body.request_id.clone() };
        let heard = self.talk()?.chat(call.context.principal, ask).map_err(ApiError::from)?;
        let clock = self.0.parts.clock.clone();
        let stream = ReceiverStream::new(heard)
            .map(move |told| told.map(|told| convert::told(told, clock.now())).map_err(|error| Status::from(ApiError::from(error))));
        Ok(Response::new(Box::pin(stream)))
    }

    async fn summarize(&self, request: Request<pb::SummarizeRequest>) -> Reply<pb::SummarizeResponse> {
        let call = self.0.admit(request)?;
        let messages = said("messages", &call.body.messages)?;
        let bytes: usize = messages.iter().map(|said| said.text.len()).sum();
        if messages.iter().all(|said| said.text.trim().is_empty()) {
            return Err(ApiError::invalid("messages", "says nothing; give at least one message with text").into());
        }
        if bytes > 512 * 1024 {
            return Err(ApiError::invalid("messages", "is longer than 524288 bytes; summarise in parts").into());
        }
        let model = name("model", &call.body.model)?;
        let project = self.project(&call.context, &call.body.project_id).await?;
        let digest = Digest { messages, project, model };
        let summary = self.talk()?.summarize(call.context.principal, digest).await.map_err(ApiError::from)?;
        Ok(Response::new(pb::SummarizeResponse { text: summary.text, tokens: Some(wire::tokens(summary.tokens)) }))
    }
}
