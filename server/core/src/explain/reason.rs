//! The reasons of a wait, computed from the same facts the scheduler decides on.

use crate::ids::{AgentId, TaskId};
use crate::limits::{GateReason, sentence};
use crate::runtime::{RuntimeKind, RuntimeSet};
use crate::schedule::Reason;
use crate::task::{BlockedReason, Task, TaskStatus, UNTIL_ANSWERED};
use crate::time::Timestamp;

/// What ends a wait. Every task that is not COMPLETED has one (explain R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// It may go on at once.
    Now,
    /// An instant.
    At(Timestamp),
    /// An open run of this task.
    OwnRun,
    /// Something of others: a run that ends, a dependency that completes.
    Others,
    /// A person.
    Person,
}

/// Why a task does not run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// It starts with the next decision.
    RunnableNow,
    /// Other tasks of its project come first.
    Queued {
        /// How many.
        ahead: u32,
    },
    /// The agents work for projects that are further behind their share.
    Turn,
    /// No idle agent fits.
    Agent {
        /// The runtime it needs; `None`: any.
        runtime: Option<RuntimeKind>,
        /// True when there is no such agent at all, idle or not.
        none_exists: bool,
    },
    /// Every workspace of the project is in use, or it has none.
    Workspace {
        /// True when the project has none.
        none_exists: bool,
    },
    /// The project is paused or archived.
    ProjectPaused,
    /// The system is paused.
    SystemPaused,
    /// A budget is used up.
    Budget {
        /// True for the budget of everything, false for the project's.
        global: bool,
        /// Tokens used and in flight.
        used: u64,
        /// The limit.
        limit: u64,
        /// When usage leaves the window, when that is known.
        until: Option<Timestamp>,
    },
    /// As many runs of the project as allowed are open.
    ConcurrencyCap {
        /// The limit.
        max_runs: u32,
    },
    /// The accounts of the fitting agents are closed, or these agents cannot work.
    AccountLimit {
        /// Why the first of them to open is closed.
        reason: GateReason,
        /// Until then; `None`: until a run ends or a person acts.
        until: Option<Timestamp>,
        /// The runtimes that may take it meanwhile.
        fallback: RuntimeSet,
    },
    /// It is filler work, and no window has anything to spare.
    Filler,
    /// Dependencies are not completed.
    Dependencies {
        /// They and their statuses, in order of the ids.
        unmet: Vec<(TaskId, TaskStatus)>,
    },
    /// It goes on at an instant: a limit's reset, or another try after a failure.
    Until {
        /// The instant.
        at: Timestamp,
        /// Failed tries so far; 0: it waits for a limit.
        retry_count: u32,
    },
    /// An agent was chosen and is being started.
    Starting {
        /// The agent.
        agent: Option<AgentId>,
        /// The runtime that it stands in for, whose accounts were closed.
        stands_in_for: Option<RuntimeKind>,
    },
    /// An agent works on it.
    Working {
        /// The agent.
        agent: Option<AgentId>,
        /// The runtime that it stands in for, whose accounts were closed.
        stands_in_for: Option<RuntimeKind>,
    },
    /// A second agent reviews its work.
    Reviewing {
        /// The agent.
        agent: Option<AgentId>,
    },
    /// Its work is checked and landed.
    Verifying,
    /// The agent asked something.
    Answer,
    /// The work waits for a person.
    Approval {
        /// The pull request to merge, when there is one.
        pr_url: Option<String>,
    },
    /// It failed and is not tried again by itself.
    Failed,
    /// It is blocked.
    Blocked {
        /// Why.
        reason: BlockedReason,
    },
}

/// What is known about the surroundings of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Dependencies that are not completed, with their statuses.
    pub unmet: Vec<(TaskId, TaskStatus)>,
    /// Why the task's project got nothing in the last decision; `None`: it got something, or was not asked yet.
    pub project: Option<Reason>,
    /// READY tasks of the project that come before this one.
    pub ahead: u32,
    /// True when no agent, idle or not, could ever take the task.
    pub no_fitting_agent: bool,
    /// True when the project has no workspace at all.
    pub no_workspace: bool,
    /// When the budget that is used up opens again, when known.
    pub budget_opens: Option<Timestamp>,
    /// The runtime that the agent of the open run stands in for, when it is not the one that the task needs.
    pub stands_in_for: Option<RuntimeKind>,
}

