//! The chat with prepared turns.

use std::pin::Pin;

use aq_proto::v1;
use aq_proto::v1::chat_service_server::ChatService;
use futures_util::{Stream, StreamExt as _, stream};
use tonic::{Request, Response, Status};

use super::Fake;

#[tonic::async_trait]
impl ChatService for Fake {
    type ChatStream = Pin<Box<dyn Stream<Item = Result<v1::ChatResponse, Status>> + Send>>;

    async fn chat(&self, request: Request<v1::ChatRequest>) -> Result<Response<Self::ChatStream>, Status> {
        self.said.lock().unwrap().push(request.into_inner());
        let turn = self.turns.lock().unwrap().pop_front().unwrap_or_default();
        Ok(Response::new(Box::pin(stream::iter(turn).chain(stream::pending()))))
    }

    async fn summarize(&self, _: Request<v1::SummarizeRequest>) -> Result<Response<v1::SummarizeResponse>, Status> {
        Err(Status::unavailable("not needed"))
    }
}
