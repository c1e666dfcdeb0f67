//! McpService: one message of an assistant and its answer. What the messages mean is not known here.

use std::sync::Arc;

use aq_proto::v1 as pb;
use pb::mcp_service_server::McpService;
use tonic::Request;

use super::ports::Assistants;
use super::service::Api;
use super::status::{ApiError, Reply};
use crate::commands::CommandError;

/// Longest message of an assistant, in bytes.
pub const MAX_MESSAGE: usize = 512 * 1024;

/// McpService.
pub(super) struct Mcp(pub(super) Api);

impl Mcp {
    async fn exchange(&self, request: Request<pb::ExchangeMcpMessageRequest>) -> Reply<pb::ExchangeMcpMessageResponse> {
        let call = self.0.admit(request)?;
        let pb::ExchangeMcpMessageRequest { message, request_id } = call.body;
        if message.len() > MAX_MESSAGE {
            return Err(ApiError::invalid("message", format!("is longer than {MAX_MESSAGE} bytes")).into());
        }
        let read: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(&message);
        if !read.is_ok_and(|message| message.get("jsonrpc").is_some_and(|version| version == "2.0")) {
            return Err(ApiError::invalid("message", "must be one JSON-RPC 2.0 message, an object with \"jsonrpc\": \"2.0\"").into());
        }
        let desk: &Arc<dyn Assistants> = self.0.assistants().ok_or_else(|| {
            ApiError::from(CommandError::precondition("MCP_NOT_READY", "the tools are not served yet; try again in a second"))
        })?;
        let answered = desk.exchange(call.context.principal, message, request_id).await;
        let message = answered.map_err(|problem| ApiError::invalid("message", problem))?;
        Ok(tonic::Response::new(pb::ExchangeMcpMessageResponse { message }))
    }
}

#[tonic::async_trait]
impl McpService for Mcp {
    async fn exchange_mcp_message(&self, request: Request<pb::ExchangeMcpMessageRequest>) -> Reply<pb::ExchangeMcpMessageResponse> {
        self.exchange(request).await
    }
}
