//! What people and runners may do, in any order: commands, reports, ends of the server, as proptest strategies, and how a command is carried out.

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::output::FailureClass;
use aq_core::runner_link::{Conclusion, RunOutcome, StopReason};
use aq_core::runtime::RuntimeKind;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_server::commands::{self, CommandError, Context};
use aq_server::lifecycle::Tx;
use proptest::prelude::*;

use crate::harness::new_task;

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
    /// The server is killed while it is asked for these, and starts again.
    Kill(Vec<Ask>),
    /// What an open run reports next as a rule.
    Advance(usize),
    /// A report of an open run, sensible or not.
    Say(usize, Say),
    /// A report of any run there ever was.
    Late(usize, Say),
    /// Time passes, in seconds.
    Wait(i64),
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
        (0_usize..12).prop_map(Say::Finished),
        (0_usize..6).prop_map(Say::Concluded),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => ask().prop_map(Step::Ask),
        2 => prop::collection::vec((ask(), prop::bool::weighted(0.7)), 1..4).prop_map(Step::Batch),
        1 => Just(Step::Restart),
        1 => prop::collection::vec(ask(), 0..3).prop_map(Step::Kill),
        6 => (0_usize..8).prop_map(Step::Advance),
        4 => (0_usize..8, say()).prop_map(|(run, say)| Step::Say(run, say)),
        1 => (0_usize..40, say()).prop_map(|(run, say)| Step::Late(run, say)),
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
        _ => RunOutcome::Stopped { reason: StopReason::Limit },
    }
}

pub(crate) fn conclusion(which: usize) -> Conclusion {
    match which {
        0 | 1 => Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a".into()], lines_changed: 0, pushed: false },
        2 => Conclusion::NothingToDo,
        3 => Conclusion::VerifyFailed { command: "make".into(), exit_code: 2, tail: String::new() },
        4 => Conclusion::MergeConflict { files: vec!["a".into()] },
        _ => Conclusion::TargetDirty { path: "/home".into() },
    }
}
