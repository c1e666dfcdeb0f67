//! The promises of the system, checked against what is stored and what decisions are made with. Reads only; run inside the writer, so that
//! rows and figures are of one moment.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::run::RunState;
use aq_core::task::{TaskStatus, UNTIL_ANSWERED, check_invariants};
use aq_core::time::Timestamp;

use crate::lifecycle::{Figures, load};
use crate::store::invariants::{self, Offence};
use crate::store::{Archived, Connection, StoreError, TaskCursor, TaskOrder, TaskQuery, questions, runs, task_lists, tasks};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Should be looked at.
    Warning,
    /// A promise does not hold.
    Error,
}

/// A promise that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, one of [`RULES`].
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, for example `task swift-falcon`.
    pub subject: String,
    /// What was found.
    pub message: String,
    /// What helps.
    pub remedy: &'static str,
}

/// The rules that are checked, with what they promise.
pub const RULES: &[(&str, &str)] = &[
    ("C-01", "every task obeys the rules of its status"),
    ("C-02", "a task in ASSIGNED, IN_PROGRESS, WAITING_INPUT or VERIFYING has exactly its newest run open"),
    ("C-03", "no agent has two running runs, no workspace two open ones"),
    ("C-04", "the number of unmet dependencies of a task is the number of its dependencies that are not COMPLETED"),
    ("C-05", "a DEFINED task waits for something, a READY one for nothing"),
    ("C-06", "no task waits for itself, directly or through others"),
    ("C-07", "the model tokens of a run are the sum of its ledger entries"),
    ("C-08", "run numbers of a task are 1, 2, … without holes, and the task knows the newest"),
    ("C-09", "a question is open only while its run is, or while a paused task waits for its answer"),
    ("C-10", "events are numbered without holes"),
    ("C-11", "the figures that decisions are made with are those that the rows give"),
    ("C-12", "every task that is not finished has something that wakes it"),
    ("C-13", "every row can be read"),
];

const RESTART: &str = "restart the server; if it is still there, report it with the output of this check";
const REPAIR: &str = "stop the server, repair the row or restore a backup of the database (in `backups` in the data directory), and start it again; nothing is done with it meanwhile";
const RESTORE: &str =
    "stop the server and put the newest sound copy of the database (in `backups` in the data directory) in its place: aqd restore FILE";
const REPORT: &str = "stop the task and restart it; report this finding";

/// A question to the rows.
type Query = fn(&mut Connection) -> Result<Vec<Offence>, StoreError>;

/// Checks everything. The cost grows with the number of tasks that are not finished and of runs; seconds at a million. Of a damaged database it tells that,
/// and what was found before.
///
/// # Errors
/// When the rows cannot be read.
pub fn check(db: &mut Connection, figures: &Figures, now: Timestamp) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    match look(db, figures, now, &mut findings) {
        Err(StoreError::Damaged(found)) => findings.push(damaged(found)),
        looked => looked?,
    }
    // A task of an open run is met twice.
    let mut told = BTreeSet::new();
    findings.retain(|finding| finding.rule != "C-13" || told.insert((finding.subject.clone(), finding.message.clone())));
    Ok(findings)
}

