//! Every table: what was written is read back unchanged, and what the schema forbids is refused.

use std::collections::BTreeMap;

use aq_core::agent::{Agent, AgentFault};
use aq_core::event::EventKind;
use aq_core::ids::WorkspaceId;
use aq_core::output::{FailureClass, Question, QuestionKind, QuestionOption, TokenUsage};
use aq_core::profile::{McpServer, McpTransport, RuntimeProfile};
use aq_core::project::{PlanApproval, Project, ProjectStatus};
use aq_core::run::{RunEnd, RunPurpose, RunResult, RunState};
use aq_core::runtime::{RuntimeKind, RuntimeSet};
use aq_core::task::{Attachment, AttachmentKind, BlockedReason, ReviewDue, TaskOrigin, TaskStatus, TaskType, VerificationType};
use aq_server::store::events::NewEvent;
use aq_server::store::{
    GrantScope, QuestionRecord, StoreError, agents, attachments, events, grants, ledger, plans, projects, questions, removal, runs,
    settings, task_figures, tasks, workspaces,
};

use super::backend::on_both;
use super::samples::{add, agent_id, at, entry, event, project_id, run, stage, task, task_id, task_in};

on_both! {
    /// F-017, F-034.
    fn settings_are_kept_and_counted(home) {
        let mut db = home.open();
        assert_eq!(settings::get(&mut db, "paused").unwrap(), None);
        settings::set(&mut db, "paused", "true").unwrap();
        settings::set(&mut db, "paused", "false").unwrap();
        assert_eq!(settings::get(&mut db, "paused").unwrap().as_deref(), Some("false"));
        assert!(settings::unset(&mut db, "paused").unwrap());
        assert!(!settings::unset(&mut db, "paused").unwrap());
        assert_eq!(settings::counter(&mut db, "epoch").unwrap(), 0);
        assert_eq!((1..=3).map(|_| settings::increment(&mut db, "epoch").unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
        drop(db);
        assert_eq!(settings::counter(&mut home.open(), "epoch").unwrap(), 3);
        settings::set(&mut home.open(), "epoch", "many").unwrap();
        assert!(matches!(settings::counter(&mut home.open(), "epoch"), Err(StoreError::Corrupt { column: "settings.value", .. })));
    }

    /// F-006.
    fn projects_are_read_as_written(home) {
        let mut db = home.open();
        let mut project = Project::new(project_id("app"), "Äpp \"x\" 🚀", at(5));
        projects::insert(&mut db, &project).unwrap();
        assert!(matches!(projects::insert(&mut db, &project), Err(StoreError::Conflict(_))));
        project.credit_weight = 2.5;
        project.max_concurrent_agents = 7;
        project.status = ProjectStatus::Paused;
        project.budget_limit = Some(u64::from(u32::MAX) * 9);
        project.repo_url = "/srv/repo".into();
        project.default_branch = "main".into();
        project.discord_channel_id = Some("12".into());
        project.test_commands = vec!["cargo test".into(), "a 'b' \"c\"".into()];
        project.default_runtime = Some(RuntimeKind::Claude);
        project.verification = VerificationType::QaAgent;
        project.reviewer_runtime = Some(RuntimeKind::Codex);
        project.reviewer = Some(agent_id("quinn"));
        project.updated_at = at(9);
        projects::update(&mut db, &project).unwrap();
        assert_eq!(projects::all(&mut db).unwrap(), [project.clone()]);
        projects::delete(&mut db, &project.id, at(10)).unwrap();
        assert_eq!(projects::all(&mut db).unwrap(), []);
        assert!(matches!(projects::delete(&mut db, &project.id, at(11)), Err(StoreError::NotFound)));
        assert!(matches!(projects::insert(&mut db, &project), Err(StoreError::Conflict(_))));
        project.credit_weight = -1.0;
        project.id = project_id("other");
        assert!(matches!(projects::insert(&mut db, &project), Err(StoreError::Refused(_))));
    }

    /// F-006, D-11.
    fn agents_and_workspaces_are_read_as_written(home) {
        let mut db = home.open();
        stage(&mut db);
        let mut agent = Agent::new(agent_id("vega"), "Vega", RuntimeKind::Claude, at(3));
        agent.profile = RuntimeProfile {
            command: vec!["claude".into(), "-p".into()],
            model: "m".into(),
            permission_mode: "plan".into(),
            allowed_tools: vec!["Read".into()],
            mcp_servers: vec![
                McpServer {
                    name: "lab".into(),
                    transport: McpTransport::Stdio {
                        command: "tools".into(),
                        args: vec!["-v".into()],
                        env: BTreeMap::from([("T".to_owned(), "s".to_owned())]),
                    },
                },
                McpServer {
                    name: "far".into(),
                    transport: McpTransport::Http {
                        url: "https://x".into(),
                        headers: BTreeMap::from([("Authorization".to_owned(), "Bearer s".to_owned())]),
                    },
                },
            ],
            system_prompt_suffix: "Be\nbrief.".into(),
            env: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            login_dir: "/l".into(),
        };
        agents::insert(&mut db, &agent).unwrap();
        agent.paused = true;
        agent.fault = Some(AgentFault {
            class: FailureClass::Auth,
            message: "Not logged in".to_owned(),
            task: 7,
            since: at(1),
            times: 3,
            until: at(9),
        });
        agents::update(&mut db, &agent).unwrap();
        assert_eq!(agents::all(&mut db).unwrap().last(), Some(&agent));
        agents::delete(&mut db, &agent.id, at(4)).unwrap();
        assert_eq!(agents::all(&mut db).unwrap().len(), 1);
        assert!(matches!(agents::insert(&mut db, &agent), Err(StoreError::Conflict(_))));

        let mut all = workspaces::all(&mut db).unwrap();
        assert_eq!(all.iter().map(|ws| ws.id.as_str()).collect::<Vec<_>>(), ["ws-1", "ws-2", "ws-3"]);
        let mut twin = all.remove(0);
        twin.id = WorkspaceId::from_trusted("ws-4");
        assert!(matches!(workspaces::insert(&mut db, &twin), Err(StoreError::Conflict(_))), "the same directory twice");
        workspaces::remove(&mut db, &WorkspaceId::from_trusted("ws-1"), at(5)).unwrap();
        workspaces::insert(&mut db, &twin).unwrap();
    }

    /// F-007, F-009.
    fn tasks_are_read_as_written(home) {
        let mut db = home.open();
        stage(&mut db);
        let mut record = task_in(1, TaskStatus::Blocked);
        record.unmet = 2;
        record.failure = Some("agent|agent".into());
        let t = &mut record.task;
        t.description = "Zeile 1\nline 2 \u{1F980} 'quoted'".into();
        t.priority = -5;
        t.blocked_reason = Some(BlockedReason::MergeConflict);
        t.task_type = Some(TaskType::Bugfix);
        t.verification = VerificationType::Human;
        t.test_commands = vec!["true".into()];
        t.retry_count = 3;
        t.is_plan_subtask = true;
        t.plan_source = Some("plan.md".into());
        t.runtime = Some(RuntimeKind::Command);
        t.fallback = RuntimeSet::EMPTY.with(RuntimeKind::Codex).with(RuntimeKind::Acp);
        t.filler = true;
        t.review = Some(ReviewDue { runtime: Some(RuntimeKind::Gemini) });
        t.preferred_agent = Some(agent_id("nova"));
        t.run_number = 4;
        t.session_id = Some("s".into());
        t.branch = Some("aq/x".into());
        t.requires_approval = true;
        t.pr_url = Some("http://pr".into());
        t.budget_tokens = Some(1 << 40);
        t.origin = TaskOrigin::Hook;
        t.updated_at = at(8);
        t.archived_at = Some(at(9));
        tasks::insert(&mut db, &record).unwrap();
        assert_eq!(tasks::by_key(&mut db, 1).unwrap(), record);
        assert_eq!(tasks::by_id(&mut db, &task_id(1)).unwrap(), Some(record.clone()));
        assert_eq!(tasks::by_keys(&mut db, &[1, 2]).unwrap(), [record]);
        let list = [
            Attachment { kind: AttachmentKind::Tool, label: "t".into(), content: "{}".into() },
            Attachment { kind: AttachmentKind::Criterion, label: String::new(), content: "c".into() },
            Attachment { kind: AttachmentKind::Criterion, label: String::new(), content: "c".into() },
        ];
        attachments::replace(&mut db, 1, &list).unwrap();
        attachments::replace(&mut db, 1, &list).unwrap();
        assert_eq!(attachments::of_task(&mut db, 1).unwrap(), list);
    }

    /// F-030.
    fn runs_and_questions_are_read_as_written(home) {
        let mut db = home.open();
        stage(&mut db);
        add(&mut db, &[task(1)]);
        let mut record = run(1, 1, "nova", "ws-1");
        record.run.purpose = RunPurpose::Review;
        runs::insert(&mut db, &record).unwrap();
        record.pid = Some(77);
        record.output_bytes = 9;
        let r = &mut record.run;
        r.state = RunState::Ended;
        r.end = Some(RunEnd { result: RunResult::Failed, class: Some(FailureClass::Timeout), message: "late".into() });
        r.ended_at = Some(at(50));
        r.tokens = TokenUsage { input: 1, output: 2, cache_read: 3, cache_write: 4 };
        r.reserved_tokens = 5;
        r.summary = "s".into();
        r.files_changed = vec!["a".into()];
        r.exit_code = Some(-1);
        r.session_id = Some("x".into());
        r.directory = "/d".into();
        r.base_commit = "b".into();
        r.commit = "c".into();
        r.last_output_seq = 12;
        runs::update(&mut db, &record).unwrap();
        runs::insert(&mut db, &run(1, 2, "nova", "ws-1")).unwrap();
        assert_eq!(runs::get(&mut db, 1, 1).unwrap(), Some(record.clone()));
        assert_eq!(runs::of_task(&mut db, 1).unwrap(), [record, run(1, 2, "nova", "ws-1")]);
        assert_eq!(runs::open(&mut db).unwrap(), [run(1, 2, "nova", "ws-1")]);
        assert!(matches!(runs::update(&mut db, &run(1, 3, "nova", "ws-1")), Err(StoreError::NotFound)));

        let question = QuestionRecord {
            task_key: 1,
            run_number: 2,
            question: Question {
                request_id: "q".into(),
                kind: QuestionKind::Permission,
                text: "May I?".into(),
                tool: "Bash".into(),
                detail: "{}".into(),
                options: vec![QuestionOption { label: "yes".into(), description: "go".into() }],
            },
            asked_at: at(60),
            closed_at: None,
            answer: None,
            deadline: Some(at(90)),
            given: None,
        };
        assert!(questions::insert(&mut db, &question).unwrap());
        assert!(!questions::insert(&mut db, &question).unwrap(), "a repeated question counts once");
        assert_eq!(questions::open(&mut db).unwrap(), std::slice::from_ref(&question));
        assert_eq!(questions::open_of_task(&mut db, 1).unwrap(), [question]);
        assert!(questions::close(&mut db, 1, 2, "q", "yes", at(61)).unwrap());
        assert!(!questions::close(&mut db, 1, 2, "q", "no", at(62)).unwrap());
        assert_eq!(questions::close_all(&mut db, 1, 2, "", at(63)).unwrap(), 0);
    }

    /// F-029, D-23: the ledger counts a message once and does not depend on rows that may go.
    fn the_ledger_counts_a_message_once(home) {
        let mut db = home.open();
        let mut first = entry(1, 1, "m1", 100, 10);
        first.tokens = TokenUsage { input: 10, output: 20, cache_read: 30, cache_write: 40 };
        first.cost_micros = Some(7);
        assert!(ledger::insert(&mut db, &first).unwrap());
        assert!(!ledger::insert(&mut db, &first).unwrap());
        assert!(ledger::insert(&mut db, &entry(1, 2, "m1", 200, 1)).unwrap());
        assert_eq!(ledger::since(&mut db, at(100)).unwrap(), [("app".to_owned(), 100, 100), ("app".to_owned(), 200, 1)]);
        assert_eq!(ledger::project_total(&mut db, &project_id("app"), at(100)).unwrap(), 101, "since is inclusive");
        assert_eq!(ledger::project_total(&mut db, &project_id("app"), at(101)).unwrap(), 1);
        assert_eq!(ledger::project_total(&mut db, &project_id("nowhere"), at(0)).unwrap(), 0);
    }

    /// F-030: events keep their order and their numbers go on after a clean-up.
    fn events_are_read_in_order(home) {
        let mut db = home.open();
        let all: Vec<_> = (1..=6).map(|seq| event(seq, EventKind::TaskCreated, Some(1))).collect();
        events::insert(&mut db, &all).unwrap();
        assert!(matches!(events::insert(&mut db, &all[..1]), Err(StoreError::Conflict(_))));
        let all: Vec<_> = all.into_iter().map(NewEvent::into_event).collect();
        assert_eq!(events::after(&mut db, 0, 100).unwrap(), all);
        assert_eq!(events::after(&mut db, 2, 2).unwrap(), all[2..4]);
        assert_eq!(events::recent(&mut db, 2).unwrap(), [all[5].clone(), all[4].clone()]);
        assert_eq!(events::range(&mut db).unwrap(), Some((1, 6)));
        assert_eq!(events::remove_some_before(&mut db, at(1_000), 2).unwrap(), 2);
        assert_eq!(events::remove_some_before(&mut db, at(40), 100).unwrap(), 1, "stops at the first one that is young enough");
        assert_eq!(events::remove_before(&mut db, at(1_000)).unwrap(), 2);
        assert_eq!(events::remove_some_before(&mut db, at(1_000), 9).unwrap(), 0, "the newest stays");
        assert_eq!(events::range(&mut db).unwrap(), Some((6, 6)));
    }

    /// F-004, D-13: a record that breaks a rule cannot be stored.
    fn broken_records_are_refused(home) {
        let mut db = home.open();
        stage(&mut db);
        let mut broken = Vec::new();
        let mut paused = task_in(1, TaskStatus::Paused);
        paused.task.resume_after = None;
        broken.push(("PAUSED without an instant", paused));
        for status in [TaskStatus::Assigned, TaskStatus::InProgress] {
            let mut running = task_in(1, status);
            running.task.assigned_agent = None;
            broken.push(("running without an agent", running));
        }
        let mut retried = task(1);
        retried.task.retry_count = 4;
        broken.push(("more retries than allowed", retried));
        let mut reasonless = task_in(1, TaskStatus::Blocked);
        reasonless.task.blocked_reason = None;
        broken.push(("BLOCKED without a reason", reasonless));
        let mut reason = task_in(1, TaskStatus::Ready);
        reason.task.blocked_reason = Some(BlockedReason::Budget);
        broken.push(("a reason without BLOCKED", reason));
        let mut stranger = task(1);
        stranger.task.project = project_id("nowhere");
        broken.push(("an unknown project", stranger));
        let mut orphan = task(1);
        orphan.parent_key = Some(99);
        broken.push(("an unknown parent", orphan));
        for (what, record) in broken {
            assert!(matches!(tasks::insert(&mut db, &record), Err(StoreError::Refused(_))), "{what}");
        }
        for status in TaskStatus::ALL {
            let key = 10 + i64::try_from(*status as usize).unwrap();
            tasks::insert(&mut db, &task_in(key, *status)).unwrap();
        }
        assert_eq!(db.quick_check().unwrap(), Vec::<String>::new());
    }

    /// commands R14, R15: grants are listed in order and taken back one by one; what hangs on a task goes with it, and with its project everything.
    fn grants_and_belongings_go(home) {
        let mut db = home.open();
        stage(&mut db);
        add(&mut db, &[task(1), task(2)]);
        let (one, all) = (GrantScope::Task(1), GrantScope::Project(task(1).task.project));
        for scope in [&one, &all, &GrantScope::Task(2)] {
            grants::allow(&mut db, scope, "Bash", "me", at(3)).unwrap();
        }
        let listed = grants::all(&mut db).unwrap();
        assert_eq!(listed.iter().map(|grant| &grant.scope).collect::<Vec<_>>(), [&all, &one, &GrantScope::Task(2)]);
        assert_eq!(grants::revoke(&mut db, &one, "Bash").unwrap().as_ref(), Some(&listed[1]));
        assert_eq!(grants::revoke(&mut db, &one, "Bash").unwrap(), None);
        grants::allow(&mut db, &one, "Bash", "me", at(3)).unwrap();
        for (key, rule) in [(1, Some(PlanApproval::Approve)), (2, Some(PlanApproval::None)), (2, None), (2, Some(PlanApproval::Approve))] {
            plans::set_task_rule(&mut db, key, rule).unwrap();
        }
        assert_eq!(plans::task_rules(&mut db, &[1, 2, 3]).unwrap().len(), 2);
        removal::remove_belongings(&mut db, 1).unwrap();
        assert_eq!((grants::all(&mut db).unwrap().len(), plans::task_rules(&mut db, &[1, 2]).unwrap()), (2, vec![(2, PlanApproval::Approve)]));
        removal::remove_tasks(&mut db, &task(2).task.project, at(9)).unwrap();
        assert_eq!((grants::all(&mut db).unwrap(), plans::task_rules(&mut db, &[2]).unwrap()), (Vec::new(), Vec::new()));
        assert!(tasks::by_key(&mut db, 2).unwrap().deleted_at.is_some());
    }

    /// F-005, D-28: a name is never used twice, not even after its task was deleted.
    fn a_name_stays_taken(home) {
        let mut db = home.open();
        stage(&mut db);
        let mut gone = task(1);
        tasks::insert(&mut db, &gone).unwrap();
        gone.deleted_at = Some(at(5));
        tasks::edit(&mut db, &gone).unwrap();
        tasks::forget_texts(&mut db, 1).unwrap();
        assert_eq!(tasks::by_id(&mut db, &task_id(1)).unwrap(), None);
        assert!(tasks::name_used(&mut db, "task-1").unwrap());
        let mut again = task(2);
        again.task.id = task_id(1);
        assert!(matches!(tasks::insert(&mut db, &again), Err(StoreError::Conflict(_))));
        assert_eq!(task_figures::last_key(&mut db).unwrap(), 1);
    }
}
