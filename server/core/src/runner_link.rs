//! What the server and a runner say to each other. One machine or many: the words are the same.
//!
//! Orders state what should be; giving the same order twice changes nothing. Reports state what is; a report is acknowledged
//! when the server has made it durable. Nothing here does anything: the runner executes, the orchestrator decides.
//!
//! Spec: specs/server/core/runner-link.md

use std::future::Future;
use std::pin::Pin;

use crate::ids::{AgentId, ProjectId, RunRef, WorkspaceId};
use crate::output::{FailureClass, OutputItem};
use crate::profile::RuntimeProfile;
use crate::runtime::RuntimeKind;
use crate::time::Timestamp;

/// A boxed future, so that the ports need no asynchronous runtime.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a workspace gets its files from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkspaceSource {
    /// A clone of the project's repository, made and owned by us.
    Clone {
        /// URL or absolute path of the repository.
        url: String,
    },
    /// The user's own checkout; work happens in a clone of ours and comes back by fast-forward.
    Link {
        /// Absolute path of the user's checkout.
        path: String,
    },
    /// A new repository made by us at `path`.
    Init {
        /// Absolute path of the repository.
        path: String,
    },
}

/// The place where a run works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceOrder {
    /// The leased workspace (capacity only).
    pub id: WorkspaceId,
    /// Where the files come from.
    pub source: WorkspaceSource,
    /// The branch that finished work lands on; empty: detect it from the repository.
    pub default_branch: String,
    /// The task's branch: `<task-id>/<slug>`.
    pub branch: String,
}

/// How the agent's session starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionOrder {
    /// A new session under an id of our choice (a UUID).
    Fresh {
        /// The id.
        session_id: String,
    },
    /// Go on with an earlier session; the runner falls back to a fresh one when it is gone.
    Resume {
        /// The id.
        session_id: String,
    },
}

/// The limits that the shim enforces by itself. Zero means no limit only where the field says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Longest run, in milliseconds of wall-clock time.
    pub wall_ms: u64,
    /// Longest silence, in milliseconds; 0: no limit.
    pub silence_ms: u64,
    /// Most raw output kept, in bytes; what comes after is counted and dropped.
    pub output_bytes: u64,
    /// Most processes of the agent's user (RLIMIT_NPROC); 0: leave as it is.
    pub processes: u64,
    /// Time between the first polite signal and the next step of the kill ladder, in milliseconds.
    pub grace_ms: u64,
}

/// Start a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRun {
    /// Which run.
    pub run: RunRef,
    /// Grows with every start of a server on the same data; shims obey the newest.
    pub epoch: u64,
    /// The project.
    pub project: ProjectId,
    /// The agent that runs it.
    pub agent: AgentId,
    /// The agent's runtime.
    pub runtime: RuntimeKind,
    /// Where it works.
    pub workspace: WorkspaceOrder,
    /// Title of the task, for commit messages and notes.
    pub title: String,
    /// The whole prompt.
    pub prompt: String,
    /// True when the run before only looked: what it left in the directory is rescued, and the directory stands where the branch does.
    pub afresh: bool,
    /// How the session starts.
    pub session: SessionOrder,
    /// How the program is run.
    pub profile: RuntimeProfile,
    /// Limits.
    pub limits: RunLimits,
    /// Values that must never leave the machine in output.
    pub secrets: Vec<String>,
}

/// How finished work reaches the default branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LandMode {
    /// Merge to the default branch and push when there is a remote.
    Merge,
    /// Keep the branch only (approval, pull request, chained step).
    KeepBranch,
    /// Keep the branch and push it, for a pull request; only over what we pushed of it before.
    Publish,
}

/// Where a plan that the agent wrote is looked for. It is taken out of the work: plans do not reach the default branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanSearch {
    /// Paths and globs relative to the work directory; the first that hits counts.
    pub patterns: Vec<String>,
    /// Any markdown file that the agent changed counts when it reads like a plan.
    pub anywhere: bool,
}

/// Conclude a run whose agent has finished: commit what is left, verify, land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcludeRun {
    /// Which run.
    pub run: RunRef,
    /// The server's epoch.
    pub epoch: u64,
    /// The project; landing is serial per project.
    pub project: ProjectId,
    /// Where it worked.
    pub workspace: WorkspaceOrder,
    /// Title of the task; the commit message is made from it.
    pub title: String,
    /// Set when the run only looked at the work of the run before: what it changed is rescued and put aside, nothing is committed. Holds the commit
    /// that the test commands have passed on, in hexadecimal; they run again only where other files are landed.
    pub reviewed: Option<String>,
    /// Test commands, each one shell line run in the workspace as a run of its own.
    pub verify: Vec<String>,
    /// What happens to the work.
    pub land: LandMode,
    /// Where a plan of the agent is looked for; `None`: nowhere.
    pub plan: Option<PlanSearch>,
    /// Limits of the test commands.
    pub limits: RunLimits,
}

/// An answer of a person to a [`crate::output::Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The chosen label, or free text.
    Text(String),
    /// Yes: use the tool, accept the plan.
    Allow,
    /// No, with the reason told to the agent.
    Deny {
        /// The reason.
        message: String,
    },
}

/// Why a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A person stopped the task.
    Operator,
    /// The server shuts down and was told to take its runs along.
    Shutdown,
    /// The account's limit was reached.
    Limit,
    /// The task or its run no longer exists, or a newer run took over.
    Fenced,
}