/// Why `task` does not run now; `None` exactly for a COMPLETED task (explain R1).
#[must_use]
pub fn explain(task: &Task, facts: &Facts) -> Option<WaitReason> {
    Some(match task.status {
        TaskStatus::Completed => return None,
        TaskStatus::Defined if facts.unmet.is_empty() => WaitReason::RunnableNow,
        TaskStatus::Defined => WaitReason::Dependencies { unmet: sorted(&facts.unmet) },
        TaskStatus::Ready => ready(task, facts),
        TaskStatus::Assigned | TaskStatus::InProgress if task.review.is_some() => {
            WaitReason::Reviewing { agent: task.assigned_agent.clone() }
        }
        TaskStatus::Assigned => WaitReason::Starting { agent: task.assigned_agent.clone(), stands_in_for: facts.stands_in_for },
        TaskStatus::InProgress => WaitReason::Working { agent: task.assigned_agent.clone(), stands_in_for: facts.stands_in_for },
        TaskStatus::Verifying => WaitReason::Verifying,
        TaskStatus::WaitingInput => WaitReason::Answer,
        TaskStatus::Paused if task.resume_after == Some(UNTIL_ANSWERED) => WaitReason::Answer,
        // The store refuses PAUSED without an instant; should one ever appear, it is due at once rather than never.
        TaskStatus::Paused => WaitReason::Until { at: task.resume_after.unwrap_or_default(), retry_count: task.retry_count },
        TaskStatus::AwaitingApproval => WaitReason::Approval { pr_url: task.pr_url.clone() },
        TaskStatus::Failed => WaitReason::Failed,
        TaskStatus::Blocked => WaitReason::Blocked { reason: task.blocked_reason.unwrap_or(BlockedReason::OperatorStop) },
    })
}

fn sorted(unmet: &[(TaskId, TaskStatus)]) -> Vec<(TaskId, TaskStatus)> {
    let mut unmet = unmet.to_vec();
    unmet.sort();
    unmet
}

fn ready(task: &Task, facts: &Facts) -> WaitReason {
    if !facts.unmet.is_empty() {
        return WaitReason::Dependencies { unmet: sorted(&facts.unmet) };
    }
    if facts.no_fitting_agent {
        return WaitReason::Agent { runtime: task.needs().runtime, none_exists: true };
    }
    match facts.project {
        Some(Reason::SystemPaused) => WaitReason::SystemPaused,
        Some(Reason::ProjectPaused) => WaitReason::ProjectPaused,
        Some(Reason::GlobalBudget { used, limit }) => WaitReason::Budget { global: true, used, limit, until: facts.budget_opens },
        Some(Reason::ProjectBudget { used, limit }) => WaitReason::Budget { global: false, used, limit, until: facts.budget_opens },
        Some(Reason::NoWorkspace) => WaitReason::Workspace { none_exists: facts.no_workspace },
        Some(Reason::ConcurrencyCap { max_runs }) => WaitReason::ConcurrencyCap { max_runs },
        Some(Reason::AccountClosed { reason, until }) => WaitReason::AccountLimit { reason, until, fallback: task.needs().fallback },
        Some(Reason::FillerWaits) => WaitReason::Filler,
        Some(Reason::NoAgent { .. }) => WaitReason::Agent { runtime: task.needs().runtime, none_exists: false },
        Some(Reason::Outranked) => WaitReason::Turn,
        None if facts.ahead > 0 => WaitReason::Queued { ahead: facts.ahead },
        None => WaitReason::RunnableNow,
    }
}

impl WaitReason {
    /// What ends the wait.
    #[must_use]
    pub fn wake(&self) -> Wake {
        match self {
            Self::RunnableNow => Wake::Now,
            Self::Until { at, .. } | Self::AccountLimit { until: Some(at), .. } => Wake::At(*at),
            Self::AccountLimit { reason: GateReason::Paused, until: None, .. } => Wake::Person,
            Self::Budget { until, .. } => until.map_or(Wake::Others, Wake::At),
            Self::Starting { .. } | Self::Working { .. } | Self::Reviewing { .. } | Self::Verifying => Wake::OwnRun,
            Self::Queued { .. } | Self::Turn | Self::ConcurrencyCap { .. } | Self::AccountLimit { until: None, .. } | Self::Filler => {
                Wake::Others
            }
            Self::Agent { none_exists, .. } | Self::Workspace { none_exists } => {
                if *none_exists {
                    Wake::Person
                } else {
                    Wake::Others
                }
            }
            Self::Dependencies { unmet } => {
                let stuck = |status: &TaskStatus| matches!(status, TaskStatus::Blocked | TaskStatus::Failed);
                if unmet.iter().any(|(_, status)| stuck(status)) { Wake::Person } else { Wake::Others }
            }
            Self::Blocked { reason } if reason.leaves_by_itself() => Wake::Others,
            Self::ProjectPaused | Self::SystemPaused | Self::Answer | Self::Approval { .. } | Self::Failed | Self::Blocked { .. } => {
                Wake::Person
            }
        }
    }

