//! Every call of the contract with bytes that nobody would send: mutants of requests about what is there.

use prost::Message as _;
use prost_reflect::{Cardinality, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::raw::path;
use super::requests::{AGENT, Asked, PROJECT, TASK};
use crate::mutate::{corpus, mutants, tell};

/// Mutants of each call.
const EACH: u64 = 12;
const SPICES: [&str; 10] =
    ["\u{0}", "\u{1}\u{2}", "\u{a}\u{3}web", "\u{12}\u{0}", "\u{7f}\u{7f}\u{7f}", "../", "\u{202e}", "*", "9223372036854775807", "ß🦀"];

/// A request that somebody may well send: ids of what is there, small numbers, the first of each choice.
fn plausible(message: &MessageDescriptor, depth: usize) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    let deep = |field: &FieldDescriptor| depth > 2 && matches!(field.kind(), Kind::Message(_));
    for field in message.fields().filter(|field| !field.is_map() && !deep(field)) {
        let one = match field.kind() {
            Kind::String => Value::String(match field.name() {
                "task_id" | "id" => TASK.to_owned(),
                "project_id" => PROJECT.to_owned(),
                "agent_id" => AGENT.to_owned(),
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
            Kind::Message(message) => Value::Message(plausible(&message, depth + 1)),
        };
        made.set_field(&field, if field.cardinality() == Cardinality::Repeated { Value::List(vec![one]) } else { one });
    }
    made
}

/// What the fuzzer printed of the requests that it asked in a row, one on each line (`escape_ascii`).
fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [first, left @ ..] = rest {
        let (byte, left) = match (first, left) {
            (b'\\', [b'x', high, low, left @ ..]) => (u8::from_str_radix(&String::from_utf8_lossy(&[*high, *low]), 16).unwrap(), left),
            (b'\\', [b'n', left @ ..]) => (b'\n', left),
            (b'\\', [b'r', left @ ..]) => (b'\r', left),
            (b'\\', [b't', left @ ..]) => (b'\t', left),
            (b'\\', [plain, left @ ..]) => (*plain, left),
            _ => (*first, left),
        };
        bytes.push(byte);
        rest = left;
    }
    bytes
}

/// Fuzzing R5: requests are asked in a row, and the rows keep their promises after each: the corpus, or with `AQ_SEQUENCE=<file>` what the fuzzer printed when one
/// of them broke.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test is told what to repeat by the environment")]
async fn requests_in_a_row_keep_the_promises() {
    let row: Vec<Vec<u8>> = match std::env::var_os("AQ_SEQUENCE") {
        Some(file) => std::fs::read_to_string(file).unwrap().lines().map(unescaped).collect(),
        None => corpus("requests"),
    };
    let server = Asked::start().await;
    for (number, input) in row.iter().enumerate() {
        let at = |wrong: String| {
            let called = server.read(input).map_or("nothing", |(method, _)| method.full_name());
            panic!("request {number}, {called}, {:?}: {wrong}", input.escape_ascii().to_string())
        };
        server.ask(input).await.unwrap_or_else(at);
        if (number + 1).is_multiple_of(20) {
            server.furnish().await;
        }
        server.check().await.unwrap_or_else(at);
    }
}

/// F-149, D-76, simulator R9: whatever bytes come as a request, the answer is about the request, and afterwards the rows keep the promises.
#[tokio::test]
async fn requests_of_any_shape_are_answered() {
    let server = Asked::start().await;
    let mut offences = Vec::new();
    for input in corpus("requests") {
        offences.extend(server.ask(&input).await.err());
    }
    for method in server.methods() {
        server.furnish().await;
        let path = path(method);
        let name = path.strip_prefix("/agentqueue.v1.").unwrap();
        let seeds = [plausible(&method.input(), 0).encode_to_vec(), Vec::new()];
        for message in std::iter::once(seeds[0].clone()).chain(mutants(&seeds, &SPICES, EACH)) {
            let input = [name.as_bytes(), b"\n", &message].concat();
            offences.extend(server.ask(&input).await.err());
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
    server.check().await.unwrap();
    tell("requests of any shape", EACH * server.methods().len() as u64);
}
