//! A collector of spans, as any that speaks OTLP over gRPC: it keeps what it is sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1 as otlp;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use otlp::trace_service_server::{TraceService, TraceServiceServer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

/// A span as it arrived; ids in hexadecimal, values as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty for a root.
    pub(super) parent: String,
    pub(super) name: String,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) error: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) resource: BTreeMap<String, String>,
    /// The headers that came with it.
    pub(super) headers: BTreeMap<String, String>,
}

impl Span {
    pub(super) fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map(String::as_str).unwrap_or_default()
    }

    /// True for a span of this task.
    pub(super) fn is_of(&self, task: &str) -> bool {
        self.get("aq.task.id") == task
    }
}

/// What arrived.
#[derive(Clone)]
pub(super) struct Collector {
    spans: watch::Sender<Vec<Span>>,
    pub(super) address: SocketAddr,
}

impl Collector {
    /// A collector on a free port of this machine; it takes compressed batches, as all do.
    pub(super) async fn start() -> Self {
        Self::on(Server::builder()).await
    }

    /// One that shows the certificate of an authority of its own, as a company's may; the file of the authority comes with it.
    pub(super) async fn start_secured() -> (Self, &'static str) {
        let identity = Identity::from_pem(
            include_bytes!("../../../src/grpc/tests/tls/server.pem"),
            include_bytes!("../../../src/grpc/tests/tls/server.key"),
        );
        let server = Server::builder().tls_config(ServerTlsConfig::new().identity(identity)).unwrap();
        (Self::on(server).await, concat!(env!("CARGO_MANIFEST_DIR"), "/src/grpc/tests/tls/ca.pem"))
    }

    async fn on(mut server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self { spans: watch::Sender::new(Vec::new()), address: listener.local_addr().unwrap() };
        let service = TraceServiceServer::new(collector.clone()).accept_compressed(CompressionEncoding::Gzip);
        tokio::spawn(server.add_service(service).serve_with_incoming(TcpListenerStream::new(listener)));
        collector
    }

    /// Everything that arrived, as soon as `enough` says so.
    pub(super) async fn until(&self, enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let mut spans = self.spans.subscribe();
        let found = tokio::time::timeout(Duration::from_secs(120), spans.wait_for(|spans| enough(spans))).await;
        let found = found.map(|found| found.unwrap().clone());
        found.unwrap_or_else(|_| panic!("{:#?}", self.spans.borrow()))
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<otlp::ExportTraceServiceRequest>,
    ) -> Result<Response<otlp::ExportTraceServiceResponse>, Status> {
        let headers: BTreeMap<_, _> = request
            .metadata()
            .clone()
            .into_headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        for part in request.into_inner().resource_spans {
            let resource = texts(&part.resource.unwrap_or_default().attributes);
            let new = part.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| {
                let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                let status = span.status.unwrap_or_default();
                Span {
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    name: span.name,
                    start: span.start_time_unix_nano,
                    end: span.end_time_unix_nano,
                    error: (status.code == 2).then_some(status.message),
                    attributes: texts(&span.attributes),
                    resource: resource.clone(),
                    headers: headers.clone(),
                }
            });
            self.spans.send_modify(|spans| spans.extend(new));
        }
        Ok(Response::new(otlp::ExportTraceServiceResponse::default()))
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|pair| (pair.key.clone(), text(&pair.value))).collect()
}
