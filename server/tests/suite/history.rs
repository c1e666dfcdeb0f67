//! What people and runners may do, in any order: commands, reports, ends of the server, as proptest strategies, and how a command is carried out.

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::output::FailureClass;
use aq_core::runner_link::{Conclusion, RunOutcome, StopReason};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{Backoff, TaskStatus};
use aq_core::time::Timestamp;
use aq_server::commands::{self, CommandError, Context};
use aq_server::lifecycle::Tx;
use aq_server::orchestrator::{ArchivePolicy, Policy};
use proptest::prelude::*;

use crate::harness::{new_task, policy};

/// What a person may ask for; numbers choose among what there is.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Create { after: Vec<usize>, priority: i32, approval: bool, retries: u32, scripted: bool, step_of: Option<usize> },
    AddDependency(usize, usize),
    RemoveDependency(usize, usize),
    Stop(usize),
    Restart(usize, bool),
    Skip(usize),
    Delete(usize),
    Archive(usize),
    Restore(usize),
    Approve(usize),
    Reject(usize),
    SetStatus(usize, usize),
    Edit(usize, i32, bool),
    PauseProject(bool),
    PauseAll(bool),
    PauseAgent(usize, bool),
    AddAgent,
    DeleteAgent(usize),
}

/// What a runner may say; numbers choose among outcomes.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Prepared,
    Started,
    Tokens(u64, u64),
    Asks(u64),
    Answered(u64),
    Finished(usize),
    Concluded(usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A command.
    Ask(Ask),
    /// Commands in one batch; the marked ones fail after their work was done.
    Batch(Vec<(Ask, bool)>),
    /// The server ends in good order and starts again.
    Restart,
    /// The server ends in good order and starts again with another configuration.
    Reconfigure(usize),
    /// The server is killed while it is asked for these, and starts again.
    Kill(Vec<Ask>),
    /// What an open run reports next as a rule.
    Advance(usize),
    /// A report of an open run, sensible or not.
    Say(usize, Say),
    /// A report of any run there ever was.
    Late(usize, Say),
    /// A report of an open run, twice: its acknowledgement was lost.
    Twice(usize, Say),
    /// Time passes, in seconds.
    Wait(i64),
    /// The clock is set back, in seconds.
    Back(i64),
    /// A command while the clock stands still.
    Still(Ask),
    /// The disk takes no more while these are asked and an open run reports; then there is room again.
    Full(Vec<Ask>, usize, Say),
}

pub(crate) fn ask() -> impl Strategy<Value = Ask> {
    let which = 0_usize..40;
    let create = (
        prop::collection::vec(which.clone(), 0..3),
        0..3_i32,
        prop::bool::weighted(0.2),
        0..4_u32,
        prop::bool::weighted(0.2),
        prop::option::weighted(0.4, 0_usize..6),
    );
    prop_oneof![
        6 => create.prop_map(|(after, priority, approval, retries, scripted, step_of)| Ask::Create { after, priority, approval, retries, scripted, step_of }),
        3 => (which.clone(), which.clone()).prop_map(|(a, b)| Ask::AddDependency(a, b)),
        2 => (which.clone(), which.clone()).prop_map(|(a, b)| Ask::RemoveDependency(a, b)),
        2 => which.clone().prop_map(Ask::Stop),
        2 => (which.clone(), any::<bool>()).prop_map(|(a, feedback)| Ask::Restart(a, feedback)),
        1 => which.clone().prop_map(Ask::Skip),
        1 => which.clone().prop_map(Ask::Delete),
        2 => which.clone().prop_map(Ask::Archive),
        1 => which.clone().prop_map(Ask::Restore),
        1 => which.clone().prop_map(Ask::Approve),
        1 => which.clone().prop_map(Ask::Reject),
        2 => (which.clone(), 0_usize..11).prop_map(|(a, status)| Ask::SetStatus(a, status)),
        2 => (which.clone(), 0..3_i32, any::<bool>()).prop_map(|(a, priority, runtime)| Ask::Edit(a, priority, runtime)),
        1 => any::<bool>().prop_map(Ask::PauseProject),
        1 => any::<bool>().prop_map(Ask::PauseAll),
        1 => (which.clone(), any::<bool>()).prop_map(|(a, paused)| Ask::PauseAgent(a, paused)),
        1 => Just(Ask::AddAgent),
        1 => which.prop_map(Ask::DeleteAgent),
    ]
}

