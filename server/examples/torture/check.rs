//! Everything that was promised, held against the API once every task is settled.

use std::collections::{BTreeMap, BTreeSet};

use aq_proto::client::Connection;
use aq_proto::v1 as pb;

use super::books::{Books, Fate};
use super::calls::insist;
use super::figures::Figures;
use super::{course, history, output};

/// Entries of a page.
const PAGE: u32 = 200;

/// Looks at everything.
pub(crate) async fn everything(connection: &Connection, books: &mut Books, figures: &mut Figures) -> Result<(), String> {
    figures.checks += 1;
    invariants(connection, figures).await?;
    let tasks = tasks(connection, Wanted::All).await?;
    let runs = runs(connection).await?;
    existence(&tasks, books, figures);
    ends(&tasks, books, figures);
    attempts(&tasks, &runs, figures);
    course::look(&tasks, &runs, books, figures);
    waits(connection, books, figures).await?;
    facts(connection, &tasks, figures).await?;
    history::look(books, figures)?;
    output::look(connection, &runs, books, figures).await?;
    figures.by_status = count(tasks.iter().map(|task| short(task.status().as_str_name(), "TASK_STATUS_")));
    figures.by_outcome = count(runs.iter().map(|run| short(run.outcome().as_str_name(), "RUN_OUTCOME_")));
    figures.broken = books.broken();
    figures.lost = runs.iter().filter(|run| run.failure_class() == pb::FailureClass::Lost).count();
    Ok(())
}

fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

fn count(words: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

async fn invariants(connection: &Connection, figures: &mut Figures) -> Result<(), String> {
    let answer = insist("the invariants", || {
        let mut admin = connection.admin();
        async move { admin.check_invariants(pb::CheckInvariantsRequest {}).await }
    })
    .await?;
    if answer.checked.is_empty() {
        figures.violation("the server checks no invariant".to_owned());
    }
    for finding in answer.findings {
        figures.violation(format!("{} {}: {}", finding.rule, finding.subject, finding.message));
    }
    Ok(())
}

/// Which tasks are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All.
    All,
    /// Those that are not finished.
    Open,
    /// Those that are blocked.
    Blocked,
}

