//! What talking works with.

use std::sync::Arc;
use std::time::Duration;

use aq_core::chat::{ChatModel, Limits};
use tokio_util::sync::CancellationToken;

use super::books::Books;
use super::programs::Programs;
use super::rooms::Roots;
use crate::tools::ToolBox;

/// The limits of turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Those of a turn's rounds and tokens.
    pub limits: Limits,
    /// Longest turn.
    pub longest: Duration,
    /// Quiet time before a heartbeat.
    pub heartbeat: Duration,
}

/// What talking works with.
#[derive(Clone)]
pub struct Parts {
    /// The model; an error: why there is none.
    pub model: Result<Arc<dyn ChatModel>, String>,
    /// The commands.
    pub tools: Arc<dyn ToolBox>,
    /// Where files may be read; `None`: nowhere.
    pub roots: Option<Arc<dyn Roots>>,
    /// Runs programs; `None`: it may not be done.
    pub programs: Option<Arc<dyn Programs>>,
    /// Where tokens are counted.
    pub books: Books,
    /// The limits.
    pub settings: Settings,
    /// Cancelled when the server drains.
    pub drain: CancellationToken,
}
