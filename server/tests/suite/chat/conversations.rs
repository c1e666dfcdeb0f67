//! Forty conversations on two wires, twelve of them on the third, each with a twin that must fail (F-148, F-174, F-175).

use super::script::all;
use super::{read, work};
use crate::chat_models::words::Wire;

/// F-174: people's words become commands; on Anthropic's wire.
#[tokio::test]
async fn work_over_anthropic() {
    all(&work::conversations(), Wire::Anthropic).await;
}

/// F-174: the same on Ollama's.
#[tokio::test]
async fn work_over_ollama() {
    all(&work::conversations(), Wire::Ollama).await;
}

/// F-174: questions, wrong ids, refusals; on Anthropic's wire.
#[tokio::test]
async fn questions_over_anthropic() {
    all(&read::conversations(), Wire::Anthropic).await;
}

/// F-174: the same on Ollama's.
#[tokio::test]
async fn questions_over_ollama() {
    all(&read::conversations(), Wire::Ollama).await;
}

/// F-174: some of them on an endpoint that speaks OpenAI's form.
#[tokio::test]
async fn some_over_openai() {
    let some: Vec<_> = work::conversations().into_iter().step_by(3).chain(read::conversations().into_iter().step_by(4)).collect();
    all(&some, Wire::OpenAi).await;
}

/// There are forty, and no name is used twice.
#[test]
fn there_are_forty() {
    let names: std::collections::BTreeSet<_> = work::conversations().iter().chain(&read::conversations()).map(|talk| talk.name).collect();
    assert_eq!(names.len(), work::conversations().len() + read::conversations().len());
    assert!(names.len() >= 40, "{}", names.len());
}
