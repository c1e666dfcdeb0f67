//! Tasks: what they are, how they move, what they wait for, how they are tried again.
//!
//! Choosing which task runs next lives in `schedule`; saying why one waits lives in `explain`.
//!
//! Spec: specs/server/core/task.md, specs/server/core/transition.md

mod attachment;
mod blocked;
mod chain;
mod dependency;
mod invariant;
mod limits;
mod model;
mod needs;
mod retry;
mod review;
mod status;
mod transition;
mod trigger;

pub use attachment::{Attachment, AttachmentKind};
pub use blocked::BlockedReason;
pub use chain::{branch_of, land_mode};
pub use dependency::{CyclicDependency, DependencyGraph, EdgeError, check_edge, stuck_downstream};
pub use invariant::{InvariantError, check_invariants};
pub use limits::{LONGEST_MS, OwnLimits, SHORTEST_MS, run_limits};
pub use model::{DEFAULT_MAX_RETRIES, DEFAULT_PRIORITY, Task, TaskOrigin, TaskType, UNTIL_ANSWERED, VerificationType};
pub use needs::Needs;
pub use retry::{Backoff, FailureFingerprint, RetryDecision, SAME_FAILURE_LIMIT, after_failure, counts_as_retry, is_agents_fault};
pub use review::{NoVerdict, ReviewDue, VERDICT_FENCE, VERDICT_FORM, Verdict, read_verdict};
pub use status::TaskStatus;
pub use transition::{InvalidTransition, ROWS, reachable, settle, transition};
pub use trigger::Trigger;
