//! What is wrong with a hook before it is stored (F-147, D-63): every wrong field is named.

use super::action::Action;
use super::due::{calendar, first_due};
use super::model::{Hook, Trigger};
use super::step::{ContextStep, NAMED_QUERIES, Step};
use crate::event::{EventFilter, EventKind};
use crate::time::Timestamp;

/// Longest name, in characters.
pub const MAX_NAME_CHARS: usize = 100;
/// Longest cooldown and interval, in milliseconds.
pub const MAX_COOLDOWN_MS: u64 = 366 * 24 * 3_600_000;
/// Shortest interval, in milliseconds.
const MIN_EVERY_MS: u64 = 10_000;
/// Most steps, actions, event names and conditions.
const MOST: usize = 10;
/// Longest text with placeholders, in bytes.
const MAX_TEXT: usize = 256 * 1024;
/// Longest short text, in bytes.
const MAX_SHORT: usize = 4096;
/// Most arguments of a program.
const MAX_ARGS: usize = 64;
/// Bounds of the time a step may take, in milliseconds.
const STEP_MS: std::ops::RangeInclusive<u64> = 1_000..=600_000;
/// Bounds of the time a model may take, in milliseconds.
const MODEL_MS: std::ops::RangeInclusive<u64> = 1_000..=3_600_000;
/// Most lines of a file.
const MAX_LINES: u32 = 10_000;

/// One wrong field and what would be right.
pub type Problem = (String, String);

/// What the server offers to hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Hooks start by themselves.
    pub enabled: bool,
    /// Most runs at the same time.
    pub concurrent: usize,
    /// Steps may run programs.
    pub shell: bool,
    /// Steps may read addresses of this machine and of its networks.
    pub private_addresses: bool,
    /// Calls of the API can be made.
    pub commands: bool,
    /// There is a model to ask.
    pub model: bool,
}

fn trigger(trigger: &Trigger, say: &mut impl FnMut(&str, String)) {
    match trigger {
        Trigger::Periodic { every_ms } => {
            if !(MIN_EVERY_MS..=MAX_COOLDOWN_MS).contains(every_ms) {
                say("trigger.periodic.every", "must be from 10 seconds to 366 days".to_owned());
            }
        }
        Trigger::Cron { expression, zone } => {
            if let Err((field, problem)) = calendar(expression, zone) {
                say(&format!("trigger.cron.{field}"), problem);
            } else if first_due(trigger, 0, Timestamp::from_millis(1_767_225_600_000)).is_none() {
                say("trigger.cron.expression", "names a time that never comes".to_owned());
            }
        }
        Trigger::Event { events, conditions, .. } => {
            if events.is_empty() || events.len() > MOST {
                say("trigger.event.events", format!("must name 1 to {MOST} events, groups such as `task.*`, or `*`"));
            }
            for (index, text) in events.iter().enumerate().take(MOST) {
                let field = format!("trigger.event.events[{index}]");
                match EventFilter::read(text) {
                    Err(_) => {
                        let some: Vec<_> = EventKind::ALL.iter().take(5).map(|kind| kind.as_str()).collect();
                        say(&field, format!("is no event; write a name such as {}, a group such as `task.*`, or `*`", some.join(", ")));
                    }
                    Ok(EventFilter::One(kind)) if kind.as_str().starts_with("hook.") => {
                        say(&field, "is an event about hooks, which start no hooks".to_owned());
                    }
                    Ok(_) => {}
                }
            }
            if conditions.len() > MOST {
                say("trigger.event.conditions", format!("has {} entries; at most {MOST} are allowed", conditions.len()));
            }
            for (index, condition) in conditions.iter().enumerate().take(MOST) {
                if condition.field.is_empty() || condition.field.len() > 100 {
                    say(
                        &format!("trigger.event.conditions[{index}].field"),
                        "must name a field of the event, for example `task_id`".to_owned(),
                    );
                }
                if condition.value.len() > MAX_SHORT {
                    say(&format!("trigger.event.conditions[{index}].value"), format!("is longer than {MAX_SHORT} bytes"));
                }
            }
        }
        Trigger::Manual => {}
    }
}