fn look(db: &mut Connection, figures: &Figures, now: Timestamp, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    of_tasks(db, figures, findings)?;
    of_leases(db, figures, findings)?;
    let queries: [(&'static str, Query); 6] = [
        ("C-04", invariants::wrong_unmet),
        ("C-05", invariants::wrong_waits),
        ("C-06", invariants::cycles),
        ("C-07", invariants::wrong_tokens),
        ("C-08", invariants::wrong_numbers),
        ("C-09", invariants::stale_questions),
    ];
    for (rule, query) in queries {
        findings.extend(query(db)?.into_iter().map(|offence| error(rule, offence.subject, offence.message, REPORT)));
    }
    findings.extend(invariants::event_holes(db)?.into_iter().map(|offence| error("C-10", offence.subject, offence.message, REPORT)));
    let fresh = load(db, now, figures.span_ms)?;
    findings.extend(fresh.aside.iter().cloned().map(unreadable));
    findings.extend(differences(figures, &fresh, now));
    Ok(())
}

/// Finished tasks that [`history`] reads at once.
const PART: u32 = 200;

/// C-13 for what decides nothing any more: COMPLETED tasks and ended runs, newest first, a part at a time, from `after` on. The place of the next part; `None` behind
/// the last one.
///
/// # Errors
/// Whatever the database answers.
pub fn history(db: &mut Connection, after: Option<TaskCursor>) -> Result<(Vec<Finding>, Option<TaskCursor>), StoreError> {
    match part_of_history(db, after) {
        Err(StoreError::Damaged(found)) => Ok((vec![damaged(found)], None)),
        looked => looked,
    }
}

fn part_of_history(db: &mut Connection, after: Option<TaskCursor>) -> Result<(Vec<Finding>, Option<TaskCursor>), StoreError> {
    let query = TaskQuery { statuses: vec![TaskStatus::Completed], archived: Archived::Show, ..TaskQuery::default() };
    let (tasks, next) = task_lists::load(db, &query, TaskOrder::NewestFirst, after, PART)?;
    let runs = runs::damaged_between(db, next.map_or(0, |cursor| cursor.key), after.map_or(i64::MAX, |cursor| cursor.key))?;
    let named = |kind: &str, offence: Offence| unreadable(Offence { subject: format!("{kind} {}", offence.subject), ..offence });
    let findings = tasks.aside.into_iter().map(|task| named("task", task)).chain(runs.into_iter().map(|run| named("run", run)));
    Ok((findings.collect(), next))
}

fn error(rule: &'static str, subject: String, message: String, remedy: &'static str) -> Finding {
    Finding { rule, severity: Severity::Error, subject, message, remedy }
}

fn damaged(found: String) -> Finding {
    error("C-13", "database".to_owned(), format!("the file is damaged: {found}"), RESTORE)
}

fn unreadable(offence: Offence) -> Finding {
    error("C-13", offence.subject, offence.message, REPAIR)
}

/// C-01, C-02, C-12, C-13, for every task that is not COMPLETED.
fn of_tasks(db: &mut Connection, figures: &Figures, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    for status in TaskStatus::ALL.iter().filter(|status| **status != TaskStatus::Completed) {
        let found = tasks::readable_in_status(db, *status)?;
        findings.extend(found.aside.into_iter().map(unreadable));
        for record in found.rows {
            let subject = || format!("task {}", record.task.id);
            if let Err(rule) = check_invariants(&record.task) {
                findings.push(error("C-01", subject(), rule.to_string(), REPORT));
            }
            let open = figures.runs.get(&record.key);
            let own = open.is_some_and(|run| run.run.number == record.task.run_number && run.stopping.is_none());
            if status.is_live() && !own {
                findings.push(error("C-02", subject(), format!("is {status} and its run {} is not open", record.task.run_number), RESTART));
            }
            if record.task.resume_after == Some(UNTIL_ANSWERED) && questions::waiting_of_task(db, record.key)?.is_empty() {
                findings.push(error("C-12", subject(), "is PAUSED for an answer and asks nothing".to_owned(), REPORT));
            }
            if let Some(missing) = no_wake(figures, &record.task, record.key, record.unmet) {
                findings.push(error("C-12", subject(), missing, RESTART));
            }
        }
    }
    Ok(())
}

/// What a task lacks to ever go on; `None` when it has its wake-up.
fn no_wake(figures: &Figures, task: &aq_core::task::Task, key: i64, unmet: u32) -> Option<String> {
    let listed = || {
        let hot = figures.projects.get(&task.project);
        hot.and_then(|hot| hot.ready.get(&task.needs())).is_some_and(|lane| lane.contains(&(task.priority, key)))
    };
    // The end of the run that works on its branch wakes it.
    let held = task.branch.as_deref().is_some_and(|branch| figures.working_on(&task.project, branch).is_some());
    match task.status {
        TaskStatus::Ready if !listed() && !figures.runs.contains_key(&key) && !held => {
            Some("is READY and the scheduler does not know it".to_owned())
        }
        TaskStatus::Defined if unmet == 0 => Some("is DEFINED and waits for nothing".to_owned()),
        TaskStatus::Paused if task.resume_after.is_none() => Some("is PAUSED without an instant".to_owned()),
        _ => None,
    }
}

/// C-02 from the other side, and C-03.
fn of_leases(db: &mut Connection, figures: &Figures, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    let open = runs::open(db)?;
    let (mut agents, mut spaces) = (BTreeMap::new(), BTreeMap::new());
    for record in &open {
        let run = &record.run;
        if run.state != RunState::Concluding
            && let Some(other) = agents.insert(run.agent.clone(), run.id.clone())
        {
            findings.push(error("C-03", format!("agent {}", run.agent), format!("works on {other} and {}", run.id), RESTART));
        }
        if let Some(other) = spaces.insert(run.workspace.clone(), run.id.clone()) {
            findings.push(error("C-03", format!("workspace {}", run.workspace), format!("is held by {other} and {}", run.id), RESTART));
        }
        if figures.runs.get(&record.task_key).is_none_or(|known| known.run != run.id) {
            findings.push(error("C-11", format!("run {}", run.id), "is open and the figures do not know it".to_owned(), RESTART));
        }
    }
    Ok(())
}

/// C-11: what the figures say against what a fresh start would.
fn differences(present: &Figures, fresh: &Figures, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut differ = |subject: String, what: &str, have: String, want: String| {
        if have != want {
            findings.push(error("C-11", subject, format!("{what}: the figures say {have}, the rows {want}"), RESTART));
        }
    };
    let server = || "server".to_owned();
    differ(server(), "pause", present.paused.to_string(), fresh.paused.to_string());
    differ(server(), "last task key", present.last_key.to_string(), fresh.last_key.to_string());
    differ(server(), "last event", present.last_event.to_string(), fresh.last_event.to_string());
    differ(server(), "projects", format!("{:?}", present.projects.keys()), format!("{:?}", fresh.projects.keys()));
    differ(server(), "agents", format!("{:?}", present.agents.keys()), format!("{:?}", fresh.agents.keys()));
    differ(server(), "workspaces", format!("{:?}", present.workspaces.keys()), format!("{:?}", fresh.workspaces.keys()));
    differ(server(), "leases", format!("{:?}", present.leased), format!("{:?}", fresh.leased));
    differ(server(), "timers", format!("{:?}", present.timers), format!("{:?}", fresh.timers));
    differ(server(), "busy agents", format!("{:?}", present.busy), format!("{:?}", fresh.busy));
    for (key, run) in &present.runs {
        let want = fresh.runs.get(key).map(|run| (run.state, run.tokens));
        differ(format!("run {}", run.run), "state and tokens", format!("{:?}", Some((run.state, run.tokens))), format!("{want:?}"));
    }
    for (id, hot) in &present.projects {
        let Some(want) = fresh.projects.get(id) else { continue };
        let subject = || format!("project {id}");
        let counts =
            |hot: &crate::lifecycle::ProjectHot| format!("{:?}", hot.counts.iter().filter(|(_, count)| **count > 0).collect::<Vec<_>>());
        differ(subject(), "tasks by status", counts(hot), counts(want));
        let ready = |hot: &crate::lifecycle::ProjectHot| hot.ready.values().flatten().copied().collect::<Vec<_>>();
        let (have, wanted) = (ready(hot), ready(want));
        if have != wanted {
            differ(subject(), "ready tasks", format!("{} of them", have.len()), format!("{} of them, or others", wanted.len()));
        }
        differ(subject(), "tokens in the window", hot.usage.tokens_at(now).to_string(), want.usage.tokens_at(now).to_string());
        let held = |hot: &crate::lifecycle::ProjectHot| format!("{} runs, {} tokens, {:?}", hot.open_runs, hot.in_flight, hot.free);
        differ(subject(), "open runs and free workspaces", held(hot), held(want));
        differ(subject(), "fields", format!("{:?}", hot.project), format!("{:?}", want.project));
    }
    findings
}
