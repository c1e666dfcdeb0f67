//! Every status has a reason, a wake-up and a sentence.

use super::*;
use crate::ids::{AgentId, ProjectId, TaskId};
use crate::limits::GateReason;
use crate::runtime::{RuntimeKind, RuntimeSet};
use crate::schedule::Reason;
use crate::task::{BlockedReason, ReviewDue, Task, TaskStatus, UNTIL_ANSWERED};
use crate::time::Timestamp;

fn task(status: TaskStatus) -> Task {
    let mut task = Task::new(TaskId::from_trusted("a-b"), ProjectId::from_trusted("p"), "t", "d", Timestamp::from_millis(0));
    task.status = status;
    task.resume_after = (status == TaskStatus::Paused).then(|| Timestamp::from_millis(60_000));
    task.blocked_reason = (status == TaskStatus::Blocked).then_some(BlockedReason::MergeConflict);
    task
}

fn sentence(status: TaskStatus, facts: &Facts) -> String {
    explain(&task(status), facts).unwrap().sentence()
}

/// explain R1: exactly COMPLETED has no reason.
#[test]
fn every_open_status_is_explained() {
    for status in TaskStatus::ALL {
        assert_eq!(explain(&task(*status), &Facts::default()).is_none(), *status == TaskStatus::Completed, "{status}");
    }
}

/// explain R2.
#[test]
fn sentences_name_the_action() {
    let none = Facts::default();
    assert_eq!(sentence(TaskStatus::Paused, &none), "Goes on at 1970-01-01T00:01:00Z.");
    assert_eq!(sentence(TaskStatus::WaitingInput, &none), "Waits for an answer to the agent's question: reply to it.");
    assert_eq!(
        sentence(TaskStatus::Blocked, &none),
        "Is blocked (merge_conflict): resolve the conflict on the kept branch, then approve the task to land it again, or restart it."
    );
    let unmet = vec![(TaskId::from_trusted("z-z"), TaskStatus::Ready), (TaskId::from_trusted("c-d"), TaskStatus::Blocked)];
    let waiting = Facts { unmet, ..Facts::default() };
    assert_eq!(
        sentence(TaskStatus::Defined, &waiting),
        "Waits for c-d (BLOCKED), z-z (READY). Skip, restart or remove what cannot complete."
    );
}