pub(crate) fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        Just(Say::Prepared),
        Just(Say::Started),
        (0_u64..5, 0_u64..1000).prop_map(|(message, tokens)| Say::Tokens(message, tokens)),
        (0_u64..3).prop_map(Say::Asks),
        (0_u64..3).prop_map(Say::Answered),
        prop_oneof![0_usize..4, 0..OUTCOMES].prop_map(Say::Finished),
        prop_oneof![0_usize..3, 0..CONCLUSIONS].prop_map(Say::Concluded),
    ]
}

/// The trouble of a clock that is set back: rows are in the order of instants, and that is not the order of what happened any more.
pub(crate) const SET_BACK: &str = "clock set back";

impl Step {
    /// The trouble that this step makes by itself, by its name.
    pub(crate) const fn trouble(&self) -> Option<&'static str> {
        Some(match self {
            Self::Batch(_) => "commands fail in a batch",
            Self::Restart => "server ends",
            Self::Reconfigure(_) => "configuration changes",
            Self::Kill(_) => "server killed among commits",
            Self::Twice(..) => "report twice",
            Self::Late(..) => "report late",
            Self::Wait(seconds) if *seconds >= 3600 => "clock leaps",
            Self::Back(_) => SET_BACK,
            Self::Still(_) => "clock stands",
            Self::Full(..) => "disk full",
            Self::Ask(Ask::Stop(_)) => "person stops",
            Self::Ask(Ask::Restart(..)) => "person restarts",
            Self::Ask(Ask::Delete(_)) => "person deletes",
            Self::Ask(Ask::SetStatus(..)) => "person sets a status",
            Self::Ask(Ask::PauseProject(_) | Ask::PauseAll(_) | Ask::PauseAgent(..)) => "person pauses",
            Self::Ask(Ask::DeleteAgent(_)) => "agent deleted",
            Self::Ask(_) | Self::Advance(_) | Self::Say(..) | Self::Wait(_) => return None,
        })
    }
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => ask().prop_map(Step::Ask),
        2 => prop::collection::vec((ask(), prop::bool::weighted(0.7)), 1..4).prop_map(Step::Batch),
        1 => Just(Step::Restart),
        1 => (0_usize..3).prop_map(Step::Reconfigure),
        1 => prop::collection::vec(ask(), 0..3).prop_map(Step::Kill),
        6 => (0_usize..8).prop_map(Step::Advance),
        4 => (0_usize..8, say()).prop_map(|(run, say)| Step::Say(run, say)),
        1 => (0_usize..40, say()).prop_map(|(run, say)| Step::Late(run, say)),
        1 => (0_usize..8, say()).prop_map(|(run, say)| Step::Twice(run, say)),
        1 => (1_i64..3_600).prop_map(Step::Back),
        1 => ask().prop_map(Step::Still),
        1 => (prop::collection::vec(ask(), 0..3), 0_usize..8, say()).prop_map(|(asks, run, say)| Step::Full(asks, run, say)),
        2 => (0_i64..300).prop_map(Step::Wait),
        1 => (0_i64..72 * 3600).prop_map(Step::Wait),
    ]
}

pub(crate) fn pick<T: Clone>(from: &[T], which: usize) -> Option<T> {
    (!from.is_empty()).then(|| from[which % from.len()].clone())
}

