//! The protocol's questions, answered from the registry in the name of whoever asks.

use std::borrow::Cow;
use std::sync::Arc;

use aq_core::principal::Principal;
use aq_proto::error_detail::reason;
use aq_runner::redact::Redactor;
use http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool as Shown, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::Refused;
use crate::rates::Rate;
use crate::tools::{Tool, ToolBox, ToolError};

/// Longest text of an answer, in bytes.
const LONGEST: usize = 96 * 1024;

/// What is said when arguments held something secret.
const MASKED: &str =
    "What looks like a credential was replaced by [redacted] before anything was stored. Secrets belong into the server's configuration.";

/// What an assistant of a person is told at the beginning.
const FOR_PEOPLE: &str = "Agent Queue keeps coding agents busy on the tasks of projects. Look with get_status, list_tasks and explain_task. Make work \
                          with create_task: its description is all that the agent knows. Ids are words like swift-falcon; never invent one.";

/// What an agent of a run is told at the beginning.
const FOR_AGENTS: &str = "You work on one task of Agent Queue. get_task shows it, get_task_result what the tasks before it \
                          brought. Tell how far you are with report_progress. When you find work that does not belong to your task, do not do it: \
                          propose_task hands it to the people in charge. What only a person can decide, ask with ask_human.";

/// The id that makes repeating a message safe, in the extensions of its request.
#[derive(Clone, Debug)]
pub(super) struct MessageId(pub(super) String);

/// The server's side of the protocol.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) tools: Arc<dyn ToolBox>,
    pub(super) rate: Arc<Rate>,
    pub(super) redactor: Arc<Redactor>,
}

/// Who asks. The listener and the exchange put it there after they have looked at the key.
fn caller(context: &RequestContext<RoleServer>) -> Result<(&Parts, Principal), ErrorData> {
    let parts = context.extensions.get::<Parts>();
    let known = parts.and_then(|parts| parts.extensions.get::<Principal>().map(|principal| (parts, principal.clone())));
    known.ok_or_else(|| ErrorData::internal_error("the message came without an API key", None))
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let about = format!("{FOR_PEOPLE} With the key of a run: {FOR_AGENTS}");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("agent-queue", env!("CARGO_PKG_VERSION")))
            .with_instructions(about)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (_, caller) = caller(&context)?;
        let tools = self.tools.list(&caller, &["*"]).iter().map(shown).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let (parts, caller) = caller(&context)?;
        if let Err(wait) = self.rate.take(&caller.key_id, Instant::now()) {
            tracing::warn!(tool = %request.name, actor = caller.actor(), "a tool was refused: too many calls");
            let sentence = "too many calls of tools with this API key".to_owned();
            let refused = Refused { reason: reason::RATE_LIMITED.to_owned(), sentence, fields: Vec::new(), retry_after: Some(wait) };
            let told = ToolError::Refused(refused).to_string();
            return Ok(CallToolResult::error(vec![ContentBlock::text(told)]).into());
        }
        let mut arguments = Value::Object(request.arguments.unwrap_or_default());
        let mutates = self.tools.find(&caller, &request.name).is_some_and(|tool| tool.mutates);
        let masked = mutates && mask(&self.redactor, &mut arguments);
        // A message that is sent again must not have its effect again.
        if let Some(MessageId(id)) = parts.extensions.get::<MessageId>()
            && let Some(given) = arguments.as_object_mut().filter(|_| mutates)
        {
            given.entry("request_id").or_insert_with(|| json!(id));
        }
        let answered = tokio::select! {
            answered = self.tools.call(&caller, &request.name, arguments) => answered,
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("nobody waits for the answer any more", None)),
        };
        let mut result = match answered {
            Ok(answer) => CallToolResult::success(vec![ContentBlock::text(cut(answer.to_string()))]),
            Err(error) => CallToolResult::error(vec![ContentBlock::text(cut(error.to_string()))]),
        };
        if masked {
            result.content.push(ContentBlock::text(MASKED));
        }
        Ok(result.into())
    }
}

/// Takes what is secret out of the texts of the arguments; true when there was something.
fn mask(redactor: &Redactor, arguments: &mut Value) -> bool {
    match arguments {
        Value::String(text) => match redactor.redact(text) {
            Cow::Owned(clean) => {
                *text = clean;
                true
            }
            Cow::Borrowed(_) => false,
        },
        Value::Array(items) => items.iter_mut().fold(false, |found, item| mask(redactor, item) | found),
        Value::Object(fields) => fields.values_mut().fold(false, |found, value| mask(redactor, value) | found),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The beginning of a long answer, and how much is missing.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let missing = text.len() - end;
        text.truncate(end);
        text.push_str("\n… the answer is cut: ");
        text.push_str(&missing.to_string());
        text.push_str(" more bytes; ask for less, for example with page_size");
    }
    text
}

/// A tool in the protocol's form.
fn shown(tool: &Arc<Tool>) -> Shown {
    let schema = tool.input.as_object().cloned().unwrap_or_default();
    let takes_away = ["delete_", "remove_", "stop_", "shutdown", "revoke_", "reject_"].iter().any(|word| tool.name.starts_with(word));
    let hints = ToolAnnotations::new().read_only(!tool.mutates).destructive(tool.mutates && takes_away).open_world(false);
    Shown::new(tool.name.clone(), tool.description.clone(), Arc::new(schema)).with_annotations(hints)
}
