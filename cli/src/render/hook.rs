//! Hooks and their runs.

use aq_proto::v1::hook_action::Kind as ActionKind;
use aq_proto::v1::hook_step::Kind as StepKind;
use aq_proto::v1::hook_trigger::Kind as TriggerKind;
use aq_proto::v1::{
    EventCondition, Hook, HookAction, HookOperator, HookRun, HookRunState, HookStep, HookTrigger, ListHookRunsResponse,
    ListHookTimesResponse, ListHooksResponse, MissedFires,
};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::time;
use crate::look::{Look, Tone};
use crate::words;

fn length(length: Option<&prost_types::Duration>) -> String {
    let seconds = length.and_then(|length| u64::try_from(length.seconds).ok()).unwrap_or(0);
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}

fn condition(condition: &EventCondition) -> String {
    let sign = match condition.operator() {
        HookOperator::IsNot => "!=",
        HookOperator::Contains => "~=",
        HookOperator::Is | HookOperator::Unspecified => "=",
    };
    format!("{}{sign}{}", condition.field, condition.value)
}

fn trigger(trigger: Option<&HookTrigger>) -> String {
    match trigger.and_then(|trigger| trigger.kind.as_ref()) {
        Some(TriggerKind::Periodic(periodic)) => format!("every {}", length(periodic.every.as_ref())),
        Some(TriggerKind::Cron(cron)) if cron.zone.is_empty() => format!("at {} UTC", cron.expression),
        Some(TriggerKind::Cron(cron)) => format!("at {} {}", cron.expression, cron.zone),
        Some(TriggerKind::Event(event)) => {
            let mut text = format!("on {}", event.events.join(", "));
            if !event.conditions.is_empty() {
                text.push_str(" where ");
                text.push_str(&event.conditions.iter().map(condition).collect::<Vec<_>>().join(", "));
            }
            if event.with_hook_tasks {
                text.push_str(", tasks of hooks too");
            }
            text
        }
        Some(TriggerKind::Manual(_)) => "when it is fired".to_owned(),
        None => "unknown".to_owned(),
    }
}

fn step(index: usize, step: &HookStep) -> String {
    let what = match &step.kind {
        Some(StepKind::Shell(shell)) => format!("run {}", shell.argv.join(" ")),
        Some(StepKind::ReadFile(read)) => format!("read {}", read.path),
        Some(StepKind::Http(http)) => format!("get {}", http.url),
        Some(StepKind::Query(query)) => format!("ask {}", query.name),
        Some(StepKind::GitDiff(diff)) => format!("diff of {}", diff.branch),
        None => "unknown".to_owned(),
    };
    let flags =
        [(step.skip_if_exit_zero, "it ends with 0"), (step.skip_if_empty, "it is empty"), (step.skip_if_status_ok, "it answers with 2xx")];
    let flags: Vec<_> = flags.into_iter().filter(|(set, _)| *set).map(|(_, words)| words).collect();
    let skip = if flags.is_empty() { String::new() } else { format!(" (nothing to do when {})", flags.join(" or ")) };
    format!("step_{index}: {what}{skip}")
}

fn action(action: &HookAction) -> String {
    match &action.kind {
        Some(ActionKind::CreateTask(task)) => format!("create a task: {}", task.title),
        Some(ActionKind::Notice(notice)) => format!("tell people: {}", notice.text),
        Some(ActionKind::Command(command)) => format!("call {} {}", command.name, command.arguments_json),
        Some(ActionKind::AskModel(ask)) => format!("ask a model: {}", ask.prompt),
        None => "unknown".to_owned(),
    }
}

/// A page of hooks.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListHooksResponse) -> String {
    table(
        look,
        &["ID", "PROJECT", "NAME", "STARTS", "NEXT", "LAST"],
        page.hooks.iter().map(|hook| {
            let off = Cell::new("off").tone(Tone::Warn);
            let next = if hook.enabled { Cell::new(time::relative(look, hook.next_due_at.as_ref())) } else { off };
            vec![
                Cell::new(&hook.id),
                Cell::new(&hook.project_id),
                Cell::new(&hook.name),
                Cell::new(trigger(hook.trigger.as_ref())),
                next,
                Cell::new(time::relative(look, hook.last_fired_at.as_ref())),
            ]
        }),
    )
}

/// One hook with everything.
#[must_use]
pub(crate) fn show(look: &Look, hook: &Hook) -> String {
    let mut sheet = Sheet::new(look, &format!("{}  {}", hook.id, hook.name));
    sheet.field("project", &hook.project_id);
    sheet.field("starts", trigger(hook.trigger.as_ref()));
    sheet.field("by itself", if hook.enabled { "yes" } else { "no" });
    sheet.field("cooldown", length(hook.cooldown.as_ref()));
    sheet.field("missed times", words::phrase::<MissedFires>(hook.missed));
    let cap = |tokens: u64| if tokens == 0 { String::new() } else { tokens.to_string() };
    sheet.field("tokens of a run", cap(hook.max_tokens_per_run)).field("tokens of a day", cap(hook.max_tokens_per_day));
    sheet.field("owner", &hook.owner);
    sheet.field("next", time::both(look, hook.next_due_at.as_ref())).field("last", time::both(look, hook.last_fired_at.as_ref()));
    sheet.list("Looks at", hook.steps.iter().enumerate().map(|(index, one)| step(index, one)));
    sheet.list("Does", hook.actions.iter().map(action));
    sheet.finish()
}