/// Carries out what was asked; the new task, if there is one.
pub(crate) fn perform(
    tx: &mut Tx<'_>,
    context: &Context,
    project: &ProjectId,
    known: &[TaskId],
    ask: &Ask,
) -> Result<Option<TaskId>, CommandError> {
    let nobody = || CommandError::Denied("there is none yet".into());
    let task = |which: usize| pick(known, which).ok_or_else(nobody);
    match ask {
        Ask::Create { after, priority, approval, retries, scripted, step_of } => {
            let after: Vec<_> = after.iter().filter_map(|which| pick(known, *which)).collect();
            let mut new = new_task(project, "task", &after.iter().collect::<Vec<_>>());
            new.after.dedup();
            (new.priority, new.requires_approval, new.max_retries) = (*priority, *approval, *retries);
            new.runtime = scripted.then_some(RuntimeKind::Scripted);
            // Several steps of the same few plans, so that branches are shared.
            new.parent = step_of.and_then(|which| known.get(which)).cloned();
            new.is_plan_subtask = new.parent.is_some();
            return Ok(Some(commands::create::create(tx, context, &[new])?[0].task.id.clone()));
        }
        Ask::AddDependency(a, b) => commands::edit::add_dependency(tx, context, &task(*a)?, &task(*b)?).map(|_| ())?,
        Ask::RemoveDependency(a, b) => commands::edit::remove_dependency(tx, context, &task(*a)?, &task(*b)?).map(|_| ())?,
        Ask::Stop(a) => commands::control::stop(tx, context, &task(*a)?, "").map(|_| ())?,
        Ask::Restart(a, feedback) => {
            commands::control::restart(tx, context, &task(*a)?, if *feedback { "do it better" } else { "" }).map(|_| ())?;
        }
        Ask::Skip(a) => commands::control::skip(tx, context, &task(*a)?).map(|_| ())?,
        Ask::Delete(a) => commands::control::delete(tx, context, &task(*a)?).map(|_| ())?,
        Ask::Archive(a) => commands::archive::archive(tx, context, &[task(*a)?]).map(|_| ())?,
        Ask::Restore(a) => commands::archive::restore(tx, context, &task(*a)?).map(|_| ())?,
        Ask::Approve(a) => commands::control::approve(tx, context, &task(*a)?).map(|_| ())?,
        Ask::Reject(a) => commands::control::reject(tx, context, &task(*a)?, "no").map(|_| ())?,
        Ask::SetStatus(a, status) => {
            commands::control::set_status(tx, context, &task(*a)?, TaskStatus::ALL[*status], "by hand").map(|_| ())?;
        }
        Ask::Edit(a, priority, runtime) => {
            let runtime = Some(runtime.then_some(RuntimeKind::Scripted));
            let edit = commands::edit::TaskEdit { priority: Some(*priority), runtime, ..Default::default() };
            commands::edit::edit(tx, context, &task(*a)?, &edit).map(|_| ())?;
        }
        Ask::PauseProject(paused) => commands::projects::set_paused(tx, context, project, *paused).map(|_| ())?,
        Ask::PauseAll(paused) => commands::system::set_paused(tx, context, *paused, "")?,
        Ask::PauseAgent(which, paused) => {
            let agents: Vec<AgentId> = tx.state.agents.keys().cloned().collect();
            commands::agents::set_paused(tx, context, &pick(&agents, *which).ok_or_else(nobody)?, *paused).map(|_| ())?;
        }
        Ask::AddAgent => {
            let fields = commands::agents::AgentFields { runtime: Some(RuntimeKind::Scripted), ..Default::default() };
            commands::agents::create(tx, context, &fields).map(|_| ())?;
        }
        Ask::DeleteAgent(which) => {
            let agents: Vec<AgentId> = tx.state.agents.keys().cloned().collect();
            commands::agents::delete(tx, context, &pick(&agents, *which).ok_or_else(nobody)?).map(|_| ())?;
        }
    }
    Ok(None)
}

