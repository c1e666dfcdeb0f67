//! Where plans come from and what becomes of them.

use crate::text_enum::text_enum;

text_enum! {
    /// Where a plan comes from.
    PlanSource, "plan source" {
        /// A file in the work directory of a run.
        File = "file",
        /// The agent asked for its plan to be accepted.
        PlanExit = "plan_exit",
        /// A person brought it.
        Text = "text",
    }
}

text_enum! {
    /// What became of a plan.
    PlanState, "plan state" {
        /// The run that wrote it is not through yet.
        Pending = "pending",
        /// It waits for a person.
        Proposed = "proposed",
        /// It became tasks.
        Accepted = "accepted",
        /// The agent was told to carry it out itself.
        Answered = "answered",
        /// A person refused it.
        Rejected = "rejected",
        /// A later plan of the same task took its place.
        Superseded = "superseded",
        /// There is nothing in it to do.
        Empty = "empty",
    }
}
