//! The only way to move a task: every change of a status, with its event, its counters and its leases, in one transaction.
//!
//! What should happen next is decided in `orchestrator`; what a caller may ask for in `commands`.
//!
//! Spec: specs/server/lifecycle.md

mod announcing;
mod archive;
mod audit;
mod chains;
mod chance;
mod create;
mod error;
mod figures;
mod held;
mod hot;
mod load;
mod moves;
mod plans;
mod runs;
mod spending;
mod usage;
mod work;

pub use announcing::{Subject, Tx, announce};
pub use archive::{archive, restore};
pub use audit::record;
pub use chains::{STUCK_NAMED, tell_stuck};
pub use create::{bring, free_name};
pub use error::LifecycleError;
pub use figures::{Figures, HeldUp, OpenRun, Overrides, ProjectHot, Spender, Spent};
pub use hot::Hot;
pub use load::{EPOCH, PAUSED, load};
pub use moves::{Move, apply, make_startable, may_start};
pub use plans::{PlanRules, accept_plan, approval_rule, may_plan, origin_of};
pub use runs::{Lease, begin, end, fenced, hold, reopen, save, spend};
pub use spending::{Beside, spend_beside, told_key, tree_of, write_limit, write_told};
pub use usage::{DEFAULT_SPAN_MS, Usage};

/// The writer with the hot state: what commands are submitted to.
pub type Engine = crate::store::Writer<Hot>;
