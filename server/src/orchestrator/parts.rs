//! What the orchestrator works with.

use std::sync::Arc;

use super::policy::Policy;
use crate::clock::SharedClock;
use crate::events::{OutputHub, Wake};
use crate::lifecycle::Engine;
use crate::store::Reader;

/// What the orchestrator works with.
#[derive(Clone)]
pub struct Parts {
    /// The writer with the hot state.
    pub engine: Engine,
    /// The readers.
    pub reader: Reader,
    /// Run output.
    pub hub: OutputHub,
    /// The clock.
    pub clock: SharedClock,
    /// The figures decisions are made with.
    pub policy: Arc<Policy>,
    /// Rung whenever something may have become possible.
    pub wake: Wake,
}
