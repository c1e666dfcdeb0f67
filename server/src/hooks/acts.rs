//! What a hook does at the end of its run: a task, a notice, a call, a question to a model.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aq_core::event::EventKind;
use aq_core::hook::{Action, Hook, day_start, fill_json};
use aq_core::principal::{Principal, Role};
use aq_core::runtime::RuntimeSet;
use aq_core::task::{OwnLimits, TaskOrigin};
use serde_json::{Value, json};

use super::parts::Parts;
use super::ports::ModelAsk;
use crate::commands::create::{MAX_DESCRIPTION_BYTES, MAX_TITLE_CHARS, NewTask, create};
use crate::commands::{CommandError, Context};
use crate::lifecycle::{Subject, announce};
use crate::store::{HookRunRecord, hook_runs};

/// Longest text of a notice, in characters.
const MAX_NOTICE: usize = 4000;
/// Tries of a task of a hook: the usual number.
const TRIES: u32 = 3;

/// Who acts, for which run.
pub(super) struct Acting<'a> {
    pub(super) parts: &'a Parts,
    pub(super) hook: &'a Hook,
    pub(super) run: &'a HookRunRecord,
    pub(super) caller: &'a Principal,
}

/// What a model was asked, what it answered, and what it cost.
pub(super) struct Asked {
    pub(super) prompt: String,
    pub(super) response: String,
    pub(super) tokens: u64,
}

/// How an act went.
pub(super) enum Done {
    /// It was done.
    Did { what: Value, asked: Option<Asked> },
    /// A cap was reached.
    Skipped(String),
    /// It could not be done.
    Failed { why: String, asked: Option<Asked> },
}

impl Done {
    fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), asked: None }
    }
}

/// Does one act.
pub(super) async fn act(
    acting: &Acting<'_>,
    index: usize,
    action: &Action,
    filled: &(dyn Fn(&str) -> String + Sync),
    context: &[Value],
    spent: u64,
) -> Done {
    match action {
        Action::CreateTask { title, description, priority, requires_approval } => {
            let title: String = one_line(&filled(title)).chars().take(MAX_TITLE_CHARS).collect();
            let description = cut(filled(description), MAX_DESCRIPTION_BYTES);
            task(acting, title, description, *priority, *requires_approval).await
        }
        Action::Notice { text, severity } => {
            let text: String = filled(text).chars().take(MAX_NOTICE).collect();
            notice(acting, text, severity.as_str()).await
        }
        Action::Command { name, arguments } => {
            let Some(commands) = &acting.parts.commands else { return Done::failed("calls of the API cannot be made on this server") };
            let mut arguments = fill_json(arguments, context, acting.run.event.as_ref());
            if let Some(fields) = arguments.as_object_mut() {
                // A run that is carried out twice by mistake must not have two effects.
                fields.entry("request_id").or_insert_with(|| format!("{}-{index}", acting.run.id).into());
            }
            match commands.call(acting.caller.clone(), name.clone(), arguments).await {
                Ok(answer) => Done::Did { what: json!({ "type": action.kind(), "call": name, "answer": answer }), asked: None },
                Err(why) => Done::failed(why),
            }
        }
        Action::AskModel { prompt, provider, model, timeout_ms } => {
            let ask = ModelAsk {
                caller: acting.caller.clone(),
                project: acting.hook.project.clone(),
                name: format!("hook:{}", acting.hook.name),
                prompt: filled(prompt),
                provider: provider.clone(),
                model: model.clone(),
                max_tokens: acting.hook.max_tokens_per_run.map(|cap| cap.saturating_sub(spent)),
                meter: Arc::default(),
            };
            question(acting, ask, Duration::from_millis(*timeout_ms)).await
        }
    }
}

