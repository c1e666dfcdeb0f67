//! Every call of the contract, found by its description, with requests that nobody should send.

use std::collections::BTreeSet;

use aq_core::principal::Role;
use aq_proto::error_detail::ErrorDetail;
use aq_server::api::PERMISSIONS;
use prost::Message as _;
use prost_reflect::{Cardinality, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use tonic::{Code, Status};

use super::fixture::{Client, Server};
use super::raw::{Raw, methods, path, pool};

/// The status of a call, taking the first message of a stream.
async fn call(client: &Client, path: &str, body: Vec<u8>) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(client.clone());
    grpc.ready().await.unwrap();
    let answer = grpc.server_streaming(tonic::Request::new(body), path.parse().unwrap(), Raw).await?;
    answer.into_inner().message().await.map(|_| ())
}

/// What a walk puts into the fields.
#[derive(Clone, Copy)]
enum Filling {
    Garbage,
    Oversized,
}

fn filled(message: &MessageDescriptor, filling: Filling, depth: usize) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    for field in message.fields() {
        if field.is_map() || (depth > 3 && matches!(field.kind(), Kind::Message(_))) {
            continue;
        }
        let one = value(&field, filling, depth);
        let value = if field.cardinality() == Cardinality::Repeated { Value::List(vec![one]) } else { one };
        made.set_field(&field, value);
    }
    made
}

fn value(field: &FieldDescriptor, filling: Filling, depth: usize) -> Value {
    match field.kind() {
        Kind::String => Value::String(match filling {
            Filling::Garbage => "../\u{0}Ünsinn <>'\";--".to_owned(),
            Filling::Oversized => "x".repeat(20_000),
        }),
        Kind::Bytes => Value::Bytes(vec![0xff; 64].into()),
        Kind::Bool => Value::Bool(true),
        Kind::Double => Value::F64(f64::NAN),
        Kind::Float => Value::F32(f32::NAN),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(i32::MIN),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(i64::MIN),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(u32::MAX),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(u64::MAX),
        Kind::Enum(_) => Value::EnumNumber(9_999),
        Kind::Message(message) => Value::Message(filled(&message, filling, depth + 1)),
    }
}

/// A refusal that a caller can act on: it names a field, or the thing that is not there.
fn names_its_cause(status: &Status) -> bool {
    let refused = matches!(status.code(), Code::InvalidArgument | Code::NotFound);
    refused && ErrorDetail::of(status).is_some_and(|detail| !detail.violations.is_empty() || detail.resource.is_some())
}

/// F-149, D-76: whatever is sent, the answer is a sentence about the request and never an accident of the server.
#[tokio::test]
async fn no_request_causes_an_internal_error() {
    let server = Server::start().await;
    let client = server.admin();
    let mut offences = Vec::new();
    for method in methods(&pool()) {
        let (path, input) = (path(&method), method.input());
        let empty = call(&client, &path, Vec::new()).await;
        if let Err(status) = empty
            && !names_its_cause(&status)
        {
            offences.push(format!("{path} empty: {status:?}"));
        }
        for filling in [Filling::Garbage, Filling::Oversized] {
            let answer = call(&client, &path, filled(&input, filling, 0).encode_to_vec()).await;
            let harmless = input.fields().len() == 0;
            if !harmless && !answer.as_ref().is_err_and(names_its_cause) {
                offences.push(format!("{path} filled: {answer:?}"));
            }
        }
        let enums = input.fields().filter(|field| matches!(field.kind(), Kind::Enum(_)));
        for field in enums {
            let mut request = DynamicMessage::new(input.clone());
            let unknown = Value::EnumNumber(9_999);
            let value = if field.cardinality() == Cardinality::Repeated { Value::List(vec![unknown]) } else { unknown };
            request.set_field(&field, value);
            let answer = call(&client, &path, request.encode_to_vec()).await;
            if !answer.as_ref().is_err_and(names_its_cause) {
                offences.push(format!("{path} with an unknown {}: {answer:?}", field.name()));
            }
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

/// Api R1, I-41: what the table says is what happens, for each role and call, also for calls that do not come through the transport.
#[tokio::test]
async fn the_permission_table_holds_for_every_role() {
    let server = Server::start().await;
    let mut offences = Vec::new();
    for role in Role::ALL {
        let client = server.role(*role, &[]);
        for (path, roles) in PERMISSIONS {
            let denied = call(&client, path, Vec::new()).await.is_err_and(|status| status.code() == Code::PermissionDenied);
            // A viewer may watch, and may not be a durable reader; an empty name is refused before that.
            if denied == roles.contains(role) {
                offences.push(format!("{role} {path}: denied is {denied}"));
            }
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

/// F-148: the calls of the contract are the commands: each is in the permission table, once, and nothing else is.
#[test]
fn every_call_is_a_command() {
    let mut calls: Vec<_> = methods(&pool()).iter().map(path).collect();
    let mut table: Vec<_> = PERMISSIONS.iter().map(|(path, _)| (*path).to_owned()).collect();
    calls.sort();
    table.sort();
    assert_eq!(calls, table);
}

/// F-150, D-80: a call that names what is not there is told so in words about it, never in those of the store.
#[tokio::test]
async fn unknown_ids_are_told_in_words() {
    let server = Server::start().await;
    let client = server.admin();
    let (mut offences, mut not_found) = (Vec::new(), 0);
    for method in methods(&pool()) {
        let mut request = DynamicMessage::new(method.input());
        let ids = |field: &FieldDescriptor| field.kind() == Kind::String && field.name().ends_with("_id") && field.name() != "request_id";
        let fields: Vec<_> = method.input().fields().filter(|field| ids(field) && field.cardinality() != Cardinality::Repeated).collect();
        for field in &fields {
            request.set_field(field, Value::String("no-such-one".into()));
        }
        let Err(status) = call(&client, &path(&method), request.encode_to_vec()).await else { continue };
        let text = status.message().to_lowercase();
        if fields.is_empty() || status.code() != Code::NotFound {
            continue;
        }
        not_found += 1;
        let store_words = ["sql", "diesel", "row", "constraint", "database", "record", "panicked"];
        if !text.contains("no-such-one") || store_words.iter().any(|word| text.contains(word)) || !names_its_cause(&status) {
            offences.push(format!("{}: {status:?}", path(&method)));
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
    assert!(not_found >= 20, "{not_found}");
}

/// Api R5, F-173: every request that changes something carries a request id; the others carry none.
#[test]
fn mutations_and_only_mutations_are_named() {
    let pool = pool();
    let reads = [
        "Get",
        "List",
        "Stream",
        "Watch",
        "Explain",
        "Forecast",
        "Check",
        "Acknowledge",
        "Compare",
        "Render",
        "Keep",
        "Summarize",
        "Verify",
    ];
    let named: BTreeSet<_> = methods(&pool)
        .iter()
        .filter(|method| {
            method.input().get_field_by_name("request_id").is_some() == reads.iter().any(|read| method.name().starts_with(read))
        })
        .map(path)
        .collect();
    assert!(named.is_empty(), "{named:?}");
}
