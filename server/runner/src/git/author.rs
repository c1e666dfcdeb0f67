//! Who commits, and when. The identity is ours, never the one configured in a run's directory (git R6).
//!
//! Spec: specs/server/runner/git.md

use std::sync::Arc;

use aq_core::time::Timestamp;
use git2::{Signature, Time};

use super::error::{GitError, While};

/// Name and mail address of the commits that the runner makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// For example `Agent Queue`.
    pub name: String,
    /// For example `agent-queue@localhost`.
    pub email: String,
}

/// Reads the time; injected, so that tests are repeatable.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl Identity {
    /// A signature at `at`, in UTC.
    pub(super) fn at(&self, at: Timestamp) -> Result<Signature<'static>, GitError> {
        self.at_time(Time::new(at.as_millis().div_euclid(1000), 0))
    }

    pub(super) fn at_time(&self, time: Time) -> Result<Signature<'static>, GitError> {
        Signature::new(&self.name, &self.email, &time).doing("making a signature")
    }
}
