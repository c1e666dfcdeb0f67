//! What the rows and earlier events say of a task or a run that ended: from when on, and whether an end was told before (traces R3, R4).

use aq_core::event::{Event, EventKind};
use aq_core::ids::{RunRef, TaskId};
use aq_core::run::Run;
use aq_core::task::{TaskStatus, Trigger};
use aq_core::time::Timestamp;
use serde_json::Value;

use super::spans::{RunOver, TaskOver, instant};
use crate::store::{Connection, EventQuery, StoreError, events, runs, tasks};

/// Events of a task that are looked at; an end that lies further back is taken for none.
const LOOKED_AT: i64 = 512;

/// Every event that carries a task's status.
const MOVES: [EventKind; 23] = [
    EventKind::TaskCreated,
    EventKind::TaskReady,
    EventKind::TaskDeferred,
    EventKind::TaskAssigned,
    EventKind::TaskStarted,
    EventKind::TaskVerifying,
    EventKind::TaskReviewDue,
    EventKind::TaskAwaitingApproval,
    EventKind::TaskWaitingInput,
    EventKind::TaskReplied,
    EventKind::TaskPaused,
    EventKind::TaskResumed,
    EventKind::TaskRetried,
    EventKind::TaskCompleted,
    EventKind::TaskFailed,
    EventKind::TaskBlocked,
    EventKind::TaskUnblocked,
    EventKind::TaskRestarted,
    EventKind::TaskReopened,
    EventKind::TaskRecovered,
    EventKind::TaskStatusSet,
    EventKind::TaskRestored,
    EventKind::TaskDeleted,
];

/// Whether an event may end its task; the events that follow decide.
pub(super) const ENDS: [EventKind; 5] =
    [EventKind::TaskCompleted, EventKind::TaskFailed, EventKind::TaskBlocked, EventKind::TaskStatusSet, EventKind::TaskDeleted];

fn text<'e>(event: &'e Event, key: &str) -> &'e str {
    event.payload.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What an event says of its task's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is none, or follows one that was told.
    None,
    /// The first one.
    First,
    /// A further one; the task had gone on at this instant.
    Again(Timestamp),
}

/// True when the event at `at` ended the task. A failure that the next event leaves for a further try is none: both are of one moment.
fn ends(moves: &[Event], at: usize) -> bool {
    let Some(event) = moves.get(at) else { return false };
    let next = moves.get(at + 1).filter(|next| next.at == event.at).map(|next| text(next, "trigger"));
    let goes_on = [Trigger::Backoff, Trigger::Retry, Trigger::MaxRetries, Trigger::SameFailure, Trigger::Held].map(Trigger::as_str);
    let status = TaskStatus::parse(text(event, "status"));
    match (event.kind, status) {
        (EventKind::TaskDeleted, _) => true,
        (_, Some(TaskStatus::Failed)) => next.is_none_or(|next| !goes_on.contains(&next)),
        (_, status) => status.is_some_and(TaskStatus::is_finished),
    }
}

/// Where an event stands among the moves of its task, which are in order.
fn end(moves: &[Event], seq: u64) -> End {
    let Some(at) = moves.iter().position(|event| event.seq == seq).filter(|at| ends(moves, *at)) else { return End::None };
    match (0..at).rev().find(|earlier| ends(moves, *earlier)) {
        None => End::First,
        Some(earlier) if earlier + 1 == at => End::None,
        Some(earlier) => moves.get(earlier + 1).map_or(End::None, |next| End::Again(next.at)),
    }
}

/// A task's end; `None` when the event is none, or follows one that was told.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn task_over(db: &mut Connection, event: &Event) -> Result<Option<TaskOver>, StoreError> {
    let Some(task) = event.task.clone() else { return Ok(None) };
    let query = EventQuery { tasks: vec![task.clone()], kinds: MOVES.to_vec(), ..EventQuery::default() };
    let mut moves = events::page(db, &query, None, LOOKED_AT)?;
    moves.reverse();
    let again = match end(&moves, event.seq) {
        End::None => return Ok(None),
        End::First => None,
        End::Again(at) => Some(at),
    };
    let row = tasks::by_id(db, &task)?;
    let created = row.as_ref().map(|row| row.task.created_at).or_else(|| moves.first().map(|first| first.at));
    let deleted = event.kind == EventKind::TaskDeleted;
    Ok(Some(TaskOver {
        task,
        project: event.project.clone(),
        status: if deleted { "DELETED".to_owned() } else { text(event, "status").to_owned() },
        reason: if text(event, "status") == TaskStatus::Blocked.as_str() { text(event, "reason").to_owned() } else { String::new() },
        runs: event
            .run
            .or_else(|| row.map(|row| row.task.run_number))
            .or_else(|| moves.iter().rev().find_map(|event| event.run))
            .unwrap_or(0),
        start: instant(again.or(created).unwrap_or(event.at)),
        end: instant(event.at),
        again: again.map(|_| event.seq),
    }))
}

/// A run's end, but for what its output tells.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn run_over(db: &mut Connection, event: &Event) -> Result<Option<RunOver>, StoreError> {
    let (Some(task), Some(number)) = (event.task.clone(), event.run) else { return Ok(None) };
    let run = RunRef { task: task.clone(), number };
    let kinds = vec![EventKind::RunEnded, EventKind::TaskVerifying];
    let query = EventQuery { tasks: vec![task.clone()], run: Some(number), kinds, ..EventQuery::default() };
    let again = taken_up(&events::page(db, &query, Some(event.seq), LOOKED_AT)?);
    let record = match tasks::by_id(db, &task)? {
        Some(row) => runs::get(db, row.key, number)?,
        None => None,
    };
    Ok(Some(over(event, run, again, record.as_ref().map(|record| &record.run))))
}