/// These tasks, oldest first.
pub(crate) async fn tasks(connection: &Connection, wanted: Wanted) -> Result<Vec<pb::Task>, String> {
    let blocked: i32 = pb::TaskStatus::Blocked.into();
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let request = pb::ListTasksRequest {
            statuses: if wanted == Wanted::Blocked { vec![blocked] } else { Vec::new() },
            include_finished: wanted == Wanted::All,
            order: pb::TaskOrder::OldestFirst.into(),
            page_size: PAGE,
            page_token: token,
            ..Default::default()
        };
        let page = insist("the tasks", || {
            let (mut tasks, request) = (connection.tasks(), request.clone());
            async move { tasks.list_tasks(request).await }
        })
        .await?;
        all.extend(page.tasks);
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

async fn runs(connection: &Connection) -> Result<Vec<pb::Run>, String> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let request = pb::ListRunsRequest { page_size: PAGE, page_token: token, ..Default::default() };
        let page = insist("the runs", || {
            let (mut runs, request) = (connection.runs(), request.clone());
            async move { runs.list_runs(request).await }
        })
        .await?;
        all.extend(page.runs);
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

/// Every acknowledged task exists once, and no other.
fn existence(tasks: &[pb::Task], books: &Books, figures: &mut Figures) {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for task in tasks {
        found.entry(task.title.strip_prefix("task ").unwrap_or(&task.title)).or_default().push(&task.id);
    }
    for known in books.known.values() {
        match found.remove(known.wanted.key.as_str()).as_deref() {
            None => figures.violation(format!("{} ({}) was acknowledged and is gone", known.wanted.key, known.id)),
            Some([id]) if **id == known.id => {}
            Some(ids) => figures.violation(format!("{} ({}) exists as {}", known.wanted.key, known.id, ids.join(" "))),
        }
    }
    for (key, ids) in found {
        figures.violation(format!("{key} ({}) exists and was never acknowledged", ids.join(" ")));
    }
}

/// Every task ended as it had to.
fn ends(tasks: &[pb::Task], books: &Books, figures: &mut Figures) {
    let by_id: BTreeMap<&str, &pb::Task> = tasks.iter().map(|task| (task.id.as_str(), task)).collect();
    for known in books.known.values() {
        let Some(task) = by_id.get(known.id.as_str()) else { continue };
        let wanted = match books.fate(&known.wanted.key) {
            Fate::Completed => pb::TaskStatus::Completed,
            Fate::Blocked => pb::TaskStatus::Blocked,
            Fate::Waits => pb::TaskStatus::Defined,
        };
        if task.status() != wanted {
            let (is, reason) = (task.status().as_str_name(), task.block_reason().as_str_name());
            figures.violation(format!(
                "{} ({}, {:?}) is {is} instead of {}; {reason}; {}",
                known.wanted.key,
                known.id,
                known.wanted.kind,
                wanted.as_str_name(),
                task.result_summary
            ));
        }
        if task.status() == pb::TaskStatus::Blocked && task.block_reason() == pb::BlockReason::Unspecified {
            figures.violation(format!("{} ({}) is blocked without a reason", known.wanted.key, known.id));
        }
    }
}

/// Runs are numbered without holes, each has one end, and a completed task has one success: its last run.
fn attempts(tasks: &[pb::Task], runs: &[pb::Run], figures: &mut Figures) {
    let mut by_task: BTreeMap<&str, BTreeMap<u32, &pb::Run>> = BTreeMap::new();
    for run in runs {
        if by_task.entry(&run.task_id).or_default().insert(run.number, run).is_some() {
            figures.violation(format!("run {} of {} is listed twice", run.number, run.task_id));
        }
    }
    let none = BTreeMap::new();
    for task in tasks {
        let own = by_task.get(task.id.as_str()).unwrap_or(&none);
        let name = format!("{} ({})", task.title, task.id);
        if !own.keys().copied().eq(1..=task.last_run_number) {
            figures.violation(format!("{name} has runs {:?} and counts {}", own.keys(), task.last_run_number));
        }
        for run in own.values() {
            if run.state() != pb::RunState::Ended || run.outcome() == pb::RunOutcome::Unspecified {
                figures.violation(format!("run {} of {name} is {} while nothing runs", run.number, run.state().as_str_name()));
            }
        }
        let good: Vec<u32> = own.values().filter(|run| run.outcome() == pb::RunOutcome::Succeeded).map(|run| run.number).collect();
        let expected: Vec<u32> = if task.status() == pb::TaskStatus::Completed { vec![task.last_run_number] } else { Vec::new() };
        if good != expected {
            let told: Vec<_> = own.values().map(|run| short(run.outcome().as_str_name(), "RUN_OUTCOME_")).collect();
            figures.violation(format!("{name} is {} with runs {}", task.status().as_str_name(), told.join(" ")));
        }
    }
}

/// Tasks that cannot go on say what they wait for.
async fn waits(connection: &Connection, books: &Books, figures: &mut Figures) -> Result<(), String> {
    for known in books.with_fate(Fate::Waits) {
        let request = pb::ExplainTaskRequest { task_id: known.id.clone() };
        let answer = insist("an explanation", || {
            let (mut tasks, request) = (connection.tasks(), request.clone());
            async move { tasks.explain_task(request).await }
        })
        .await?;
        let blocking: BTreeSet<&str> =
            known.wanted.after.iter().filter_map(|key| books.known.get(key)).map(|known| known.id.as_str()).collect();
        let named =
            answer.reasons.iter().any(|reason| reason.kind() == pb::WaitKind::Dependency && blocking.contains(reason.subject_id.as_str()));
        if !named {
            figures.violation(format!("{} waits for a task, and its explanation is: {}", known.wanted.key, answer.sentence));
        }
    }
    Ok(())
}

/// The history of events tells each task's beginning and end once.
async fn facts(connection: &Connection, tasks: &[pb::Task], figures: &mut Figures) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut counts: BTreeMap<(String, &'static str), usize> = BTreeMap::new();
    let mut finished: BTreeMap<(String, u32), usize> = BTreeMap::new();
    let types = ["task.created", "task.completed", "run.finished"];
    let filter = pb::EventFilter { types: types.map(str::to_owned).to_vec(), ..Default::default() };
    let mut token = String::new();
    loop {
        let request = pb::ListEventsRequest { filter: Some(filter.clone()), page_size: PAGE, page_token: token };
        let page = insist("the events", || {
            let (mut events, request) = (connection.events(), request.clone());
            async move { events.list_events(request).await }
        })
        .await?;
        for event in page.events {
            if !seen.insert(event.seq) {
                figures.violation(format!("event {} is listed twice", event.seq));
            }
            match types.iter().find(|kind| **kind == event.r#type) {
                Some(&"run.finished") => *finished.entry((event.task_id, event.run_number)).or_default() += 1,
                Some(kind) => *counts.entry((event.task_id, kind)).or_default() += 1,
                None => figures.violation(format!("event {} of type {} was not asked for", event.seq, event.r#type)),
            }
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    for ((task, run), times) in finished.into_iter().filter(|(_, times)| *times > 1) {
        figures.violation(format!("run {run} of {task} finished {times} times"));
    }
    for task in tasks {
        let told = |kind| counts.get(&(task.id.clone(), kind)).copied().unwrap_or_default();
        let done = usize::from(task.status() == pb::TaskStatus::Completed);
        if (told("task.created"), told("task.completed")) != (1, done) {
            let (created, completed) = (told("task.created"), told("task.completed"));
            figures.violation(format!("{} ({}) was announced {created} times and completed {completed} times", task.title, task.id));
        }
    }
    Ok(())
}
