//! The things a click can mean.

/// What is done with a task or a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    /// Start over.
    Restart,
    /// Count as done.
    Skip,
    /// Show the last error.
    Error,
    /// Accept the work.
    Approve,
    /// Refuse the work: opens a form for the reason.
    Reject,
    /// The form with the reason was sent.
    RejectForm,
    /// Stop: asks first.
    Stop,
    /// Stop, confirmed.
    StopSure,
    /// Answer a question: opens a form.
    Reply,
    /// The form with the answer was sent.
    ReplyForm,
    /// Send finished work back: opens a form.
    Reopen,
    /// The form with the feedback was sent.
    ReopenForm,
    /// Show the whole task.
    Details,
    /// Show why it is not done yet.
    Explain,
    /// Show what it changed.
    Diff,
    /// Delete, confirmed.
    DeleteSure,
    /// Make a task that resolves the conflict.
    Repair,
    /// Accept a plan.
    PlanApprove,
    /// Refuse a plan: opens a form.
    PlanReject,
    /// The form with the feedback was sent.
    PlanRejectForm,
    /// Show a plan.
    PlanShow,
}

impl Verb {
    /// Every verb with its word.
    pub(super) const WORDS: [(Self, &'static str); 21] = [
        (Self::Restart, "restart"),
        (Self::Skip, "skip"),
        (Self::Error, "error"),
        (Self::Approve, "approve"),
        (Self::Reject, "reject"),
        (Self::RejectForm, "reject-form"),
        (Self::Stop, "stop"),
        (Self::StopSure, "stop-sure"),
        (Self::Reply, "reply"),
        (Self::ReplyForm, "reply-form"),
        (Self::Reopen, "reopen"),
        (Self::ReopenForm, "reopen-form"),
        (Self::Details, "details"),
        (Self::Explain, "explain"),
        (Self::Diff, "diff"),
        (Self::DeleteSure, "delete-sure"),
        (Self::Repair, "repair"),
        (Self::PlanApprove, "plan-approve"),
        (Self::PlanReject, "plan-reject"),
        (Self::PlanRejectForm, "plan-reject-form"),
        (Self::PlanShow, "plan-show"),
    ];
}

/// What is done with notes; names are fingerprints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// Read one.
    View(String),
    /// Put it away.
    Dismiss(String),
    /// Delete it: asks first.
    Delete(String),
    /// Delete it, confirmed.
    DeleteSure(String),
    /// Turn to a page, from 0.
    Page(u16),
    /// Bring the table up to date.
    Refresh,
    /// End the thread.
    Close,
}

/// What a click means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Something with a task or a plan, by its id.
    On(Verb, String),
    /// Yes to a question of a task: once, or from now on for the task.
    Allow {
        /// The task.
        task: String,
        /// Names the question.
        question: String,
        /// From now on.
        always: bool,
    },
    /// No to a question of a task.
    Deny {
        /// The task.
        task: String,
        /// Names the question.
        question: String,
    },
    /// The answer with this number, or the one chosen in a select.
    Option {
        /// The task.
        task: String,
        /// Names the question.
        question: String,
        /// Which; `None`: the value chosen.
        index: Option<u8>,
    },
    /// The list of tasks: what is shown.
    Tasks {
        /// The project; empty: all.
        project: String,
        /// The list, the tree or the compact view.
        view: char,
        /// Statuses that are open, one bit each.
        open: u16,
        /// The page, from 0.
        page: u16,
    },
    /// Something with the notes of a project.
    Notes {
        /// The project.
        project: String,
        /// What.
        note: Note,
    },
    /// A task chosen in a list.
    Choose,
    /// Delete a project, confirmed.
    DeleteProject {
        /// The project.
        project: String,
        /// Archive its channel too.
        archive: bool,
    },
    /// End a chat's answer.
    CancelChat {
        /// Which.
        message: String,
    },
}
