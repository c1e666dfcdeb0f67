//! Carries a turn out: asks the model, runs the tools as the caller, tells what happens. Ends when nobody listens any more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aq_core::chat::{ChatModel, Effect, Event, ModelCall, Purpose, Situation, ToolUse, Turn, system_prompt, turn};
use aq_core::principal::Principal;
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::books::Account;
use super::parts::Parts;
use super::{belt, files, programs};
use crate::api::{Ask, TalkError, Told};

type Out = mpsc::Sender<Result<Told, TalkError>>;

/// Drives a turn to its end, or to the end of its caller, its time, or the server.
pub(super) async fn watched(parts: &Parts, model: Arc<dyn ChatModel>, caller: Principal, ask: Ask, out: Out) {
    let (longest, beat) = (parts.settings.longest, parts.settings.heartbeat);
    let actor = caller.actor();
    let mut driving = Box::pin(tokio::time::timeout(longest, drive(parts, model, caller, ask, &out)));
    loop {
        tokio::select! {
            biased;
            () = out.closed() => {
                tracing::info!(%actor, "a turn of the chat was cancelled");
                return;
            }
            () = parts.drain.cancelled() => return tell(&out, Err(TalkError::Ending)).await,
            done = &mut driving => {
                if done.is_err() {
                    tell(&out, Err(TalkError::TimeUp(longest))).await;
                }
                return;
            }
            () = tokio::time::sleep(beat) => drop(out.try_send(Ok(Told::Quiet))),
        }
    }
}

/// Nobody is left to be told when the caller is gone; the watcher ends the turn then.
async fn tell(out: &Out, told: Result<Told, TalkError>) {
    let wait = Duration::from_secs(30);
    let _gone = tokio::time::timeout(wait, out.send(told)).await;
}

async fn drive(parts: &Parts, model: Arc<dyn ChatModel>, caller: Principal, ask: Ask, out: &Out) {
    let belt = belt::of(parts, &caller);
    let situation = Situation { role: caller.role, project: ask.project.as_ref(), belt: &belt };
    let system = system_prompt(&situation);
    let limits = parts.settings.limits.clone();
    let name = if ask.model.is_empty() { model.model() } else { ask.model.clone() };
    let mut state = Turn::new(limits, Purpose::Chat, ask.model.clone(), system, ask.messages.clone(), belt);
    tell(out, Ok(Told::Started { provider: model.provider(), model: name.clone() })).await;
    let mut todo: VecDeque<Effect> = turn(&mut state, Event::Begin).into();
    while let Some(effect) = todo.pop_front() {
        match effect {
            Effect::Tell(progress) => tell(out, Ok(Told::Progress(progress))).await,
            Effect::Ask(call) => {
                let account = Account { project: ask.project.clone(), purpose: Purpose::Chat, model: name.clone() };
                todo.extend(converse(parts, model.as_ref(), &call, &mut state, account, out).await);
            }
            Effect::Run(wanted) => {
                let answer = run(parts, &caller, &ask, &wanted).await;
                todo.extend(turn(&mut state, Event::ToolDone(answer)));
            }
            Effect::Finish(outcome) => {
                let (rounds, tokens) = (outcome.rounds, outcome.tokens.total());
                tracing::info!(actor = %caller.actor(), rounds, tokens, ending = ?outcome.ending, "a turn of the chat ended");
                tell(out, Ok(Told::Finished(outcome))).await;
            }
            Effect::Fail(failure) => {
                tracing::info!(actor = %caller.actor(), error = %failure.error, "a turn of the chat failed");
                let done: Vec<String> = failure.steps.into_iter().filter(|step| !step.failed).map(|step| step.tool).collect();
                tell(out, Err(TalkError::Broken { error: failure.error, done })).await;
            }
        }
    }
}

/// One call of the model. What it says is told at once; what has to be done then comes back.
async fn converse(parts: &Parts, model: &dyn ChatModel, call: &ModelCall, state: &mut Turn, account: Account, out: &Out) -> Vec<Effect> {
    let mut spent = parts.books.open(account);
    let ended = async {
        let mut answer = match model.ask(call).await {
            Ok(answer) => answer,
            Err(error) => return Event::Failed(error),
        };
        loop {
            match answer.next().await {
                None => return Event::Answered,
                Some(Err(error)) => return Event::Failed(error),
                Some(Ok(piece)) => {
                    if let aq_core::chat::Delta::Usage(tokens) = piece {
                        spent.used(tokens);
                    }
                    for effect in turn(state, Event::Piece(piece)) {
                        if let Effect::Tell(progress) = effect {
                            tell(out, Ok(Told::Progress(progress))).await;
                        }
                    }
                }
            }
        }
    };
    let ended = ended.await;
    let _tokens = spent.close().await;
    turn(state, ended)
}

/// Runs a tool as the caller.
async fn run(parts: &Parts, caller: &Principal, ask: &Ask, wanted: &ToolUse) -> Result<String, String> {
    if files::is_ours(&wanted.name) {
        let roots = parts.roots.clone().ok_or_else(|| "files cannot be read on this server".to_owned())?;
        return files::run(roots, caller, &wanted.name, &wanted.input).await;
    }
    if wanted.name == programs::NAME {
        let (Some(programs), Some(roots)) = (parts.programs.clone(), parts.roots.clone()) else {
            return Err("programs may not be run on this server; see `chat.shell` in its configuration".to_owned());
        };
        return programs::run(programs, roots, caller, &wanted.input).await;
    }
    let tool = parts.tools.find(caller, &wanted.name);
    let mut input = wanted.input.clone();
    // The same request, repeated, has one effect: its tools get ids that follow from it and from what they are asked to do.
    if !ask.request_id.is_empty() && tool.is_some_and(|tool| tool.mutates) {
        input.insert("request_id".to_owned(), Value::String(request_id(&ask.request_id, wanted)));
    }
    match parts.tools.call(caller, &wanted.name, Value::Object(input)).await {
        Ok(answer) => Ok(answer.to_string()),
        Err(refused) => Err(refused.to_string()),
    }
}

fn request_id(asked: &str, wanted: &ToolUse) -> String {
    let mut hash = Sha256::new();
    for part in [asked, &wanted.name, &Value::Object(wanted.input.clone()).to_string()] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    format!("chat-{}", HEXLOWER.encode(&hash.finalize()[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// chat R6: the id follows from the request and from what the tool is asked to do, and from nothing else.
    #[test]
    fn ids_follow_from_what_is_asked() {
        let wanted = |id: &str, title: &str| ToolUse {
            id: id.into(),
            name: "create_task".into(),
            input: serde_json::json!({ "title": title }).as_object().cloned().unwrap_or_default(),
        };
        assert_eq!(request_id("r", &wanted("1", "a")), request_id("r", &wanted("2", "a")));
        assert_ne!(request_id("r", &wanted("1", "a")), request_id("r", &wanted("1", "b")));
        assert_ne!(request_id("r", &wanted("1", "a")), request_id("s", &wanted("1", "a")));
        assert!(request_id("r", &wanted("1", "a")).len() <= 64);
    }
}