pub(crate) fn outcome(which: usize, now: Timestamp) -> RunOutcome {
    let failed = |class| RunOutcome::Failed { class, message: format!("it failed with {class:?}") };
    match which {
        0..=3 => RunOutcome::Succeeded { summary: "done".into() },
        4 | 5 => failed(FailureClass::Agent),
        6 => failed(FailureClass::Lost),
        7 => failed(FailureClass::Auth),
        8 => RunOutcome::Limited { window: "five_hour".into(), resets_at: Some(now.plus_millis(600_000)), message: "limit".into() },
        9 => RunOutcome::Stopped { reason: StopReason::Operator },
        10 => RunOutcome::Stopped { reason: StopReason::Shutdown },
        11 => RunOutcome::Stopped { reason: StopReason::Limit },
        12 => RunOutcome::Stopped { reason: StopReason::Fenced },
        13 => RunOutcome::Limited { window: "unknown".into(), resets_at: None, message: "too many requests".into() },
        other => failed(FailureClass::ALL[(other - 14) % FailureClass::ALL.len()]),
    }
}

/// What a server is configured to, of a few. In each, retries wait for an instant that chance does not move, so that a seed gives the same history again.
pub(crate) fn configuration(which: usize) -> Policy {
    let plain = Policy { backoff: Backoff { base_ms: 2, max_ms: 2 }, ..policy() };
    match which {
        0 => plain,
        1 => Policy {
            guarantee: true,
            backoff: Backoff { base_ms: 40, max_ms: 90 },
            limit_wait_ms: 5_000,
            archive: ArchivePolicy { enabled: true, after_ms: 3_600_000, statuses: vec![TaskStatus::Completed] },
            ..plain
        },
        _ => Policy { question_timeout_ms: 60_000, stuck_after_ms: 60_000, guarantee: false, ..plain },
    }
}

/// What of a report no server hopes for, by its name; `None`: it is what should come.
pub(crate) fn trouble(say: &Say, now: Timestamp) -> Option<&'static str> {
    match say {
        Say::Finished(which) => match outcome(*which, now) {
            RunOutcome::Succeeded { .. } => None,
            RunOutcome::Failed { class, .. } => Some(class.as_str()),
            RunOutcome::Limited { resets_at: None, .. } => Some("limit without an instant"),
            RunOutcome::Limited { .. } => Some("limit"),
            RunOutcome::Stopped { reason: StopReason::Operator } => Some("stopped by a person"),
            RunOutcome::Stopped { reason: StopReason::Shutdown } => Some("stopped by the end of the server"),
            RunOutcome::Stopped { reason: StopReason::Limit } => Some("stopped by the limit"),
            RunOutcome::Stopped { reason: StopReason::Fenced } => Some("stopped as nobody's"),
        },
        Say::Concluded(which) => match conclusion(*which) {
            Conclusion::Done { .. } => None,
            Conclusion::NothingToDo => Some("nothing changed"),
            Conclusion::VerifyFailed { .. } => Some("tests fail"),
            Conclusion::MergeConflict { .. } => Some("diverged"),
            Conclusion::TargetDirty { .. } => Some("target dirty"),
            Conclusion::PushFailed { message } if message.contains("Username") => Some("remote wants a login"),
            Conclusion::PushFailed { .. } => Some("remote refuses"),
            Conclusion::Error { .. } => Some("git fails"),
        },
        Say::Prepared | Say::Started | Say::Tokens(..) | Say::Asks(_) | Say::Answered(_) => None,
    }
}

/// How many outcomes there are to choose from.
const OUTCOMES: usize = 14 + FailureClass::ALL.len();
/// How many conclusions there are to choose from.
const CONCLUSIONS: usize = 9;

pub(crate) fn conclusion(which: usize) -> Conclusion {
    match which {
        0 | 1 => Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a".into()], lines_changed: 0, pushed: false },
        2 => Conclusion::NothingToDo,
        3 => Conclusion::VerifyFailed { command: "make".into(), exit_code: 2, tail: String::new() },
        4 => Conclusion::MergeConflict { files: vec!["a".into()] },
        5 => Conclusion::TargetDirty { path: "/home".into() },
        6 => Conclusion::PushFailed { message: "remote rejected: protected branch".into() },
        7 => Conclusion::PushFailed { message: "could not read Username: terminal prompts disabled".into() },
        _ => Conclusion::Error { message: "index.lock: File exists".into() },
    }
}
