//! What the engine of hooks works with.

use std::sync::Arc;

use aq_core::git_link::GitLink;
use aq_core::hook::Rules;

use super::ports::{Commands, Model, Programs};
use crate::clock::SharedClock;
use crate::events::{EventBus, Wake};
use crate::lifecycle::Engine;
use crate::store::Reader;

/// What the engine works with.
#[derive(Clone)]
pub struct Parts {
    /// The writer.
    pub engine: Engine,
    /// The readers.
    pub reader: Reader,
    /// Committed events.
    pub bus: EventBus,
    /// The clock.
    pub clock: SharedClock,
    /// Wakes the orchestrator; rung when an act made a task.
    pub wake: Wake,
    /// Repositories, for diffs.
    pub git: Arc<dyn GitLink>,
    /// What hooks may do here.
    pub rules: Rules,
    /// Runs programs; `None`: steps cannot.
    pub programs: Option<Arc<dyn Programs>>,
    /// Makes calls; `None`: acts cannot.
    pub commands: Option<Arc<dyn Commands>>,
    /// Asks a model; `None`: there is none.
    pub model: Option<Arc<dyn Model>>,
}
