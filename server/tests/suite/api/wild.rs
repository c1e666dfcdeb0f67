//! Every call of the contract with bytes that nobody would send: mutants of requests about what is there.

use aq_proto::v1 as pb;
use aq_server::clock::Clock as _;
use aq_server::commands::check::check;
use prost::Message as _;
use prost_reflect::{Cardinality, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};
use tonic::{Code, Status};

use super::fixture::{Client, Server};
use super::walk::{Raw, methods, path, pool};
use crate::mutate::{mutants, tell};

/// Mutants of each call.
const EACH: u64 = 12;
const SPICES: [&str; 10] =
    ["\u{0}", "\u{1}\u{2}", "\u{a}\u{3}web", "\u{12}\u{0}", "\u{7f}\u{7f}\u{7f}", "../", "\u{202e}", "*", "9223372036854775807", "ß🦀"];

/// A request that somebody may well send: ids of what is there, small numbers, the first of each choice.
fn plausible(message: &MessageDescriptor, task: &str, depth: usize) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    let deep = |field: &FieldDescriptor| depth > 2 && matches!(field.kind(), Kind::Message(_));
    for field in message.fields().filter(|field| !field.is_map() && !deep(field)) {
        let one = match field.kind() {
            Kind::String => Value::String(match field.name() {
                "task_id" | "id" => task.to_owned(),
                "project_id" => "web".to_owned(),
                "agent_id" => "worker".to_owned(),
                "request_id" => continue,
                _ => "words".to_owned(),
            }),
            Kind::Bytes => Value::Bytes(b"bytes".as_slice().into()),
            Kind::Bool => Value::Bool(true),
            Kind::Double => Value::F64(0.5),
            Kind::Float => Value::F32(0.5),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(1),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(1),
            Kind::Enum(_) => Value::EnumNumber(1),
            Kind::Message(message) => Value::Message(plausible(&message, task, depth + 1)),
        };
        made.set_field(&field, if field.cardinality() == Cardinality::Repeated { Value::List(vec![one]) } else { one });
    }
    made
}

/// The status of a call. Of a stream only whether it begins: what follows may be a long time in coming.
async fn call(client: &Client, method: &MethodDescriptor, body: Vec<u8>) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(client.clone());
    grpc.ready().await.unwrap();
    let answer = grpc.server_streaming(tonic::Request::new(body), path(method).parse().unwrap(), Raw).await?;
    if method.is_server_streaming() { Ok(()) } else { answer.into_inner().message().await.map(|_| ()) }
}

/// What is wrong with an answer. A message that is none at all is answered as every gRPC server does.
fn accident(status: &Status) -> bool {
    let undecodable = status.message().starts_with("failed to decode Protobuf message");
    let accidental = matches!(status.code(), Code::Internal | Code::Unknown | Code::DataLoss | Code::Cancelled);
    (accidental && !undecodable) || status.message().trim().is_empty()
}

/// F-149, D-76, simulator R9: whatever bytes come as a request, the answer is about the request, and afterwards the rows keep the promises.
#[tokio::test]
async fn requests_of_any_shape_are_answered() {
    let server = Server::start().await;
    let client = server.admin();
    let methods = methods(&pool());
    let mut offences = Vec::new();
    for method in &methods {
        // Something to speak of, whatever the calls before deleted.
        drop(client.projects().create_project(pb::CreateProjectRequest { name: "web".into(), ..Default::default() }).await);
        drop(client.agents().create_agent(pb::CreateAgentRequest { name: "worker".into(), ..Default::default() }).await);
        let wanted = pb::CreateTaskRequest { project_id: "web".into(), title: "one".into(), ..Default::default() };
        let task = client.tasks().create_task(wanted).await.map(|task| task.into_inner().id).unwrap_or_default();
        let seeds = [plausible(&method.input(), &task, 0).encode_to_vec(), Vec::new()];
        for bytes in std::iter::once(seeds[0].clone()).chain(mutants(&seeds, &SPICES, EACH)) {
            if let Err(status) = call(&client, method, bytes.clone()).await
                && accident(&status)
            {
                offences.push(format!("{} with {bytes:?}: {status:?}", path(method)));
            }
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
    let now = server.inner.clock.now();
    let findings = server.inner.engine.submit(move |tx| check(tx.db, tx.state, now)).await.unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
    tell("requests of any shape", EACH * methods.len() as u64);
}