    /// The reason as one sentence, with what to do when a person must (explain R2).
    #[must_use]
    pub fn sentence(&self) -> String {
        let by = |agent: &Option<AgentId>| agent.as_ref().map_or(String::new(), |agent| format!(" by agent {agent}"));
        let instead = |runtime: Option<RuntimeKind>| runtime.map_or(String::new(), |runtime| format!(", which stands in for {runtime}"));
        match self {
            Self::RunnableNow => "Starts with the next free agent.".to_owned(),
            Self::Queued { ahead: 1 } => "Waits behind 1 task of its project.".to_owned(),
            Self::Queued { ahead } => format!("Waits behind {ahead} tasks of its project."),
            Self::Turn => "Waits for its project's turn: the free agents went to projects further behind their share.".to_owned(),
            Self::Agent { runtime, none_exists } => {
                let kind = runtime.map_or(String::new(), |runtime| format!(" of runtime {runtime}"));
                if *none_exists { format!("There is no agent{kind}: create one.") } else { format!("Waits for an idle agent{kind}.") }
            }
            Self::Workspace { none_exists: true } => "The project has no workspace: add one.".to_owned(),
            Self::Workspace { none_exists: false } => "Waits for a workspace: all of the project's are in use.".to_owned(),
            Self::ProjectPaused => "The project is paused: resume it.".to_owned(),
            Self::SystemPaused => "The system is paused: resume it.".to_owned(),
            Self::Budget { global, used, limit, until } => {
                let whose = if *global { "global" } else { "project's" };
                let when = until
                    .map_or_else(|| "Raise it, or wait until usage leaves the window.".to_owned(), |at| format!("It opens again at {at}."));
                format!("The {whose} budget is used up ({used} of {limit} tokens). {when}")
            }
            Self::ConcurrencyCap { max_runs } => format!("The project runs as many tasks as it may ({max_runs})."),
            Self::AccountLimit { reason, until, fallback } => {
                let goes_on = if *reason == GateReason::Fault { "they are tried again" } else { "work goes on" };
                let then = until.map_or_else(String::new, |until| format!("; {goes_on} at {until}"));
                let meanwhile =
                    if fallback.is_empty() { String::new() } else { format!(" An idle agent of {fallback} may take it meanwhile.") };
                format!("{}{then}.{meanwhile}", sentence(*reason))
            }
            Self::Filler => "Is filler work: it starts when an account's window would let something expire.".to_owned(),
            Self::Dependencies { unmet } => {
                let list: Vec<_> = unmet.iter().map(|(task, status)| format!("{task} ({status})")).collect();
                let stuck = matches!(self.wake(), Wake::Person);
                let remedy = if stuck { " Skip, restart or remove what cannot complete." } else { "" };
                format!("Waits for {}.{remedy}", list.join(", "))
            }
            Self::Until { at, retry_count: 0 } => format!("Goes on at {at}."),
            Self::Until { at, retry_count } => format!("Is tried again at {at}, after {retry_count} failed."),
            Self::Starting { agent, stands_in_for } => format!("Is being started{}{}.", by(agent), instead(*stands_in_for)),
            Self::Working { agent, stands_in_for } => format!("Is worked on{}{}.", by(agent), instead(*stands_in_for)),
            Self::Reviewing { agent } => format!("Is under review{}.", by(agent)),
            Self::Verifying => "Its work is being checked and landed.".to_owned(),
            Self::Answer => "Waits for an answer to the agent's question: reply to it.".to_owned(),
            Self::Approval { pr_url: Some(url) } => format!("Waits for its pull request to be merged: {url}"),
            Self::Approval { pr_url: None } => "Waits for approval: approve it, or reopen it with feedback.".to_owned(),
            Self::Failed => "It failed: read the failure, then restart or skip it.".to_owned(),
            Self::Blocked { reason } => format!("Is blocked ({reason}): {}.", reason.remedy()),
        }
    }
}

/// What is said before the reason while the work of a task waits for its review and no reviewer is at it; empty otherwise (explain R5).
#[must_use]
pub const fn preface(task: &Task) -> &'static str {
    let waits = matches!(task.status, TaskStatus::Defined | TaskStatus::Ready | TaskStatus::Paused | TaskStatus::WaitingInput);
    if task.review.is_some() && waits { "Its work is under review. " } else { "" }
}