/// explain R1, R2: each reason with what ends the wait and what a person reads.
#[test]
fn every_reason_has_its_words() {
    let at = Timestamp::from_millis(5_000);
    let nova = || Some(AgentId::from_trusted("nova"));
    let blocks = |status| WaitReason::Dependencies { unmet: vec![(TaskId::from_trusted("c-d"), status)] };
    let limit = |reason, until| WaitReason::AccountLimit { reason, until, fallback: RuntimeSet::EMPTY };
    let budget = |global, until| WaitReason::Budget { global, used: 7, limit: 9, until };
    let agent = |runtime, none_exists| WaitReason::Agent { runtime, none_exists };
    let (none, claude) = (None, Some(RuntimeKind::Claude));
    let table = [
        (WaitReason::RunnableNow, Wake::Now, "Starts with the next free agent."),
        (WaitReason::Queued { ahead: 1 }, Wake::Others, "Waits behind 1 task of its project."),
        (WaitReason::Queued { ahead: 2 }, Wake::Others, "Waits behind 2 tasks of its project."),
        (WaitReason::Turn, Wake::Others, "Waits for its project's turn: the free agents went to projects further behind their share."),
        (agent(none, false), Wake::Others, "Waits for an idle agent."),
        (agent(claude, false), Wake::Others, "Waits for an idle agent of runtime claude."),
        (agent(none, true), Wake::Person, "There is no agent: create one."),
        (WaitReason::Workspace { none_exists: true }, Wake::Person, "The project has no workspace: add one."),
        (WaitReason::Workspace { none_exists: false }, Wake::Others, "Waits for a workspace: all of the project's are in use."),
        (WaitReason::ProjectPaused, Wake::Person, "The project is paused: resume it."),
        (WaitReason::SystemPaused, Wake::Person, "The system is paused: resume it."),
        (budget(true, Some(at)), Wake::At(at), "The global budget is used up (7 of 9 tokens). It opens again at 1970-01-01T00:00:05Z."),
        (
            budget(false, None),
            Wake::Others,
            "The project's budget is used up (7 of 9 tokens). Raise it, or wait until usage leaves the window.",
        ),
        (WaitReason::ConcurrencyCap { max_runs: 2 }, Wake::Others, "The project runs as many tasks as it may (2)."),
        (limit(GateReason::Limit, Some(at)), Wake::At(at), "The account's limit is reached; work goes on at 1970-01-01T00:00:05Z."),
        (
            limit(GateReason::Reserve, Some(at)),
            Wake::At(at),
            "What its owner keeps of the account's window is reached; work goes on at 1970-01-01T00:00:05Z.",
        ),
        (limit(GateReason::Draining, None), Wake::Others, "What runs on the account is expected to use up its window."),
        (limit(GateReason::Full, None), Wake::Others, "The account has as many runs as it may have at once."),
        (limit(GateReason::Probing, None), Wake::Others, "The account has just been reset; a first run shows whether it takes work again."),
        (
            limit(GateReason::Fault, Some(at)),
            Wake::At(at),
            "The agents that could take it cannot work: mend what they name and resume them; they are tried again at 1970-01-01T00:00:05Z.",
        ),
        (WaitReason::Filler, Wake::Others, "Is filler work: it starts when an account's window would let something expire."),
        (blocks(TaskStatus::Ready), Wake::Others, "Waits for c-d (READY)."),
        (blocks(TaskStatus::Blocked), Wake::Person, "Waits for c-d (BLOCKED). Skip, restart or remove what cannot complete."),
        (blocks(TaskStatus::Failed), Wake::Person, "Waits for c-d (FAILED). Skip, restart or remove what cannot complete."),
        (WaitReason::Until { at, retry_count: 0 }, Wake::At(at), "Goes on at 1970-01-01T00:00:05Z."),
        (WaitReason::Until { at, retry_count: 2 }, Wake::At(at), "Is tried again at 1970-01-01T00:00:05Z, after 2 failed."),
        (WaitReason::Starting { agent: nova(), stands_in_for: none }, Wake::OwnRun, "Is being started by agent nova."),
        (WaitReason::Working { agent: None, stands_in_for: claude }, Wake::OwnRun, "Is worked on, which stands in for claude."),
        (WaitReason::Reviewing { agent: nova() }, Wake::OwnRun, "Is under review by agent nova."),
        (WaitReason::Verifying, Wake::OwnRun, "Its work is being checked and landed."),
        (WaitReason::Answer, Wake::Person, "Waits for an answer to the agent's question: reply to it."),
        (
            WaitReason::Approval { pr_url: Some("https://example.com/1".into()) },
            Wake::Person,
            "Waits for its pull request to be merged: https://example.com/1",
        ),
        (WaitReason::Approval { pr_url: None }, Wake::Person, "Waits for approval: approve it, or reopen it with feedback."),
        (WaitReason::Failed, Wake::Person, "It failed: read the failure, then restart or skip it."),
    ];
    for (reason, wake, sentence) in table {
        assert_eq!((reason.wake(), reason.sentence().as_str()), (wake, sentence), "{reason:?}");
    }
}

/// explain R1: what a status stands for, where it depends on more than the status.
#[test]
fn a_status_is_not_always_its_reason() {
    let none = Facts::default();
    // Met a moment ago, and not moved yet.
    assert_eq!(explain(&task(TaskStatus::Defined), &none), Some(WaitReason::RunnableNow));
    let mut asks = task(TaskStatus::Paused);
    asks.resume_after = Some(UNTIL_ANSWERED);
    assert_eq!(explain(&asks, &none), Some(WaitReason::Answer));
    let unmet = vec![(TaskId::from_trusted("c-d"), TaskStatus::Ready)];
    let late = Facts { unmet: unmet.clone(), ..Facts::default() };
    assert_eq!(explain(&task(TaskStatus::Ready), &late), Some(WaitReason::Dependencies { unmet }));
    let mut lands = task(TaskStatus::AwaitingApproval);
    lands.pr_url = Some("https://example.com/1".into());
    assert_eq!(explain(&lands, &none), Some(WaitReason::Approval { pr_url: lands.pr_url.clone() }));
    for (status, known) in [(TaskStatus::Verifying, WaitReason::Verifying), (TaskStatus::Failed, WaitReason::Failed)] {
        assert_eq!(explain(&task(status), &none), Some(known));
    }
}

