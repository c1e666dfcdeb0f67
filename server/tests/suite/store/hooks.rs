//! Hooks and the ledger of their runs, on both databases.

use std::collections::BTreeMap;

use aq_core::hook::{Action, Condition, ContextStep, Hook, Missed, Operator, Owner, RunCause, RunState, Severity, Step, Trigger};
use aq_server::store::{Connection, HookRunRecord, StoreError, hook_runs, hooks};
use serde_json::json;

use super::backend::on_both;
use super::samples::{at, project_id, stage};

fn hook(id: &str, name: &str) -> Hook {
    Hook {
        id: id.into(),
        project: project_id("app"),
        name: name.into(),
        enabled: true,
        trigger: Trigger::Cron { expression: "0 9 * * *".into(), zone: "Europe/Berlin".into() },
        steps: Vec::new(),
        actions: vec![Action::Notice { text: "Ö {{event}}".into(), severity: Severity::Warning }],
        cooldown_ms: 7,
        missed: Missed::All,
        max_tokens_per_run: Some(5),
        max_tokens_per_day: None,
        owner: Owner { key_id: "k".into(), person: Some("discord:7".into()) },
        created_at: at(1),
        updated_at: at(2),
        next_due: Some(at(9)),
        last_fired: None,
    }
}

fn run(id: &str, hook: &str, when: i64) -> HookRunRecord {
    HookRunRecord {
        id: id.into(),
        hook: hook.into(),
        project: project_id("app"),
        cause: RunCause::Schedule,
        reason: "cron".into(),
        scheduled_at: Some(at(when)),
        event_seq: None,
        event: None,
        state: RunState::Queued,
        context: Vec::new(),
        prompt: String::new(),
        response: String::new(),
        actions: Vec::new(),
        note: String::new(),
        tokens: 0,
        actor: "system".into(),
        created_at: at(when),
        started_at: None,
        ended_at: None,
    }
}

fn of_event(id: &str, hook: &str, seq: u64) -> HookRunRecord {
    HookRunRecord {
        cause: RunCause::Event,
        scheduled_at: None,
        event_seq: Some(seq),
        event: Some(json!({ "title": "Ä" })),
        ..run(id, hook, 50 + i64::try_from(seq).unwrap())
    }
}

fn ids(runs: &[HookRunRecord]) -> Vec<&str> {
    runs.iter().map(|run| run.id.as_str()).collect()
}

fn staged(db: &mut Connection) {
    stage(db);
    hooks::insert(db, &hook("hk-1", "One")).unwrap();
}

