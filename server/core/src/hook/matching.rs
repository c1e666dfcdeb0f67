//! Which events start a hook, and what of an event a hook sees (F-138, D-62).

use serde_json::{Value, json};

use super::model::{Condition, Hook, Operator, Trigger};
use crate::event::{Event, EventFilter};

/// What a hook sees of an event: the payload with the ids and the name, in both spellings of the original.
#[must_use]
pub fn event_value(event: &Event) -> Value {
    let mut fields = match &event.payload {
        Value::Object(fields) => fields.clone(),
        other => serde_json::Map::from_iter([("payload".to_owned(), other.clone())]),
    };
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(key.to_owned(), value);
        }
    };
    put("event_type", Some(event.kind.as_str().into()));
    put("_event_type", Some(event.kind.as_str().into()));
    put("seq", Some(json!(event.seq)));
    put("at_ms", Some(json!(event.at.as_millis())));
    put("project_id", event.project.as_ref().map(|id| id.as_str().into()));
    put("task_id", event.task.as_ref().map(|id| id.as_str().into()));
    put("run_number", event.run.map(|number| json!(number)));
    put("agent_id", event.agent.as_ref().map(|id| id.as_str().into()));
    Value::Object(fields)
}

fn holds(condition: &Condition, event: &Value) -> bool {
    let found = event.get(&condition.field).map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    match condition.operator {
        Operator::Is => found.is_some_and(|text| text == condition.value),
        Operator::IsNot => found.is_none_or(|text| text != condition.value),
        Operator::Contains => found.is_some_and(|text| text.contains(&condition.value)),
    }
}

/// True when the event starts the hook. `task_of_hook` says that the event is about a task that a hook made.
///
/// Events about hooks, and what hooks do themselves, start nothing: else two hooks could keep each other busy for ever.
#[must_use]
pub fn matches(hook: &Hook, event: &Event, task_of_hook: bool) -> bool {
    let Trigger::Event { events, conditions, with_hook_tasks } = &hook.trigger else { return false };
    let of_project = event.project.as_ref() == Some(&hook.project);
    let by_hook = event.payload.get("actor").and_then(Value::as_str).is_some_and(|actor| actor.starts_with("hook:"));
    if !hook.enabled || !of_project || by_hook || event.kind.as_str().starts_with("hook.") || (task_of_hook && !with_hook_tasks) {
        return false;
    }
    let wanted = events.iter().filter_map(|text| EventFilter::read(text).ok()).any(|filter| filter.matches(event.kind));
    if !wanted {
        return false;
    }
    let value = event_value(event);
    conditions.iter().all(|condition| holds(condition, &value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;
    use crate::hook::check::tests::hook;
    use crate::ids::ProjectId;
    use crate::time::Timestamp;

    fn event(kind: EventKind, payload: Value) -> Event {
        let project = Some(ProjectId::parse("app").unwrap());
        Event { seq: 1, at: Timestamp::from_millis(5), kind, project, task: None, run: Some(2), agent: None, payload }
    }

    fn on(events: &[&str], conditions: &[(&str, Operator, &str)]) -> Hook {
        let conditions = conditions.iter().map(|(field, operator, value)| Condition {
            field: (*field).to_owned(),
            operator: *operator,
            value: (*value).to_owned(),
        });
        let events = events.iter().map(|name| (*name).to_owned()).collect();
        Hook { trigger: Trigger::Event { events, conditions: conditions.collect(), with_hook_tasks: false }, ..hook() }
    }

    /// F-138, F-136, D-62: names, groups, both spellings, conditions; only the hook's own project.
    #[test]
    fn events_start_the_hooks_that_want_them() {
        let done = event(EventKind::TaskCompleted, json!({ "title": "Fix login", "tokens": 5 }));
        assert!(matches(&on(&["task_completed"], &[]), &done, false));
        assert!(matches(&on(&["note.*", "task.*"], &[]), &done, false));
        assert!(!matches(&on(&["task.failed"], &[]), &done, false));
        for (condition, holds) in [
            (("title", Operator::Contains, "login"), true),
            (("title", Operator::Is, "Fix"), false),
            (("tokens", Operator::Is, "5"), true),
            (("nothing", Operator::IsNot, "x"), true),
            (("title", Operator::IsNot, "Fix"), true),
            (("title", Operator::IsNot, "Fix login"), false),
            (("run_number", Operator::Is, "2"), true),
            (("event_type", Operator::Is, "task.completed"), true),
        ] {
            assert_eq!(matches(&on(&["*"], &[condition]), &done, false), holds, "{condition:?}");
        }
        let elsewhere = Event { project: Some(ProjectId::parse("other").unwrap()), ..done.clone() };
        assert!(!matches(&on(&["*"], &[]), &elsewhere, false));
        assert!(!matches(&on(&["*"], &[]), &Event { project: None, ..done.clone() }, false));
        assert!(!matches(&Hook { enabled: false, ..on(&["*"], &[]) }, &done, false));
    }

    /// Hook R6: no circle: hooks, their acts and their tasks start no hooks, unless tasks of hooks are asked for.
    #[test]
    fn hooks_do_not_start_each_other() {
        let all = on(&["*"], &[]);
        assert!(!matches(&all, &event(EventKind::HookFired, json!({})), false));
        assert!(!matches(&all, &event(EventKind::TaskCreated, json!({ "actor": "hook:hk-1 via key" })), false));
        let done = event(EventKind::TaskCompleted, json!({ "actor": "run:a.1" }));
        assert!(!matches(&all, &done, true) && matches(&all, &done, false));
        let Trigger::Event { events, conditions, .. } = all.trigger.clone() else { panic!() };
        let eager = Hook { trigger: Trigger::Event { events, conditions, with_hook_tasks: true }, ..all };
        assert!(matches(&eager, &done, true));
    }
}
