//! Providers that misbehave: clear errors, bounded memory, nothing made up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aq_core::chat::{ChatModel, Delta, ModelError};
use aq_server::chat_models::{Patience, Patient};
use serde_json::json;

use super::stub::{Reply, Stub};
use super::wires::{call, pieces};
use super::words::{Part, Wire};

/// Whether an error is the one that is wanted.
type Fits = fn(&ModelError) -> bool;

/// chat_models R2: every cut of an answer before its end is a break, and never an answer.
#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let parts = vec![Part::Text("hello".into()), Part::tool("create_task", &json!({ "title": "x" }))];
    for wire in Wire::ALL {
        let whole = super::words::answer(wire, &parts, 1).len();
        for share in [0, 1, 3, 5, 7, 8] {
            let (parts, bytes) = (parts.clone(), whole * share / 10);
            let stub = Stub::start(wire, move |_| Reply::Break(parts.clone(), bytes)).await;
            let error = pieces(stub.model().as_ref(), &call("x")).await.unwrap_err();
            assert!(matches!(error, ModelError::Cut(_)), "{wire:?} {bytes}: {error:?}");
        }
    }
}

/// chat_models R2, R3: nonsense, an end too early, a line without an end, and an error within the stream each have their own word.
#[tokio::test]
async fn nonsense_has_a_name() {
    for wire in Wire::ALL {
        let frame = |text: &str| if wire == Wire::Ollama { format!("{text}\n") } else { format!("data: {text}\n\n") };
        let told = |wire| match wire {
            Wire::Anthropic => r#"{"type":"error","error":{"type":"overloaded_error","message":"too much"}}"#,
            Wire::Ollama => r#"{"error":"too much"}"#,
            Wire::OpenAi => r#"{"error":{"message":"too much"}}"#,
        };
        let cases: [(Vec<u8>, Fits); 5] = [
            (frame("{\"type\":").into_bytes(), |error| matches!(error, ModelError::Malformed(_))),
            (b"<html>busy</html>".to_vec(), |error| matches!(error, ModelError::Malformed(_) | ModelError::Cut(_))),
            (Vec::new(), |error| matches!(error, ModelError::Cut(_))),
            (vec![b'x'; 5 * 1024 * 1024], |error| matches!(error, ModelError::Malformed(_))),
            (frame(told(wire)).into_bytes(), |error| matches!(error, ModelError::Overloaded(words) if words.contains("too much"))),
        ];
        for (bytes, fits) in cases {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
            let stub = Stub::start(wire, move |_| Reply::Raw(bytes.clone())).await;
            let error = pieces(stub.model().as_ref(), &call("x")).await.unwrap_err();
            assert!(fits(&error), "{wire:?} {shown}: {error:?}");
        }
    }
}

/// chat_models R3: a long answer arrives whole, up to the limit of the wire.
#[tokio::test]
async fn a_megabyte_arrives_whole() {
    for wire in Wire::ALL {
        let stub = Stub::start(wire, |_| Reply::Say(vec![Part::Text("ä".repeat(500_000))])).await;
        let said = pieces(stub.model().as_ref(), &call("x")).await.unwrap();
        let length: usize = said.iter().map(|piece| if let Delta::Text(text) = piece { text.len() } else { 0 }).sum();
        assert_eq!(length, 1_000_000, "{wire:?}");
    }
}

/// chat_models R4: refusals have their meaning and the provider's own words.
#[tokio::test]
async fn refusals_are_told_in_the_providers_words() {
    let body = json!({ "type": "error", "error": { "type": "x", "message": "because" } });
    for wire in Wire::ALL {
        for (status, wanted) in
            [(401, "refuses the credential"), (404, "refuses the request"), (429, "limit"), (500, "overloaded"), (529, "overloaded")]
        {
            let body = body.clone();
            let stub = Stub::start(wire, move |_| Reply::Refuse(status, vec![("retry-after", "120".into())], body.clone())).await;
            let error = pieces(stub.model().as_ref(), &call("x")).await.unwrap_err();
            let told = error.to_string();
            let wanted = if status >= 500 { "free again in 120 s" } else { wanted };
            assert!(told.contains(wanted) && told.contains("because"), "{wire:?} {status}: {told}");
        }
    }
    let stub =
        Stub::start(Wire::OpenAi, |_| Reply::Refuse(429, vec![("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT".into())], json!({}))).await;
    let error = pieces(stub.model().as_ref(), &call("x")).await.unwrap_err();
    assert!(matches!(error, ModelError::Limited { retry_after_ms: Some(59_000), .. }), "{error:?}");
}

/// chat_models R4: silence ends, and nobody there is told at once.
#[tokio::test]
async fn silence_ends() {
    let stub = Stub::start(Wire::Anthropic, |_| Reply::Silence).await;
    let model = stub.model_with(Patience { first: Duration::from_millis(50), idle: Duration::from_millis(50) });
    assert!(matches!(pieces(model.as_ref(), &call("x")).await, Err(ModelError::Unreachable(_))));
    let mut gone = stub.clone();
    gone.url = "http://127.0.0.1:1".into();
    assert!(matches!(pieces(gone.model().as_ref(), &call("x")).await, Err(ModelError::Unreachable(_))));
}

/// chat_models R5: over the wire, a busy provider is asked again until it answers, and the answer is said once.
#[tokio::test]
async fn a_busy_provider_is_asked_again() {
    let count = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&count);
    let stub = Stub::start(Wire::Anthropic, move |_| {
        let mut count = seen.lock().unwrap();
        *count += 1;
        if *count < 2 { Reply::Refuse(529, Vec::new(), json!({})) } else { Reply::Say(vec![Part::Text("hi".into())]) }
    })
    .await;
    let patient = Patient::new(stub.model(), || 0.0);
    let said = pieces(&patient, &call("x")).await.unwrap();
    assert_eq!(said.iter().filter(|piece| matches!(piece, Delta::Text(_))).count(), 1);
    assert_eq!((*count.lock().unwrap(), patient.provider()), (2, "anthropic"));
}