on_both! {
    /// F-006, F-147: hooks are read as written; one that cannot be read keeps no other away.
    fn hooks_are_read_as_written(home) {
        let mut db = home.open();
        staged(&mut db);
        let mut two = hook("hk-2", "Two");
        two.trigger = Trigger::Event {
            events: vec!["task.*".into()],
            conditions: vec![Condition { field: "title".into(), operator: Operator::Contains, value: "\"ß\"".into() }],
            with_hook_tasks: true,
        };
        let params = BTreeMap::from([("task_id".to_owned(), "{{event.task_id}}".to_owned())]);
        let step = Step::Query { name: "task_detail".into(), params };
        two.steps = vec![ContextStep { step, skip_if_exit_zero: false, skip_if_empty: true, skip_if_status_ok: false }];
        two.actions = vec![
            Action::Command { name: "StopTask".into(), arguments: json!({ "task_id": "x" }) },
            Action::AskModel { prompt: "p".into(), provider: "a".into(), model: "m".into(), timeout_ms: 9 },
        ];
        hooks::insert(&mut db, &two).unwrap();
        assert!(matches!(hooks::insert(&mut db, &hook("hk-3", "One")), Err(StoreError::Conflict(_))), "D-64: a name is taken");
        two.enabled = false;
        (two.next_due, two.last_fired, two.max_tokens_per_run, two.owner.person) = (None, Some(at(70)), None, None);
        hooks::update(&mut db, &two).unwrap();
        assert_eq!(hooks::by_id(&mut db, "hk-2").unwrap(), Some(two.clone()));
        assert_eq!(hooks::all(&mut db, Some(&project_id("app"))).unwrap(), [hook("hk-1", "One"), two]);
        assert_eq!(hooks::all(&mut db, Some(&project_id("other"))).unwrap(), []);
        assert_eq!(hooks::count(&mut db, &project_id("app")).unwrap(), 2);
        assert_eq!(hooks::enabled(&mut db).unwrap(), (vec![hook("hk-1", "One")], Vec::new()));
        db.batch("UPDATE hooks SET enabled = TRUE, trigger_json = '{broken' WHERE id = 'hk-2'").unwrap();
        assert_eq!(hooks::enabled(&mut db).unwrap(), (vec![hook("hk-1", "One")], vec!["hk-2".to_owned()]));
    }

    /// Hooks R1, F-146: a due time and an event start a hook once; rows are read as written, in their order.
    fn a_cause_starts_a_hook_once(home) {
        let mut db = home.open();
        staged(&mut db);
        hooks::insert(&mut db, &hook("hk-2", "Two")).unwrap();
        assert!(hook_runs::insert(&mut db, &run("hr-1", "hk-1", 10)).unwrap());
        assert!(!hook_runs::insert(&mut db, &run("hr-2", "hk-1", 10)).unwrap(), "the same due time");
        assert!(!hook_runs::insert(&mut db, &run("hr-1", "hk-1", 11)).unwrap(), "the same id");
        assert!(hook_runs::insert(&mut db, &run("hr-3", "hk-2", 10)).unwrap(), "another hook");
        assert!(hook_runs::insert(&mut db, &of_event("hr-4", "hk-1", 5)).unwrap());
        assert!(!hook_runs::insert(&mut db, &of_event("hr-5", "hk-1", 5)).unwrap(), "the same event");
        assert_eq!(hook_runs::by_id(&mut db, "hr-4").unwrap(), Some(of_event("hr-4", "hk-1", 5)));
        assert_eq!(ids(&hook_runs::unfinished(&mut db).unwrap()), ["hr-1", "hr-3", "hr-4"]);
        let mut done = run("hr-1", "hk-1", 10);
        done.state = RunState::Completed;
        (done.context, done.actions) = (vec![json!({ "stdout": "x\n" })], vec![json!({ "task_id": "a-b" })]);
        (done.prompt, done.response, done.note, done.tokens) = ("p".into(), "r".into(), "n".into(), 77);
        (done.started_at, done.ended_at) = (Some(at(11)), Some(at(12)));
        hook_runs::update(&mut db, &done).unwrap();
        assert_eq!(hook_runs::by_id(&mut db, "hr-1").unwrap(), Some(done));
        assert_eq!(hook_runs::unfinished_of(&mut db, "hk-1").unwrap(), 1);
        assert_eq!(hook_runs::tokens_since(&mut db, "hk-1", at(10)).unwrap(), 77);
        assert_eq!(hook_runs::tokens_since(&mut db, "hk-1", at(11)).unwrap(), 0);
        let odd = HookRunRecord { scheduled_at: None, ..run("hr-9", "hk-1", 99) };
        assert!(matches!(hook_runs::insert(&mut db, &odd), Err(StoreError::Refused(_))), "a schedule has its due time");
    }

    /// F-146, F-031: pages go on, old runs go, open ones stay, and a hook goes with its runs.
    fn old_runs_go(home) {
        let mut db = home.open();
        staged(&mut db);
        for number in 0..6 {
            let mut one = run(&format!("hr-{number}"), "hk-1", 10 + number);
            one.state = if number == 1 { RunState::Running } else { RunState::Skipped };
            assert!(hook_runs::insert(&mut db, &one).unwrap());
        }
        let first = hook_runs::of_hook(&mut db, "hk-1", None, 2).unwrap();
        assert_eq!(ids(&first), ["hr-5", "hr-4"]);
        let next = hook_runs::of_hook(&mut db, "hk-1", Some(&(14, "hr-4".to_owned())), 9).unwrap();
        assert_eq!(ids(&next), ["hr-3", "hr-2", "hr-1", "hr-0"]);
        assert_eq!(hook_runs::trim(&mut db, "hk-1", 3).unwrap(), 2);
        assert_eq!(ids(&hook_runs::of_hook(&mut db, "hk-1", None, 9).unwrap()), ["hr-5", "hr-4", "hr-3", "hr-1"]);
        assert_eq!(hook_runs::trim(&mut db, "hk-1", 9).unwrap(), 0);
        assert!(hooks::remove(&mut db, "hk-1").unwrap() && !hooks::remove(&mut db, "hk-1").unwrap());
        assert!(hook_runs::of_hook(&mut db, "hk-1", None, 9).unwrap().is_empty());
        hooks::insert(&mut db, &hook("hk-1", "One")).unwrap();
        assert!(hook_runs::insert(&mut db, &run("hr-1", "hk-1", 1)).unwrap());
        assert_eq!(hooks::remove_of_project(&mut db, &project_id("app")).unwrap(), 1);
    }
}
