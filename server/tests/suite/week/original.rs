//! The original's policies on the same work: as it was shipped, a refusal is a failure and three of them block the task; as it was specified, the agent
//! waits 60, 120 and 240 seconds and then gives the task back for 60 more. Either way what the session did is lost. It looked every five seconds.
//!
//! Its people are kinder than ours: they answer every question at once.

use std::collections::BTreeSet;

use super::provider::{ACCOUNTS, AGENTS, HOUR, Plan, RATE, SPAWN, plans};
use super::trace::Work;

const TICK: i64 = 5_000;

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// Kept tokens when there was less work left than agents.
    pub(super) kept: u64,
    /// When that was, in milliseconds.
    pub(super) dry_at: i64,
    /// Tasks done in the end.
    pub(super) done: usize,
    /// Tasks blocked in the end.
    pub(super) blocked: usize,
}

#[derive(Clone, Copy)]
enum Agent {
    Idle,
    /// The task and the instant of its first token.
    Works(usize, i64),
    /// The task and when it is tried again.
    Holds(usize, i64),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Waits,
    /// Not before an instant.
    Ready(i64),
    Taken,
    Done,
    Blocked,
}

#[derive(Clone, Copy, Default)]
struct Task {
    state: State,
    did: u64,
    failed: usize,
    refused: u32,
}

/// Runs the work to its end, for ten days at most, or to the point from which nothing moves. `held` are the tasks that only a person brings to their end.
pub(super) fn original(work: &[Work], shipped: bool, held: &BTreeSet<usize>) -> Outcome {
    let mut plans = plans();
    let mut tasks = vec![Task::default(); work.len()];
    let mut agents = vec![Agent::Idle; ACCOUNTS * AGENTS];
    let mut outcome = Outcome::default();
    let mut now = 0;
    while now < 10 * 24 * HOUR {
        for number in 0..agents.len() {
            let plan = &mut plans[number / AGENTS];
            agents[number] = match agents[number] {
                Agent::Works(task, from) if now >= from => works(plan, &work[task], &mut tasks[task], (task, from), now, shipped),
                Agent::Holds(task, until) if now >= until => Agent::Works(task, now + SPAWN),
                other => other,
            };
            if matches!(agents[number], Agent::Idle)
                && let Some(next) = next(work, &mut tasks, now)
            {
                tasks[next].state = State::Taken;
                agents[number] = Agent::Works(next, now + SPAWN);
            }
        }
        let ends = |(number, task): (usize, &Task)| matches!(task.state, State::Done | State::Blocked) || held.contains(&number);
        let left = tasks.iter().enumerate().filter(|task| !ends(*task)).count();
        if outcome.dry_at == 0 && left <= agents.len() {
            outcome.dry_at = now;
            outcome.kept = tasks.iter().map(|task| task.did).sum();
        }
        let moves =
            agents.iter().any(|agent| !matches!(agent, Agent::Idle)) || tasks.iter().any(|task| matches!(task.state, State::Ready(_)));
        if !moves {
            break;
        }
        now += TICK;
    }
    let count = |state| tasks.iter().filter(|task| task.state == state).count();
    if outcome.dry_at == 0 {
        (outcome.dry_at, outcome.kept) = (now, tasks.iter().map(|task| task.did).sum());
    }
    Outcome { done: count(State::Done), blocked: count(State::Blocked), ..outcome }
}

/// One tick of an agent that works.
fn works(plan: &mut Plan, work: &Work, task: &mut Task, (number, from): (usize, i64), now: i64, shipped: bool) -> Agent {
    if let Some((at, _)) = work.fails.get(task.failed)
        && task.did >= *at
    {
        (task.failed, task.did) = (task.failed + 1, 0);
        task.state = if task.failed >= 3 { State::Blocked } else { State::Ready(now) };
        return Agent::Idle;
    }
    let wanted = (RATE * TICK.unsigned_abs() / 1_000).min(work.tokens - task.did);
    let got = plan.take(now, wanted);
    task.did += got;
    if task.did >= work.tokens {
        task.state = State::Done;
        return Agent::Idle;
    }
    if got == wanted {
        return Agent::Works(number, from);
    }
    (task.did, task.refused) = (0, task.refused + 1);
    match (shipped, task.refused) {
        (true, 3..) => task.state = State::Blocked,
        (true, _) => task.state = State::Ready(now),
        (false, refused @ 1..=3) => return Agent::Holds(number, now + (60_000 << (refused - 1))),
        (false, _) => (task.state, task.refused) = (State::Ready(now + 60_000), 0),
    }
    Agent::Idle
}

fn next(work: &[Work], tasks: &mut [Task], now: i64) -> Option<usize> {
    for number in 0..tasks.len() {
        if tasks[number].state == State::Waits && work[number].after.iter().all(|other| tasks[*other].state == State::Done) {
            tasks[number].state = State::Ready(0);
        }
    }
    tasks.iter().position(|task| matches!(task.state, State::Ready(at) if at <= now))
}
