//! What may stand in a hook, part by part: the longest that is taken, and what is refused for its characters.

use serde_json::json;

use super::check::tests::{fields, hook};
use super::{Action, Condition, ContextStep, Hook, Operator, Severity, Step, Trigger};

fn looking(step: Step) -> Hook {
    Hook { steps: vec![ContextStep { step, skip_if_exit_zero: false, skip_if_empty: false, skip_if_status_ok: false }], ..hook() }
}

fn acting(action: Action) -> Hook {
    Hook { actions: vec![action], ..hook() }
}

fn when(events: usize, conditions: usize, (field, value): (usize, usize)) -> Hook {
    let one = Condition { field: text(field), operator: Operator::Is, value: text(value) };
    let (events, conditions) = (vec!["*".into(); events], vec![one; conditions]);
    Hook { trigger: Trigger::Event { events, conditions, with_hook_tasks: false }, ..hook() }
}

fn text(length: usize) -> String {
    "x".repeat(length)
}

/// Hook R1: each part may be as long, and as much, as its limit says; one more is named with its field.
#[test]
fn every_part_may_be_as_long_as_its_limit() {
    type Case = (&'static str, usize, fn(usize) -> Hook);
    let cases: [Case; 26] = [
        ("name", 100, |most| Hook { name: "ü".repeat(most), ..hook() }),
        ("cooldown", 366 * 86_400_000, |most| Hook { cooldown_ms: most as u64, ..hook() }),
        ("trigger.event.events", 10, |most| when(most, 0, (1, 1))),
        ("trigger.event.conditions", 10, |most| when(1, most, (1, 1))),
        ("trigger.event.conditions[0].field", 100, |most| when(1, 1, (most, 1))),
        ("trigger.event.conditions[0].value", 4_096, |most| when(1, 1, (1, most))),
        ("steps", 10, |most| Hook {
            steps: vec![looking(Step::ReadFile { path: text(1), max_lines: 1 }).steps[0].clone(); most],
            ..hook()
        }),
        ("steps[0].shell.argv", 64, |most| looking(Step::Shell { argv: vec![text(1); most], timeout_ms: 1_000 })),
        ("steps[0].shell.argv", 4_096, |most| looking(Step::Shell { argv: vec![text(most)], timeout_ms: 1_000 })),
        ("steps[0].shell.timeout", 600_000, |most| looking(Step::Shell { argv: vec![text(1)], timeout_ms: most as u64 })),
        ("steps[0].http.url", 4_096, |most| looking(Step::Http { url: format!("http://{}", text(most - 7)), timeout_ms: 1_000 })),
        ("steps[0].read_file.path", 4_096, |most| looking(Step::ReadFile { path: text(most), max_lines: 1 })),
        ("steps[0].read_file.max_lines", 10_000, |most| looking(Step::ReadFile { path: text(1), max_lines: most as u32 })),
        ("steps[0].query.params", 10, |most| query(most, 1)),
        ("steps[0].query.params", 4_095, |most| query(1, most)),
        ("steps[0].git_diff.branch", 4_096, |most| looking(Step::GitDiff { branch: text(most), base: text(1) })),
        ("steps[0].git_diff.base", 4_096, |most| looking(Step::GitDiff { branch: text(1), base: text(most) })),
        ("actions", 10, |most| Hook { actions: vec![hook().actions[0].clone(); most], ..hook() }),
        ("actions[0].create_task.title", 262_144, |most| {
            acting(Action::CreateTask { title: text(most), description: String::new(), priority: 1, requires_approval: false })
        }),
        ("actions[0].command.name", 100, |most| acting(Action::Command { name: text(most), arguments: json!({}) })),
        ("actions[0].ask_model.model", 100, |most| ask(most, 1, 1_000)),
        ("actions[0].ask_model.model", 200, |most| ask(1, most, 1_000)),
        ("actions[0].ask_model.timeout", 3_600_000, |most| ask(1, 1, most)),
        ("max_tokens_per_run", usize::MAX / 4, |most| Hook { max_tokens_per_run: Some(most as u64), ..hook() }),
        ("max_tokens_per_day", usize::MAX / 4, |most| Hook { max_tokens_per_day: Some(most as u64), ..hook() }),
        ("actions[0].notice.text", 262_144, |most| acting(Action::Notice { text: text(most), severity: Severity::Info })),
    ];
    for (field, most, make) in cases {
        assert_eq!((fields(&make(most)), fields(&make(most + 1))), (Vec::new(), vec![field.to_owned()]), "{field} {most}");
    }
}

fn query(count: usize, length: usize) -> Hook {
    let params = (0..count).map(|key| (key.to_string(), text(length))).collect();
    looking(Step::Query { name: "recent_events".into(), params })
}

fn ask(provider: usize, model: usize, timeout: usize) -> Hook {
    acting(Action::AskModel { prompt: text(1), provider: text(provider), model: text(model), timeout_ms: timeout as u64 })
}

/// Hook R1: characters and forms that no program, address, file, branch or call has are named with their field.
#[test]
fn odd_texts_are_named() {
    let shell = |argv: &[&str]| looking(Step::Shell { argv: argv.iter().map(|text| (*text).to_owned()).collect(), timeout_ms: 1_000 });
    let http = |url: &str| looking(Step::Http { url: url.into(), timeout_ms: 1_000 });
    let file = |path: &str| looking(Step::ReadFile { path: path.into(), max_lines: 1 });
    let diff = |branch: &str, base: &str| looking(Step::GitDiff { branch: branch.into(), base: base.into() });
    let call = |name: &str| acting(Action::Command { name: name.into(), arguments: json!({}) });
    let titled =
        |title: &str| acting(Action::CreateTask { title: title.into(), description: String::new(), priority: 1, requires_approval: false });
    for (hook, field) in [
        (Hook { name: "a\nb".into(), ..hook() }, "name"),
        (shell(&["", "x"]), "steps[0].shell.argv"),
        (shell(&["x", "a\0b"]), "steps[0].shell.argv"),
        (http("ftp://x"), "steps[0].http.url"),
        (http("https://a b"), "steps[0].http.url"),
        (http("https://a\u{7}"), "steps[0].http.url"),
        (file(""), "steps[0].read_file.path"),
        (file("/etc/passwd"), "steps[0].read_file.path"),
        (file("a/../b"), "steps[0].read_file.path"),
        (file("a\0"), "steps[0].read_file.path"),
        (diff(" ", ""), "steps[0].git_diff.branch"),
        (diff("-x", ""), "steps[0].git_diff.branch"),
        (diff("main", "-x"), "steps[0].git_diff.base"),
        (call(""), "actions[0].command.name"),
        (call("Stop-Task"), "actions[0].command.name"),
        (titled("a\0"), "actions[0].create_task.title"),
    ] {
        assert_eq!(fields(&hook), [field], "{hook:?}");
    }
    for hook in [shell(&["x", ""]), http("https://x/?q=1"), file("a..b/.c"), diff("main", ""), call("StopTask"), titled("a\nb")] {
        assert_eq!(fields(&hook), Vec::<String>::new(), "{hook:?}");
    }
}

/// Hook R1: the name of each kind is the one under which it is stored.
#[test]
fn kinds_have_the_names_they_are_stored_under() {
    let stored = |value: serde_json::Value| value["type"].as_str().unwrap_or_default().to_owned();
    let steps = [
        Step::Shell { argv: Vec::new(), timeout_ms: 1 },
        Step::ReadFile { path: text(1), max_lines: 1 },
        Step::Http { url: text(1), timeout_ms: 1 },
        Step::Query { name: text(1), params: std::collections::BTreeMap::new() },
        Step::GitDiff { branch: text(1), base: text(1) },
    ];
    for step in steps {
        assert_eq!(stored(json!(step)), step.kind());
    }
    let created = Action::CreateTask { title: text(1), description: text(1), priority: 1, requires_approval: false };
    let called = Action::Command { name: text(1), arguments: json!({}) };
    for action in [created, called, hook().actions[0].clone(), ask(1, 1, 1).actions[0].clone()] {
        assert_eq!(stored(json!(action)), action.kind());
    }
    for severity in [Severity::Info, Severity::Warning, Severity::Error] {
        assert_eq!(json!(severity), severity.as_str());
    }
    let cron = Trigger::Cron { expression: text(1), zone: text(1) };
    let triggers = [Trigger::Periodic { every_ms: 1 }, cron, when(1, 0, (1, 1)).trigger, Trigger::Manual];
    for trigger in &triggers {
        assert_eq!(stored(json!(trigger)), trigger.kind());
    }
    // Events come by themselves, so that a hook on them rests for an hour where it says nothing else.
    assert_eq!(triggers.map(|trigger| trigger.default_cooldown_ms()), [0, 0, 3_600_000, 0]);
}
