//! One run of a hook from its first step to its last act, and its row in the ledger.

use aq_core::hook::{Hook, fill, short_circuit};
use aq_core::principal::Principal;

use super::acts::{self, Acting};
use super::parts::Parts;
use super::steps;
use crate::commands::CommandError;
use crate::commands::hook_runs::{self as runs, Outcome};
use crate::commands::hooks::authority;
use crate::store::{HookRunRecord, hooks};

/// Carries a run out and writes how it went.
pub(super) async fn carry_out(parts: &Parts, run: HookRunRecord) {
    let outcome = go(parts, &run).await;
    let (id, now) = (run.id.clone(), parts.clock.now());
    if let Err(error) = parts.engine.submit(move |tx| runs::conclude(tx, &id, &outcome, now)).await {
        tracing::warn!(run = %run.id, %error, "how the run of a hook went could not be written; the next start closes it");
    }
}

async fn found(parts: &Parts, run: &HookRunRecord) -> Result<Option<(Hook, Result<Principal, String>)>, CommandError> {
    let (id, now) = (run.hook.clone(), parts.clock.now());
    let found = parts.reader.read(move |db| {
        let Some(hook) = hooks::by_id(db, &id)? else { return Ok(None) };
        let caller = authority(db, &hook, now)?;
        Ok::<_, crate::store::StoreError>(Some((hook, caller)))
    });
    Ok(found.await?)
}

async fn go(parts: &Parts, run: &HookRunRecord) -> Outcome {
    let mut outcome = Outcome::default();
    let (hook, caller) = match found(parts, run).await {
        Ok(Some((hook, Ok(caller)))) => (hook, caller),
        Ok(Some((_, Err(why)))) => return Outcome { failed: Some(why), ..outcome },
        Ok(None) => return Outcome { failed: Some("the hook was deleted".to_owned()), ..outcome },
        Err(error) => return Outcome { failed: Some(error.to_string()), ..outcome },
    };
    for (index, step) in hook.steps.iter().enumerate() {
        let mut result = steps::look(parts, &hook, run, index, &step.step).await;
        if let Some(fields) = result.as_object_mut() {
            fields.insert("_step_index".to_owned(), index.into());
        }
        outcome.context.push(result);
    }
    if let Some(reason) = short_circuit(&hook.steps, &outcome.context) {
        outcome.skipped = Some(reason);
        return outcome;
    }
    let acting = Acting { parts, hook: &hook, run, caller: &caller };
    for (index, action) in hook.actions.iter().enumerate() {
        let filled = |text: &str| fill(text, &outcome.context, run.event.as_ref());
        match acts::act(&acting, index, action, &filled, &outcome.context, outcome.tokens).await {
            acts::Done::Did { what, asked } => {
                outcome.actions.push(what);
                if let Some(asked) = asked {
                    outcome.prompt = asked.prompt;
                    outcome.response = asked.response;
                    outcome.tokens = outcome.tokens.saturating_add(asked.tokens);
                }
            }
            acts::Done::Skipped(reason) => {
                outcome.skipped = Some(reason);
                break;
            }
            acts::Done::Failed { why, asked } => {
                let error = serde_json::json!({ "type": action.kind(), "error": why });
                outcome.actions.push(error);
                if let Some(asked) = asked {
                    outcome.prompt = asked.prompt;
                    outcome.tokens = outcome.tokens.saturating_add(asked.tokens);
                    outcome.response.clone_from(&why);
                }
                outcome.failed = Some(format!("action {index} ({}): {why}", action.kind()));
                break;
            }
        }
    }
    outcome
}
