//! The server: health, runs and events with prepared answers, on a loopback port of its own thread.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aq_proto::v1;
use aq_proto::v1::event_service_server::{EventService, EventServiceServer};
use aq_proto::v1::mcp_service_server::{McpService, McpServiceServer};
use aq_proto::v1::run_service_server::{RunService, RunServiceServer};
use aq_proto::v1::stream_run_output_response::Event as Output;
use aq_proto::v1::watch_events_response::{Event as Watched, WatchStarted};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::oneshot;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::tasks::Tasks;

/// What a stream sends before it goes on or breaks.
type Prepared<T> = Vec<Result<T, Status>>;
type Answer<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Prepared answers.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    pub(crate) tasks: Arc<Mutex<Vec<v1::Task>>>,
    /// One entry per opening of an output stream; when they are used up the stream stays silent.
    pub(crate) output: Arc<Mutex<VecDeque<Prepared<v1::StreamRunOutputResponse>>>>,
    /// Requests for output, in order.
    pub(crate) asked: Arc<Mutex<Vec<v1::StreamRunOutputRequest>>>,
    pub(crate) events: Arc<Mutex<Vec<v1::Event>>>,
    /// One entry per turn of the chat; behind its last message the stream stays silent.
    pub(crate) turns: Arc<Mutex<VecDeque<Prepared<v1::ChatResponse>>>>,
    /// What was said to the chat.
    pub(crate) said: Arc<Mutex<Vec<v1::ChatRequest>>>,
}

/// A running server; dropping it ends it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// An item of text of run 1.
pub(crate) fn item(seq: u64, text: &str) -> v1::StreamRunOutputResponse {
    let body = v1::output_item::Body::Text(v1::output_item::Text { text: text.to_owned() });
    let item = v1::OutputItem { seq, time: None, body: Some(body) };
    v1::StreamRunOutputResponse { run_number: 1, event: Some(Output::Item(item)) }
}

impl Fake {
    pub(crate) fn with_tasks(tasks: impl IntoIterator<Item = (&'static str, v1::TaskStatus)>) -> Self {
        let make = |(id, status): (&'static str, v1::TaskStatus)| v1::Task {
            id: id.into(),
            title: format!("Title of {id}"),
            project_id: "web".into(),
            status: status.into(),
            ..Default::default()
        };
        Self { tasks: Arc::new(Mutex::new(tasks.into_iter().map(make).collect())), ..Self::default() }
    }

    pub(crate) fn prepare(&self, output: Prepared<v1::StreamRunOutputResponse>) {
        self.output.lock().unwrap().push_back(output);
    }

    pub(crate) fn start(&self) -> Running {
        let fake = self.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let (reporter, health) = tonic_health::server::health_reporter();
                reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
                let serving = tonic::transport::Server::builder()
                    .add_service(health)
                    .add_service(v1::task_service_server::TaskServiceServer::new(Tasks(fake.clone())))
                    .add_service(RunServiceServer::new(fake.clone()))
                    .add_service(v1::chat_service_server::ChatServiceServer::new(fake.clone()))
                    .add_service(McpServiceServer::new(fake.clone()))
                    .add_service(EventServiceServer::new(fake))
                    .serve_with_incoming(TcpListenerStream::new(listener));
                tokio::select! {
                    served = serving => served.unwrap(),
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        Running { address: told.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }
}

#[tonic::async_trait]
impl McpService for Fake {
    /// Says a message with an id back, on several lines.
    async fn exchange_mcp_message(
        &self,
        request: Request<v1::ExchangeMcpMessageRequest>,
    ) -> Result<Response<v1::ExchangeMcpMessageResponse>, Status> {
        let said = request.into_inner().message;
        let message: serde_json::Value = serde_json::from_str(&said).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let answer = message.get("id").map(|id| serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": { "echo": said } }));
        let message = answer.map(|answer| format!("{answer:#}")).unwrap_or_default();
        Ok(Response::new(v1::ExchangeMcpMessageResponse { message }))
    }
}

#[tonic::async_trait]
impl RunService for Fake {
    type StreamRunOutputStream = Answer<v1::StreamRunOutputResponse>;

    async fn get_run(&self, _: Request<v1::GetRunRequest>) -> Result<Response<v1::Run>, Status> {
        Err(Status::unauthenticated("no key was given"))
    }

    async fn list_runs(&self, _: Request<v1::ListRunsRequest>) -> Result<Response<v1::ListRunsResponse>, Status> {
        Err(Status::permission_denied("the key may not list runs"))
    }

    async fn stream_run_output(
        &self,
        request: Request<v1::StreamRunOutputRequest>,
    ) -> Result<Response<Self::StreamRunOutputStream>, Status> {
        self.asked.lock().unwrap().push(request.into_inner());
        let prepared = self.output.lock().unwrap().pop_front();
        let answer: Answer<_> = match prepared {
            Some(messages) => Box::pin(stream::iter(messages).chain(stream::pending())),
            None => Box::pin(stream::pending()),
        };
        Ok(Response::new(answer))
    }
}

#[tonic::async_trait]
impl EventService for Fake {
    type WatchEventsStream = Answer<v1::WatchEventsResponse>;

    async fn watch_events(&self, request: Request<v1::WatchEventsRequest>) -> Result<Response<Self::WatchEventsStream>, Status> {
        let after = request.into_inner().after_seq.unwrap_or(u64::MAX);
        let wrap = |event| Ok(v1::WatchEventsResponse { event: Some(event) });
        let mut messages = vec![wrap(Watched::Started(WatchStarted { after_seq: after.min(1_000), lease_id: String::new() }))];
        messages
            .extend(self.events.lock().unwrap().iter().filter(|event| event.seq > after).cloned().map(|event| wrap(Watched::Item(event))));
        Ok(Response::new(Box::pin(stream::iter(messages).chain(stream::pending()))))
    }

    async fn list_events(&self, _: Request<v1::ListEventsRequest>) -> Result<Response<v1::ListEventsResponse>, Status> {
        let events = self.events.lock().unwrap().iter().filter(|event| event.seq <= 2).rev().cloned().collect();
        Ok(Response::new(v1::ListEventsResponse { events, next_page_token: String::new() }))
    }

    async fn acknowledge_events(&self, _: Request<v1::AcknowledgeEventsRequest>) -> Result<Response<v1::EventConsumer>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn get_consumer(&self, _: Request<v1::GetConsumerRequest>) -> Result<Response<v1::EventConsumer>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn keep_records(&self, _: Request<v1::KeepRecordsRequest>) -> Result<Response<v1::KeepRecordsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn list_records(&self, _: Request<v1::ListRecordsRequest>) -> Result<Response<v1::ListRecordsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}