/// When a run that had ended was taken up; `None` when it had not. The events are the newest first.
fn taken_up(earlier: &[Event]) -> Option<Timestamp> {
    let last = earlier.iter().find(|event| event.kind == EventKind::RunEnded)?;
    let since = earlier.iter().take_while(|event| event.seq > last.seq).last();
    Some(since.unwrap_or(last).at)
}

/// The rows may be gone with their task: then the event says what it knows.
fn over(event: &Event, run: RunRef, again: Option<Timestamp>, row: Option<&Run>) -> RunOver {
    let length = event.payload.get("duration_ms").and_then(Value::as_i64).unwrap_or(0);
    let start = again.or_else(|| row.map(|row| row.started_at)).unwrap_or_else(|| event.at.plus_millis(-length));
    RunOver {
        run,
        project: event.project.clone(),
        agent: event.agent.clone(),
        runtime: text(event, "runtime").to_owned(),
        purpose: row.map(|row| row.purpose.as_str().to_owned()).unwrap_or_default(),
        result: text(event, "result").to_owned(),
        class: text(event, "failure_class").to_owned(),
        tokens: row.map(|row| row.tokens).unwrap_or_default(),
        models: (String::new(), String::new()),
        calls: 0,
        start: instant(start),
        end: instant(event.at),
        again: again.map(|_| event.seq),
    }
}

/// The run that an event is about.
pub(super) fn run_of(event: &Event) -> Option<RunRef> {
    Some(RunRef { task: TaskId::clone(event.task.as_ref()?), number: event.run? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(seq: u64, kind: EventKind, status: &str, trigger: &str) -> Event {
        Event {
            seq,
            // What follows upon a failure at once is of its moment.
            at: Timestamp::from_millis((i64::try_from(seq).unwrap() - i64::from(trigger == "BACKOFF" || trigger == "MAX_RETRIES")) * 1000),
            kind,
            project: None,
            task: Some(TaskId::parse("swift-falcon").unwrap()),
            run: Some(1),
            agent: None,
            payload: json!({ "status": status, "trigger": trigger, "result": "done", "runtime": "claude", "duration_ms": 500 }),
        }
    }

    fn moves(told: &[(EventKind, &str, &str)]) -> Vec<Event> {
        (1..).zip(told).map(|(seq, (kind, status, trigger))| event(seq, *kind, status, trigger)).collect()
    }

    /// traces R3: a failure that is followed by a further try ends nothing; the last one does, and so does a deletion.
    #[test]
    fn a_task_ends_once() {
        let told = moves(&[
            (EventKind::TaskCreated, "READY", ""),
            (EventKind::TaskFailed, "FAILED", "AGENT_FAILED"),
            (EventKind::TaskPaused, "PAUSED", Trigger::Backoff.as_str()),
            (EventKind::TaskFailed, "FAILED", "AGENT_FAILED"),
            (EventKind::TaskBlocked, "BLOCKED", Trigger::MaxRetries.as_str()),
            (EventKind::TaskDeleted, "", ""),
        ]);
        assert_eq!([1, 2, 3, 4, 5, 6, 7].map(|seq| end(&told, seq)), {
            let mut expected = [End::None; 7];
            expected[4] = End::First;
            expected
        });
        assert_eq!(end(&told[..4], 4), End::First, "without a further try it is the end");
        let deleted = moves(&[(EventKind::TaskCreated, "READY", ""), (EventKind::TaskDeleted, "", "")]);
        assert_eq!(end(&deleted, 2), End::First);
    }

    /// traces R4: a task that goes on is told again from there on; what goes from one end to another is not.
    #[test]
    fn a_task_that_goes_on_ends_again() {
        let told = moves(&[
            (EventKind::TaskCreated, "READY", ""),
            (EventKind::TaskCompleted, "COMPLETED", "VERIFY_PASSED"),
            (EventKind::TaskReopened, "READY", "REOPEN"),
            (EventKind::TaskAssigned, "ASSIGNED", "ASSIGNED"),
            (EventKind::TaskBlocked, "BLOCKED", "ADMIN_STOP"),
            (EventKind::TaskCompleted, "COMPLETED", "ADMIN_SKIP"),
        ]);
        assert_eq!((end(&told, 2), end(&told, 6)), (End::First, End::None));
        assert_eq!(end(&told, 5), End::Again(Timestamp::from_millis(3000)));
    }

    /// traces R3, R4: a run is told from its row, or from the event when its row is gone; one that was taken up, from then on.
    #[test]
    fn a_run_is_told_from_what_is_left() {
        let ended = event(9, EventKind::RunEnded, "", "");
        let run = run_of(&ended).unwrap();
        let told = over(&ended, run.clone(), None, None);
        assert_eq!((told.start, told.end), (instant(Timestamp::from_millis(8500)), instant(Timestamp::from_millis(9000))));
        assert_eq!((told.result.as_str(), told.runtime.as_str(), told.again), ("done", "claude", None));
        let earlier = [
            event(7, EventKind::TaskVerifying, "VERIFYING", ""),
            event(5, EventKind::RunEnded, "", ""),
            event(3, EventKind::TaskVerifying, "", ""),
        ];
        let since = taken_up(&earlier);
        assert_eq!(since, Some(Timestamp::from_millis(7000)));
        assert_eq!((taken_up(&earlier[1..]), taken_up(&earlier[2..])), (Some(Timestamp::from_millis(5000)), None));
        assert_eq!(over(&ended, run, since, None).again, Some(9));
    }
}