/// What the server wants of the runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnerOrder {
    /// Start a run; a run that was started before is left alone.
    Start(Box<StartRun>),
    /// Take up a run started by an earlier server process. Items up to `last_seq` are already durable.
    Attach {
        /// The order the run was started with.
        start: Box<StartRun>,
        /// The last item the server has.
        last_seq: u64,
    },
    /// Commit, verify, land. Repeating it after a crash gives the same conclusion.
    Conclude(Box<ConcludeRun>),
    /// Stop a run: the kill ladder, then [`RunReport::Finished`] with [`RunOutcome::Stopped`].
    Stop {
        /// Which run.
        run: RunRef,
        /// Why.
        reason: StopReason,
    },
    /// Answer a question of the agent.
    Answer {
        /// Which run.
        run: RunRef,
        /// Which question.
        request_id: String,
        /// The answer.
        answer: Answer,
    },
    /// Remove the work directory of a task that has no open run, after its work is proven saved. A task with a run in hand is left alone.
    Clear {
        /// The task's newest run, under which leavings are rescued.
        run: RunRef,
        /// The project.
        project: ProjectId,
        /// The task's branch.
        branch: String,
    },
    /// Tell the agent something while it works.
    Message {
        /// Which run.
        run: RunRef,
        /// Repeating the id delivers once.
        message_id: String,
        /// The text.
        text: String,
    },
    /// The server has everything of this run: its folder may go. The task's work directory goes when `task_ended`.
    Release {
        /// Which run.
        run: RunRef,
        /// The project.
        project: ProjectId,
        /// True when the task will not run again soon: its work directory is removed after its work is proven saved.
        task_ended: bool,
    },
    /// The work of the task was merged elsewhere: its directory and its branch may go, here and where we pushed it. What the branch holds stays
    /// reachable in our mirror. Doing it again changes nothing.
    Retire {
        /// The task's last run.
        run: RunRef,
        /// The project.
        project: ProjectId,
        /// Where it worked.
        workspace: WorkspaceOrder,
    },
    /// After a start of the server: every run folder that is not in `open` is a leftover; end its processes, keep its work, remove it.
    Sweep {
        /// The runs that the server counts as open.
        open: Vec<RunRef>,
    },
}

/// How the agent's part of a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum RunOutcome {
    /// An explicit result event said success.
    Succeeded {
        /// The agent's own summary.
        summary: String,
    },
    /// It failed.
    Failed {
        /// The class decides what happens next.
        class: FailureClass,
        /// What happened, for people.
        message: String,
    },
    /// The provider refused for a limit.
    Limited {
        /// The window's name.
        window: String,
        /// When work may go on, when known.
        resets_at: Option<Timestamp>,
        /// What the provider said.
        message: String,
    },
    /// It was stopped on our order.
    Stopped {
        /// Why.
        reason: StopReason,
    },
}

/// How a conclusion ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The work is on the default branch (or kept on its branch, as ordered).
    Done {
        /// The commit the default branch (or the task's branch) now points to, in hexadecimal.
        commit: String,
        /// Files that the task changed, relative to the repository.
        files_changed: Vec<String>,
        /// Lines that were added or removed; files that are no text have none.
        lines_changed: u64,
        /// True when it was pushed to a remote.
        pushed: bool,
    },
    /// The run changed nothing.
    NothingToDo,
    /// A test command failed.
    VerifyFailed {
        /// The command.
        command: String,
        /// Its exit code; -1 when a signal ended it.
        exit_code: i32,
        /// The end of its output, at most 4 KiB.
        tail: String,
    },
    /// The work conflicts with the default branch. The branch is kept.
    MergeConflict {
        /// The files in conflict.
        files: Vec<String>,
    },
    /// The remote refused the push three times. The branch is kept.
    PushFailed {
        /// What git said, without credentials.
        message: String,
    },
    /// The linked checkout has the target branch checked out with uncommitted changes. The branch is kept.
    TargetDirty {
        /// The checkout.
        path: String,
    },
    /// Git or the file system failed; the same order may be given again.
    Error {
        /// What happened.
        message: String,
    },
}

/// What a runner tells the server.
#[derive(Clone, Debug, PartialEq)]
pub enum RunReport {
    /// The workspace is ready.
    Prepared {
        /// Absolute path of the run's directory.
        directory: String,
        /// The commit the task's branch started from, in hexadecimal.
        base_commit: String,
    },
    /// The agent's process runs.
    Started {
        /// Process id of the shim.
        pid: u32,
    },
    /// Items, in order; acknowledged when durable.
    Output {
        /// The items.
        items: Vec<OutputItem>,
    },
    /// The agent's part is over and no process of the run is left. All items were reported before.
    Finished {
        /// How.
        outcome: RunOutcome,
        /// Exit code of the program; `None` when a signal ended it or it never ran.
        exit_code: Option<i32>,
    },
    /// The agent wrote a plan, and it was taken out of the work. Said before the conclusion, again whenever the conclusion is ordered again.
    PlanFound {
        /// Where it lay, relative to the work directory.
        path: String,
        /// The plan, at most 256 KiB.
        text: String,
        /// True when it was longer.
        truncated: bool,
    },
    /// A conclusion is over.
    Concluded {
        /// How.
        conclusion: Conclusion,
    },
}

/// The server's side of the link, called by a runner. A report of a run that the server no longer counts as open is acknowledged and ignored.
pub trait RunnerSink: Send + Sync {
    /// Makes `report` durable. When the future completes the report is acknowledged.
    fn report(&self, run: RunRef, report: RunReport) -> BoxFuture<'_, Result<(), LinkClosed>>;
}

/// The runner's side of the link, called by the server. Orders are queued and return at once.
pub trait RunnerLink: Send + Sync {
    /// Gives an order.
    fn order(&self, order: RunnerOrder);
}

/// The other side is gone; the runner keeps what it has until it can report again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server no longer takes reports")]
pub struct LinkClosed;
