//! Rows to test with.

use aq_core::agent::Agent;
use aq_core::event::{Event, EventKind};
use aq_core::ids::{AccountId, AgentId, ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::output::TokenUsage;
use aq_core::project::Project;
use aq_core::run::Run;
use aq_core::runtime::RuntimeKind;
use aq_core::task::{Task, TaskStatus};
use aq_core::time::Timestamp;
use aq_core::workspace::{Workspace, WorkspaceKind};
use aq_server::store::events::NewEvent;
use aq_server::store::{Connection, LedgerEntry, RunRecord, TaskRecord, agents, projects, tasks, workspaces};

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn project_id(text: &str) -> ProjectId {
    ProjectId::parse(text).unwrap()
}

pub(super) fn agent_id(text: &str) -> AgentId {
    AgentId::parse(text).unwrap()
}

pub(super) fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

pub(super) fn task_id(key: i64) -> TaskId {
    TaskId::parse(&format!("task-{key}")).unwrap()
}

/// A DEFINED task of project `app` named after its key.
pub(super) fn task(key: i64) -> TaskRecord {
    TaskRecord {
        key,
        parent_key: None,
        unmet: 0,
        failure: None,
        deleted_at: None,
        task: Task::new(task_id(key), project_id("app"), format!("Title {key}"), "Do it.", at(key)),
    }
}

/// A task in a status, with what the status asks for.
pub(super) fn task_in(key: i64, status: TaskStatus) -> TaskRecord {
    let mut record = task(key);
    record.task.status = status;
    if status.is_live() {
        record.task.assigned_agent = Some(agent_id("nova"));
        record.task.run_number = 1;
    }
    if status == TaskStatus::Paused {
        record.task.resume_after = Some(at(1_000));
    }
    if status == TaskStatus::Blocked {
        record.task.blocked_reason = Some(aq_core::task::BlockedReason::OperatorStop);
    }
    record
}

/// A run that was just ordered.
pub(super) fn run(key: i64, number: u32, agent: &str, workspace: &str) -> RunRecord {
    RunRecord {
        task_key: key,
        pid: None,
        output_bytes: 0,
        run: Run::new(
            RunRef { task: task_id(key), number },
            project_id("app"),
            agent_id(agent),
            RuntimeKind::Scripted,
            WorkspaceId::from_trusted(workspace),
            at(10 * key + i64::from(number)),
        ),
    }
}

/// An entry of `input` tokens.
pub(super) fn entry(key: i64, run_number: u32, message: &str, when: i64, input: u64) -> LedgerEntry {
    LedgerEntry {
        task_key: key,
        run_number,
        message_id: message.to_owned(),
        at: at(when),
        project: project_id("app"),
        agent: agent_id("nova"),
        account: None,
        model: "m".to_owned(),
        tokens: TokenUsage { input, ..TokenUsage::default() },
        cost_micros: None,
    }
}

pub(super) fn event(seq: u64, kind: EventKind, task: Option<i64>) -> NewEvent {
    NewEvent::new(fact(seq, kind, task), task)
}

pub(super) fn fact(seq: u64, kind: EventKind, task: Option<i64>) -> Event {
    Event {
        seq,
        at: at(i64::try_from(seq).unwrap() * 10),
        kind,
        project: task.map(|_| project_id("app")),
        task: task.map(task_id),
        run: None,
        agent: None,
        payload: serde_json::json!({"title": "t", "status": "DEFINED"}),
    }
}

/// Project `app`, agent `nova`, workspaces `ws-1` to `ws-3`.
pub(super) fn stage(db: &mut Connection) {
    projects::insert(db, &Project::new(project_id("app"), "App", at(0))).unwrap();
    agents::insert(db, &Agent::new(agent_id("nova"), "Nova", RuntimeKind::Scripted, at(0))).unwrap();
    for number in 1..=3 {
        workspaces::insert(
            db,
            &Workspace {
                id: WorkspaceId::from_trusted(&format!("ws-{number}")),
                project: project_id("app"),
                name: String::new(),
                kind: WorkspaceKind::Link,
                path: format!("/work/{number}"),
                lease: None,
                created_at: at(number),
            },
        )
        .unwrap();
    }
}

/// Adds tasks in the order given.
pub(super) fn add(db: &mut Connection, records: &[TaskRecord]) {
    for record in records {
        tasks::insert(db, record).unwrap();
    }
}
