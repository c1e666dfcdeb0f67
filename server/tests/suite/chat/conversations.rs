//! The conversations on two wires, some of them on the third, each with a twin that must fail (F-148, F-174, F-175).

use super::script::all;
use super::{read, routine, work};
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

/// F-169, F-170, F-139, F-174: notes, prompt templates and hooks are made, changed, used and refused; on Anthropic's wire.
#[tokio::test]
async fn routine_over_anthropic() {
    all(&routine::conversations(), Wire::Anthropic).await;
}

/// F-174: the same on Ollama's.
#[tokio::test]
async fn routine_over_ollama() {
    all(&routine::conversations(), Wire::Ollama).await;
}

/// F-174: some of them on an endpoint that speaks OpenAI's form.
#[tokio::test]
async fn some_over_openai() {
    let some: Vec<_> = work::conversations().into_iter().step_by(3).chain(read::conversations().into_iter().step_by(4)).collect();
    all(&some, Wire::OpenAi).await;
}

/// There are at least fifty, and no name is used twice.
#[test]
fn there_are_enough() {
    let all = [work::conversations(), read::conversations(), routine::conversations()].concat();
    let names: std::collections::BTreeSet<_> = all.iter().map(|talk| talk.name).collect();
    assert!(names.len() == all.len() && all.len() >= 50, "{} of {}", names.len(), all.len());
}
