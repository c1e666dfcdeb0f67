//! Databases with a backlog: made once through the store's own functions, and copied for every measurement.

use std::path::{Path, PathBuf};

use aq_core::agent::Agent;
use aq_core::ids::{AgentId, ProjectId, TaskId, WorkspaceId};
use aq_core::project::Project;
use aq_core::runtime::{RuntimeKind, RuntimeSet};
use aq_core::task::{OwnLimits, Task, TaskOrigin, TaskStatus};
use aq_core::time::Timestamp;
use aq_core::workspace::{Workspace, WorkspaceKind};
use aq_server::commands::create::NewTask;
use aq_server::lifecycle::PAUSED;
use aq_server::store::{Connection, DatabaseUrl, StoreError, TaskRecord, agents, open_migrated, projects, settings, tasks, workspaces};

/// Projects of a filled database.
pub(crate) const PROJECTS: i64 = 10;
/// Agents in it; a measurement pauses those that it does not want.
pub(crate) const AGENTS: usize = 128;
/// Workspaces of each project: an agent is free before its last work has landed.
const WORKSPACES: usize = AGENTS;

/// The project of this number.
pub(crate) fn project(number: i64) -> ProjectId {
    ProjectId::from_trusted(&format!("project-{number}"))
}

/// A READY task with a description of 200 bytes; priorities and projects take turns.
fn task(key: i64) -> TaskRecord {
    let description = "Describe the work in about two hundred characters. ".repeat(4);
    let id = TaskId::from_trusted(&format!("task-{key:08}"));
    let mut task =
        Task::new(id, project(key % PROJECTS), "A task title of forty characters or so..", description, Timestamp::from_millis(1));
    task.status = TaskStatus::Ready;
    task.priority = 50 * i32::try_from(key / PROJECTS % 5).unwrap_or(0);
    TaskRecord { key, parent_key: None, unmet: 0, failure: None, deleted_at: None, task }
}

fn rows(db: &mut Connection, count: i64) -> Result<(), StoreError> {
    let at = Timestamp::from_millis(1);
    db.batch("BEGIN")?;
    for number in 0..PROJECTS {
        let mut one = Project::new(project(number), format!("Project {number}"), at);
        one.max_concurrent_agents = 1000;
        one.credit_weight = 1.0 + f64::from(u32::try_from(number).unwrap_or(0));
        projects::insert(db, &one)?;
        for place in 0..WORKSPACES {
            workspaces::insert(
                db,
                &Workspace {
                    id: WorkspaceId::from_trusted(&format!("ws-{number}-{place}")),
                    project: one.id.clone(),
                    name: String::new(),
                    kind: WorkspaceKind::Clone,
                    path: format!("/nowhere/{number}/{place}"),
                    lease: None,
                    created_at: at,
                },
            )?;
        }
    }
    for number in 0..AGENTS {
        agents::insert(
            db,
            &Agent::new(AgentId::from_trusted(&format!("agent-{number}")), format!("Agent {number}"), RuntimeKind::Scripted, at),
        )?;
    }
    for key in 1..=count {
        tasks::insert(db, &task(key))?;
    }
    // Nothing starts before the measurement does.
    settings::set(db, PAUSED, "true")?;
    db.batch("COMMIT")?;
    db.batch("PRAGMA wal_checkpoint(TRUNCATE)")
}

fn open(file: &Path, folder: &Path) -> Result<Connection, StoreError> {
    Ok(open_migrated(&DatabaseUrl::sqlite(file), &folder.join("before"), Timestamp::from_millis(1))?.0)
}

/// The database with `count` READY tasks; made when it is not there yet. One that an earlier build made gets the present schema, so that both sides
/// of a measurement begin with it.
pub(crate) fn filled(folder: &Path, count: i64) -> Result<PathBuf, String> {
    let file = folder.join(format!("filled-{count}.db"));
    if file.exists() {
        let whole = open(&file, folder).and_then(|mut db| db.batch("PRAGMA wal_checkpoint(TRUNCATE)"));
        whole.map_err(|error| format!("{}: {error}", file.display()))?;
        return Ok(file);
    }
    let making = folder.join("making.db");
    let made = open(&making, folder).and_then(|mut db| rows(&mut db, count));
    made.map_err(|error| error.to_string())?;
    std::fs::rename(&making, &file).map_err(|error| error.to_string())?;
    Ok(file)
}

/// A fresh copy of a filled database at `to`, on disk before the measurement begins.
pub(crate) fn copy(filled: &Path, to: &Path) -> Result<(), String> {
    let copied = std::fs::copy(filled, to).and_then(|_| std::fs::File::open(to)?.sync_all());
    copied.map_err(|error| format!("{}: {error}", to.display()))
}

/// A task for the command that creates tasks.
pub(crate) fn new_task(title: &str) -> NewTask {
    NewTask {
        key: String::new(),
        project: project(0),
        title: title.to_owned(),
        description: "Describe the work in about two hundred characters. ".repeat(4),
        priority: 100,
        task_type: None,
        after: Vec::new(),
        runtime: None,
        fallback: RuntimeSet::EMPTY,
        filler: false,
        verification: None,
        plan_approval: None,
        preferred_agent: None,
        model: None,
        attachments: Vec::new(),
        test_commands: Vec::new(),
        requires_approval: false,
        max_retries: 3,
        budget_tokens: None,
        limits: OwnLimits::default(),
        parent: None,
        is_plan_subtask: false,
        origin: TaskOrigin::Operator,
    }
}