fn step(at: &str, context: &ContextStep, say: &mut impl FnMut(&str, String)) {
    let mut time = |field: &str, millis: u64| {
        if !STEP_MS.contains(&millis) {
            say(&format!("{at}.{field}"), "must be from 1 second to 10 minutes".to_owned());
        }
    };
    match &context.step {
        Step::Shell { argv, timeout_ms } => {
            time("shell.timeout", *timeout_ms);
            let odd = |text: &String| text.len() > MAX_SHORT || text.contains('\0');
            if argv.is_empty() || argv.len() > MAX_ARGS || argv.first().is_some_and(String::is_empty) || argv.iter().any(odd) {
                let problem =
                    format!("must be a program and its arguments, at most {MAX_ARGS} texts without NUL, each at most {MAX_SHORT} bytes");
                say(&format!("{at}.shell.argv"), problem);
            }
        }
        Step::Http { url, timeout_ms } => {
            time("http.timeout", *timeout_ms);
            let known = url.starts_with("http://") || url.starts_with("https://");
            if !known || url.len() > MAX_SHORT || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
                say(&format!("{at}.http.url"), "must be an address that begins with `https://` or `http://`".to_owned());
            }
        }
        Step::ReadFile { path, max_lines } => {
            if path.is_empty()
                || path.len() > MAX_SHORT
                || path.contains('\0')
                || path.starts_with('/')
                || path.split('/').any(|part| part == "..")
            {
                say(&format!("{at}.read_file.path"), "must be a path inside the project's workspace, relative and without `..`".to_owned());
            }
            if !(1..=MAX_LINES).contains(max_lines) {
                say(&format!("{at}.read_file.max_lines"), format!("must be from 1 to {MAX_LINES}"));
            }
        }
        Step::Query { name, params } => {
            if !NAMED_QUERIES.contains(&name.as_str()) {
                say(&format!("{at}.query.name"), format!("is unknown; the queries are {}", NAMED_QUERIES.join(", ")));
            }
            if params.len() > MOST || params.iter().any(|(key, value)| key.len() + value.len() > MAX_SHORT) {
                say(&format!("{at}.query.params"), format!("has too many or too long entries; at most {MOST} are allowed"));
            }
        }
        Step::GitDiff { branch, base } => {
            if branch.trim().is_empty() || branch.len() > MAX_SHORT || branch.starts_with('-') {
                say(&format!("{at}.git_diff.branch"), "must be a branch or a commit".to_owned());
            }
            if base.len() > MAX_SHORT || base.starts_with('-') {
                say(&format!("{at}.git_diff.base"), "must be a branch or a commit, or empty for the default branch".to_owned());
            }
        }
    }
}

fn action(at: &str, action: &Action, say: &mut impl FnMut(&str, String)) {
    let mut text = |field: &str, text: &str, required: bool| {
        if (required && text.trim().is_empty()) || text.len() > MAX_TEXT || text.contains('\0') {
            let least = if required { 1 } else { 0 };
            say(&format!("{at}.{field}"), format!("must be text of {least} to {MAX_TEXT} bytes"));
        }
    };
    match action {
        Action::CreateTask { title, description, .. } => {
            text("create_task.title", title, true);
            text("create_task.description", description, false);
        }
        Action::Notice { text: notice, .. } => text("notice.text", notice, true),
        Action::Command { name, arguments } => {
            if name.is_empty() || name.len() > 100 || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
                say(&format!("{at}.command.name"), "must be a call of the API, for example `StopTask`".to_owned());
            }
            if !arguments.is_object() {
                say(&format!("{at}.command.arguments"), "must be a JSON object".to_owned());
            }
        }
        Action::AskModel { prompt, provider, model, timeout_ms } => {
            text("ask_model.prompt", prompt, true);
            if provider.len() > 100 || model.len() > 200 {
                say(&format!("{at}.ask_model.model"), "is too long".to_owned());
            }
            if !MODEL_MS.contains(timeout_ms) {
                say(&format!("{at}.ask_model.timeout"), "must be from 1 second to 1 hour".to_owned());
            }
        }
    }
}