/// A page of runs.
#[must_use]
pub(crate) fn runs(look: &Look, page: &ListHookRunsResponse) -> String {
    table(
        look,
        &["ID", "STATE", "CAUSE", "TOKENS", "AGE", "NOTE"],
        page.runs.iter().map(|run| {
            let tone = match run.state() {
                HookRunState::Failed => Tone::Bad,
                HookRunState::Completed => Tone::Good,
                _ => Tone::Plain,
            };
            vec![
                Cell::new(&run.id),
                Cell::new(words::upper::<HookRunState>(run.state)).tone(tone),
                Cell::new(&run.reason),
                Cell::number(run.tokens.to_string()),
                Cell::new(time::relative(look, run.created_at.as_ref())),
                Cell::new(&run.note),
            ]
        }),
    )
}

/// One run with everything.
#[must_use]
pub(crate) fn run(look: &Look, run: &HookRun) -> String {
    let mut sheet = Sheet::new(look, &format!("{}  {}", run.id, words::upper::<HookRunState>(run.state)));
    sheet.field("hook", &run.hook_id).field("project", &run.project_id);
    sheet.field("cause", &run.reason).field("fired by", &run.actor);
    sheet.field("due", time::both(look, run.scheduled_at.as_ref()));
    sheet.field("began", time::both(look, run.started_at.as_ref())).field("over", time::both(look, run.ended_at.as_ref()));
    sheet.field("tokens", run.tokens.to_string());
    sheet.field("note", &run.note);
    sheet.text("Event", &run.event_json);
    sheet.list("Saw", &run.context_json);
    sheet.text("Asked", &run.prompt);
    sheet.text("Answer", &run.response);
    sheet.list("Did", &run.actions_json);
    sheet.finish()
}

/// The next due times.
#[must_use]
pub(crate) fn times(look: &Look, answer: &ListHookTimesResponse) -> String {
    answer.times.iter().map(|at| format!("{}\n", time::both(look, Some(at)))).collect()
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::{CreateTaskAction, EventTrigger, HttpStep, ShellStep};

    use super::*;

    /// Hooks in a list and in detail, their runs, and their due times.
    #[test]
    fn hooks() {
        let look = Look::plain();
        let at = |ago: i64| Some(prost_types::Timestamp { seconds: look.now.as_second() - ago, nanos: 0 });
        let shell = ShellStep { argv: vec!["cargo".into(), "test".into()], timeout: None };
        let probe = HttpStep { url: "https://example.com/health".into(), timeout: None };
        let hook = Hook {
            id: "hk-0a1b2c3d4e5f".into(),
            project_id: "web".into(),
            name: "Test \u{1b}[8mwatcher".into(),
            enabled: true,
            trigger: Some(HookTrigger {
                kind: Some(TriggerKind::Event(EventTrigger {
                    events: vec!["task.completed".into()],
                    conditions: vec![EventCondition {
                        field: "title".into(),
                        operator: HookOperator::Contains.into(),
                        value: "fix".into(),
                    }],
                    with_hook_tasks: false,
                })),
            }),
            steps: vec![
                HookStep { kind: Some(StepKind::Shell(shell)), skip_if_exit_zero: true, ..Default::default() },
                HookStep { kind: Some(StepKind::Http(probe)), skip_if_status_ok: true, skip_if_empty: true, ..Default::default() },
            ],
            actions: vec![HookAction {
                kind: Some(ActionKind::CreateTask(CreateTaskAction { title: "Fix {{step_0}}".into(), ..Default::default() })),
            }],
            cooldown: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
            missed: MissedFires::Once.into(),
            max_tokens_per_day: 1000,
            owner: "key:admin".into(),
            last_fired_at: at(300),
            ..Default::default()
        };
        let periodic = HookTrigger { kind: Some(TriggerKind::Periodic(aq_proto::v1::PeriodicTrigger { every: hook.cooldown })) };
        let off = Hook { id: "hk-2".into(), enabled: false, name: "Off".into(), trigger: Some(periodic), ..Default::default() };
        insta::assert_snapshot!("list", list(&look, &ListHooksResponse { hooks: vec![hook.clone(), off], ..Default::default() }));
        insta::assert_snapshot!("show", show(&look, &hook));
        let one = HookRun {
            id: "hr-1".into(),
            hook_id: hook.id,
            reason: "event:task.completed".into(),
            state: HookRunState::Failed.into(),
            context_json: vec!["{\"exit_code\":1}".into()],
            actions_json: vec!["{\"task_id\":\"swift-fox\"}".into()],
            note: "action 0 (create_task): no".into(),
            created_at: at(60),
            ..Default::default()
        };
        insta::assert_snapshot!("runs", runs(&look, &ListHookRunsResponse { runs: vec![one.clone()], ..Default::default() }));
        insta::assert_snapshot!("run", run(&look, &one));
        assert_eq!(times(&look, &ListHookTimesResponse { times: vec![at(-60).unwrap()] }).lines().count(), 1);
    }
}