async fn question(acting: &Acting<'_>, ask: ModelAsk, wait: Duration) -> Done {
    let Some(model) = &acting.parts.model else { return Done::failed("no model provider: configure `chat_provider`") };
    if let Some(cap) = acting.hook.max_tokens_per_day {
        let (hook, since) = (acting.hook.id.clone(), day_start(acting.parts.clock.now()));
        match acting.parts.reader.read(move |db| hook_runs::tokens_since(db, &hook, since)).await {
            Ok(today) if today >= cap => {
                return Done::Skipped(format!("{today} of {cap} tokens of the day are used up (max_tokens_per_day)"));
            }
            Ok(_) => {}
            Err(error) => return Done::failed(error.to_string()),
        }
    }
    if ask.max_tokens == Some(0) {
        return Done::Skipped("the tokens of the run are used up (max_tokens_per_run)".to_owned());
    }
    let (prompt, cap, meter) = (ask.prompt.clone(), ask.max_tokens, Arc::clone(&ask.meter));
    match tokio::time::timeout(wait, model.ask(ask)).await {
        Ok(Ok(answer)) => {
            let asked = Asked { prompt, response: answer.text, tokens: answer.tokens };
            if let Some(cap) = cap.filter(|cap| asked.tokens > *cap) {
                let why = format!("{} tokens were used, more than the run's {cap} (max_tokens_per_run)", asked.tokens);
                return Done::Failed { why, asked: Some(asked) };
            }
            Done::Did { what: json!({ "type": "ask_model", "tools": answer.tools, "tokens": asked.tokens }), asked: Some(asked) }
        }
        Ok(Err((why, tokens))) => Done::Failed { why, asked: Some(Asked { prompt, response: String::new(), tokens }) },
        Err(_) => {
            let why = format!("the model did not answer within {} s", wait.as_secs());
            Done::Failed { why, asked: Some(Asked { prompt, response: String::new(), tokens: meter.load(Ordering::SeqCst) }) }
        }
    }
}

async fn task(acting: &Acting<'_>, title: String, description: String, priority: i32, requires_approval: bool) -> Done {
    if !matches!(acting.caller.role, Role::Operator | Role::Admin | Role::Gateway) {
        return Done::failed(format!("the hook's owner is a {} and may not create tasks", acting.caller.role));
    }
    let new = NewTask {
        key: String::new(),
        project: acting.hook.project.clone(),
        title,
        description,
        priority,
        task_type: None,
        after: Vec::new(),
        runtime: None,
        fallback: RuntimeSet::EMPTY,
        filler: false,
        verification: None,
        plan_approval: None,
        model: None,
        preferred_agent: None,
        attachments: Vec::new(),
        test_commands: Vec::new(),
        requires_approval,
        max_retries: TRIES,
        budget_tokens: None,
        limits: OwnLimits::default(),
        parent: None,
        is_plan_subtask: false,
        origin: TaskOrigin::Hook,
    };
    let context = Context::new(acting.caller.clone(), acting.parts.clock.now());
    let made = acting.parts.engine.submit(move |tx| create(tx, &context, std::slice::from_ref(&new))).await;
    match made.as_deref() {
        Ok([record, ..]) => {
            acting.parts.wake.ring();
            Done::Did { what: json!({ "type": "create_task", "task_id": record.task.id.as_str() }), asked: None }
        }
        Ok([]) => Done::failed("nothing was created"),
        Err(error) => Done::failed(error.to_string()),
    }
}

async fn notice(acting: &Acting<'_>, text: String, severity: &'static str) -> Done {
    let (subject, now) = (Subject::project(&acting.hook.project), acting.parts.clock.now());
    let payload = json!({
        "hook_id": acting.hook.id, "name": acting.hook.name, "run_id": acting.run.id, "text": text, "severity": severity,
        "actor": format!("hook:{}", acting.hook.id),
    });
    let say = move |tx: &mut crate::lifecycle::Tx<'_>| {
        announce(tx, EventKind::HookNotice, now, subject.clone(), payload.clone()).map_err(CommandError::from)
    };
    match acting.parts.engine.submit(say).await {
        Ok(()) => Done::Did { what: json!({ "type": "notice", "severity": severity }), asked: None },
        Err(error) => Done::failed(error.to_string()),
    }
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control()).filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(" ")
}

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