/// explain R3: each reason of the scheduler becomes a reason of the task, with its wake-up.
#[test]
fn the_schedulers_reasons_carry_over() {
    let opens = Timestamp::from_millis(5_000);
    let table = [
        (Reason::SystemPaused, Wake::Person),
        (Reason::ProjectPaused, Wake::Person),
        (Reason::GlobalBudget { used: 9, limit: 9 }, Wake::At(opens)),
        (Reason::ProjectBudget { used: 9, limit: 9 }, Wake::At(opens)),
        (Reason::ConcurrencyCap { max_runs: 2 }, Wake::Others),
        (Reason::NoWorkspace, Wake::Others),
        (Reason::NoAgent { runtime: None }, Wake::Others),
        (Reason::AccountClosed { reason: GateReason::Limit, until: Some(opens) }, Wake::At(opens)),
        (Reason::AccountClosed { reason: GateReason::Paused, until: None }, Wake::Person),
        (Reason::AccountClosed { reason: GateReason::Probing, until: None }, Wake::Others),
        (Reason::FillerWaits, Wake::Others),
        (Reason::Outranked, Wake::Others),
    ];
    for (project, wake) in table {
        let facts = Facts { project: Some(project), budget_opens: Some(opens), ..Facts::default() };
        let reason = explain(&task(TaskStatus::Ready), &facts).unwrap();
        assert_eq!(reason.wake(), wake, "{project:?}");
        assert!(reason.sentence().ends_with('.') && reason.sentence().len() > 10);
    }
    let closed = |reason, until| {
        explain(&task(TaskStatus::Ready), &Facts { project: Some(Reason::AccountClosed { reason, until }), ..Facts::default() })
    };
    let told = closed(GateReason::Quiet, Some(opens)).unwrap().sentence();
    assert_eq!(told, "The account's quiet hours hold; work goes on at 1970-01-01T00:00:05Z.");
    assert_eq!(closed(GateReason::Paused, None).unwrap().sentence(), "The account is paused: resume it.");
    let queued = Facts { ahead: 3, ..Facts::default() };
    assert_eq!(sentence(TaskStatus::Ready, &queued), "Waits behind 3 tasks of its project.");
    assert_eq!(explain(&task(TaskStatus::Ready), &Facts::default()), Some(WaitReason::RunnableNow));
}

/// explain R1: what no change of others can end is a person's.
#[test]
fn what_does_not_exist_needs_a_person() {
    let mut needy = task(TaskStatus::Ready);
    needy.runtime = Some(RuntimeKind::Claude);
    let reason = explain(&needy, &Facts { no_fitting_agent: true, ..Facts::default() }).unwrap();
    assert_eq!((reason.wake(), reason.sentence().as_str()), (Wake::Person, "There is no agent of runtime claude: create one."));
    let facts = Facts { project: Some(Reason::NoWorkspace), no_workspace: true, ..Facts::default() };
    assert_eq!(explain(&task(TaskStatus::Ready), &facts).unwrap().wake(), Wake::Person);
    for reason in BlockedReason::ALL {
        let wake = WaitReason::Blocked { reason: *reason }.wake();
        assert_eq!(wake == Wake::Person, !reason.leaves_by_itself(), "{reason}");
    }
}

/// explain R5, F-084: a task whose work is reviewed says so in every phase of the review.
#[test]
fn a_review_is_named() {
    let mut reviewed = task(TaskStatus::InProgress);
    reviewed.review = Some(ReviewDue { runtime: None });
    reviewed.assigned_agent = Some(AgentId::from_trusted("quinn"));
    let facts = Facts::default();
    assert_eq!(explain(&reviewed, &facts).unwrap().sentence(), "Is under review by agent quinn.");
    assert_eq!(preface(&reviewed), "");
    for status in [TaskStatus::Ready, TaskStatus::Paused] {
        reviewed.status = status;
        assert_eq!(preface(&reviewed), "Its work is under review. ");
    }
    reviewed.review = None;
    assert_eq!(preface(&reviewed), "");
}

/// explain R6: a task that may fall back says where it may go meanwhile, and an agent that stands in says for whom.
#[test]
fn falling_back_is_named() {
    let mut wants = task(TaskStatus::Ready);
    wants.runtime = Some(RuntimeKind::Claude);
    wants.fallback = RuntimeSet::EMPTY.with(RuntimeKind::Codex).with(RuntimeKind::Gemini);
    let until = Some(Timestamp::from_millis(5_000));
    let facts = Facts { project: Some(Reason::AccountClosed { reason: GateReason::Limit, until }), ..Facts::default() };
    let told = explain(&wants, &facts).unwrap().sentence();
    assert!(told.ends_with("work goes on at 1970-01-01T00:00:05Z. An idle agent of codex, gemini may take it meanwhile."), "{told}");
    wants.status = TaskStatus::InProgress;
    wants.assigned_agent = Some(AgentId::from_trusted("cody"));
    let facts = Facts { stands_in_for: Some(RuntimeKind::Claude), ..Facts::default() };
    assert_eq!(explain(&wants, &facts).unwrap().sentence(), "Is worked on by agent cody, which stands in for claude.");
}