/// Every wrong field of a hook.
#[must_use]
pub fn check(hook: &Hook) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |field: &str, problem: String| problems.push((field.to_owned(), problem));
    let name = hook.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        say("name", format!("must be one line of 1 to {MAX_NAME_CHARS} characters"));
    }
    trigger(&hook.trigger, &mut say);
    if hook.cooldown_ms > MAX_COOLDOWN_MS {
        say("cooldown", "must be at most 366 days".to_owned());
    }
    if hook.steps.len() > MOST {
        say("steps", format!("has {} entries; at most {MOST} are allowed", hook.steps.len()));
    }
    for (index, one) in hook.steps.iter().enumerate().take(MOST) {
        step(&format!("steps[{index}]"), one, &mut say);
    }
    if hook.actions.is_empty() || hook.actions.len() > MOST {
        say("actions", format!("has {} entries; 1 to {MOST} are allowed", hook.actions.len()));
    }
    for (index, one) in hook.actions.iter().enumerate().take(MOST) {
        action(&format!("actions[{index}]"), one, &mut say);
    }
    for (field, cap) in [("max_tokens_per_run", hook.max_tokens_per_run), ("max_tokens_per_day", hook.max_tokens_per_day)] {
        if cap.is_some_and(|cap| cap == 0 || cap > u64::MAX / 4) {
            say(field, "must be at least 1; leave it out for no cap".to_owned());
        }
    }
    problems
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::hook::{Condition, Missed, Operator, Owner, Severity};
    use crate::ids::ProjectId;

    pub(in crate::hook) fn hook() -> Hook {
        Hook {
            id: "hk-1".into(),
            project: ProjectId::parse("app").unwrap(),
            name: "Watcher".into(),
            enabled: true,
            trigger: Trigger::Manual,
            steps: Vec::new(),
            actions: vec![Action::Notice { text: "x".into(), severity: Severity::Info }],
            cooldown_ms: 0,
            missed: Missed::Skip,
            max_tokens_per_run: None,
            max_tokens_per_day: None,
            owner: Owner { key_id: "k".into(), person: None },
            created_at: Timestamp::from_millis(1),
            updated_at: Timestamp::from_millis(1),
            next_due: None,
            last_fired: None,
        }
    }

    pub(in crate::hook) fn fields(hook: &Hook) -> Vec<String> {
        check(hook).into_iter().map(|(field, _)| field).collect()
    }

    /// F-147, D-63: malformed triggers are refused with their field.
    #[test]
    fn malformed_triggers_are_named() {
        let cron = |expression: &str, zone: &str| Trigger::Cron { expression: expression.into(), zone: zone.into() };
        let event = |name: &str| Trigger::Event { events: vec![name.into()], conditions: Vec::new(), with_hook_tasks: false };
        for (trigger, field) in [
            (Trigger::Periodic { every_ms: 0 }, "trigger.periodic.every"),
            (Trigger::Periodic { every_ms: u64::MAX }, "trigger.periodic.every"),
            (cron("", ""), "trigger.cron.expression"),
            (cron("61 * * * *", ""), "trigger.cron.expression"),
            (cron("* * * * * *", ""), "trigger.cron.expression"),
            (cron("0 0 30 2 *", ""), "trigger.cron.expression"),
            (cron("\u{0}'; --", ""), "trigger.cron.expression"),
            (cron("0 0 * * *", "Mars/Base"), "trigger.cron.zone"),
            (cron("0 0 * * *", "../../etc/passwd"), "trigger.cron.zone"),
            (event("nothing.happens"), "trigger.event.events[0]"),
            (event("hook.fired"), "trigger.event.events[0]"),
            (Trigger::Event { events: Vec::new(), conditions: Vec::new(), with_hook_tasks: false }, "trigger.event.events"),
            (
                Trigger::Event {
                    events: vec!["*".into()],
                    conditions: vec![Condition { field: String::new(), operator: Operator::Is, value: String::new() }],
                    with_hook_tasks: false,
                },
                "trigger.event.conditions[0].field",
            ),
        ] {
            assert_eq!(fields(&Hook { trigger: trigger.clone(), ..hook() }), [field], "{trigger:?}");
        }
        assert!(fields(&hook()).is_empty());
        assert!(fields(&Hook { trigger: event("task_completed"), ..hook() }).is_empty());
    }

    /// F-147: every wrong step and action is named with its place, all at once.
    #[test]
    fn wrong_steps_and_actions_are_named() {
        let plain = |step| ContextStep { step, skip_if_exit_zero: false, skip_if_empty: false, skip_if_status_ok: false };
        let bad = Hook {
            name: " ".into(),
            steps: vec![
                plain(Step::Shell { argv: Vec::new(), timeout_ms: 0 }),
                plain(Step::ReadFile { path: "../x".into(), max_lines: 0 }),
                plain(Step::Http { url: "file:///etc/passwd".into(), timeout_ms: 1_000 }),
                plain(Step::Query { name: "drop table".into(), params: std::collections::BTreeMap::new() }),
                plain(Step::GitDiff { branch: "--exec".into(), base: String::new() }),
            ],
            actions: vec![
                Action::CreateTask { title: String::new(), description: String::new(), priority: 1, requires_approval: false },
                Action::Command { name: "../x".into(), arguments: json!([]) },
                Action::AskModel { prompt: " ".into(), provider: String::new(), model: String::new(), timeout_ms: 0 },
            ],
            max_tokens_per_run: Some(0),
            ..hook()
        };
        let expected = [
            "name",
            "steps[0].shell.timeout",
            "steps[0].shell.argv",
            "steps[1].read_file.path",
            "steps[1].read_file.max_lines",
            "steps[2].http.url",
            "steps[3].query.name",
            "steps[4].git_diff.branch",
            "actions[0].create_task.title",
            "actions[1].command.name",
            "actions[1].command.arguments",
            "actions[2].ask_model.prompt",
            "actions[2].ask_model.timeout",
            "max_tokens_per_run",
        ];
        assert_eq!(fields(&bad), expected);
        assert_eq!(fields(&Hook { actions: Vec::new(), ..hook() }), ["actions"]);
    }
}
