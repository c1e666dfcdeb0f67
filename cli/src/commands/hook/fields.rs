//! What starts a hook, what it looks at and what it does, from arguments.

use std::time::Duration;

use aq_proto::v1::hook_action::Kind as ActionKind;
use aq_proto::v1::hook_trigger::Kind as TriggerKind;
use aq_proto::v1::{
    AskModelAction, CreateTaskAction, CronTrigger, EventCondition, EventTrigger, HookAction, HookOperator, HookStep, HookTrigger,
    ManualTrigger, MissedFires, NoticeAction, PeriodicTrigger,
};

use crate::commands::values::{length, wire_length};
use crate::error::CliError;
use crate::wire;
use crate::words;

/// Trigger, steps and actions.
#[derive(clap::Args, Debug)]
pub(super) struct Fields {
    /// Start again and again: `10m`, `1h`
    #[arg(long, value_name = "DURATION", value_parser = length, conflicts_with_all = ["cron", "on", "manual"])]
    every: Option<Duration>,
    /// Start at times of a calendar: minute, hour, day, month, weekday, as `30 2 * * MON-FRI`
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["on", "manual"])]
    cron: Option<String>,
    /// Time zone of the calendar, as `Europe/Berlin` [default: UTC]
    #[arg(long, value_name = "ZONE", requires = "cron")]
    zone: Option<String>,
    /// Start when this happens: a name, a group such as `task.*`, or `*`; may be repeated
    #[arg(long, value_name = "EVENT", conflicts_with = "manual")]
    on: Vec<String>,
    /// Only when a field of the event has this value; may be repeated
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition, requires = "on")]
    conditions: Vec<EventCondition>,
    /// Also for tasks that hooks made
    #[arg(long, requires = "on")]
    hook_tasks: bool,
    /// Start only when it is fired
    #[arg(long)]
    manual: bool,
    /// Something to look at first, as JSON of the contract's HookStep; may be repeated
    #[arg(long = "step", value_name = "JSON")]
    steps: Vec<String>,
    /// Create a task with this title; `{{step_0}}` and `{{event.task_id}}` are filled in
    #[arg(long, value_name = "TITLE")]
    task: Option<String>,
    /// The instruction of the task
    #[arg(long, value_name = "TEXT", requires = "task")]
    description: Option<String>,
    /// Tell people something
    #[arg(long, value_name = "TEXT")]
    notice: Option<String>,
    /// Ask a model, which may use the tools of your role
    #[arg(long, value_name = "PROMPT")]
    ask: Option<String>,
    /// Another act, as JSON of the contract's HookAction; may be repeated
    #[arg(long = "action", value_name = "JSON")]
    actions: Vec<String>,
    /// Least time between two starts by itself [default: 1h for events, else none]
    #[arg(long, value_name = "DURATION", value_parser = length)]
    cooldown: Option<Duration>,
    /// What becomes of due times that were missed [default: skip]
    #[arg(long, value_parser = words::parser::<MissedFires>(), ignore_case = true)]
    missed: Option<MissedFires>,
    /// Most model tokens of one run
    #[arg(long, value_name = "TOKENS", value_parser = crate::commands::values::tokens)]
    run_tokens: Option<u64>,
    /// Most model tokens of a day
    #[arg(long, value_name = "TOKENS", value_parser = crate::commands::values::tokens)]
    day_tokens: Option<u64>,
}

fn condition(text: &str) -> Result<EventCondition, String> {
    let (field, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is no condition; write FIELD=VALUE, FIELD!=VALUE or FIELD~=PART"))?;
    let (field, operator) = match field.strip_suffix('!') {
        Some(field) => (field, HookOperator::IsNot),
        None => match field.strip_suffix('~') {
            Some(field) => (field, HookOperator::Contains),
            None => (field, HookOperator::Is),
        },
    };
    Ok(EventCondition { field: field.to_owned(), operator: operator.into(), value: value.to_owned() })
}

impl Fields {
    /// The trigger; `None` when no argument names one.
    pub(super) fn trigger(&self) -> Option<HookTrigger> {
        let kind = if let Some(every) = self.every {
            TriggerKind::Periodic(PeriodicTrigger { every: Some(wire_length(every)) })
        } else if let Some(expression) = &self.cron {
            TriggerKind::Cron(CronTrigger { expression: expression.clone(), zone: self.zone.clone().unwrap_or_default() })
        } else if !self.on.is_empty() {
            TriggerKind::Event(EventTrigger {
                events: self.on.clone(),
                conditions: self.conditions.clone(),
                with_hook_tasks: self.hook_tasks,
            })
        } else if self.manual {
            TriggerKind::Manual(ManualTrigger {})
        } else {
            return None;
        };
        Some(HookTrigger { kind: Some(kind) })
    }

    /// The steps.
    pub(super) fn steps(&self) -> Result<Vec<HookStep>, CliError> {
        self.steps.iter().map(|json| wire::from_json(json, "--step")).collect()
    }

    /// The actions, in the order task, notice, question, others.
    pub(super) fn actions(&self) -> Result<Vec<HookAction>, CliError> {
        let mut actions = Vec::new();
        let mut add = |kind| actions.push(HookAction { kind: Some(kind) });
        if let Some(title) = &self.task {
            let description = self.description.clone().unwrap_or_default();
            add(ActionKind::CreateTask(CreateTaskAction { title: title.clone(), description, ..Default::default() }));
        }
        if let Some(text) = &self.notice {
            add(ActionKind::Notice(NoticeAction { text: text.clone(), ..Default::default() }));
        }
        if let Some(prompt) = &self.ask {
            add(ActionKind::AskModel(AskModelAction { prompt: prompt.clone(), ..Default::default() }));
        }
        for json in &self.actions {
            actions.push(wire::from_json(json, "--action")?);
        }
        Ok(actions)
    }

    /// Cooldown, policy and caps, where they are given.
    pub(super) fn rest(&self) -> (Option<prost_types::Duration>, Option<MissedFires>, Option<u64>, Option<u64>) {
        (self.cooldown.map(wire_length), self.missed, self.run_tokens, self.day_tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// commands R1: conditions as they are typed.
    #[test]
    fn conditions_are_read() {
        let read = |text: &str| condition(text).map(|one| (one.field.clone(), one.operator(), one.value));
        assert_eq!(read("a=b=c"), Ok(("a".into(), HookOperator::Is, "b=c".into())));
        assert_eq!(read("a!=b"), Ok(("a".into(), HookOperator::IsNot, "b".into())));
        assert_eq!(read("a~=b"), Ok(("a".into(), HookOperator::Contains, "b".into())));
        assert!(read("a").is_err());
    }
}
