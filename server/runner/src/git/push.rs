//! Pushing from our mirror: the default branch only forward, a task's branch only over what we pushed ourselves (landing R4, I-23, I-25).
//!
//! Spec: specs/server/runner/landing.md

use aq_core::ids::ProjectId;
use aq_core::runner_link::WorkspaceOrder;
use git2::Oid;

use super::address::{Address, check_branch};
use super::error::GitError;
use super::mirror::Mirror;
use super::rooms::Rooms;

/// What the remote said to a push.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Done,
    /// Someone else was quicker.
    Raced(String),
    /// It will not take the push.
    Refused(String),
}

const OPTIONS: [&str; 4] = ["--porcelain", "--no-verify", "--no-signed", "--no-follow-tags"];

fn published_name(branch: &str) -> String {
    format!("refs/aq/published/{branch}")
}

impl Rooms {
    /// Moves `branch` of the remote forward to `commit`; the remote itself refuses anything else.
    pub(super) fn push_forward(&self, mirror: &Mirror, address: &Address, branch: &str, commit: Oid) -> Result<Pushed, GitError> {
        self.push(mirror, address, &OPTIONS, &format!("{commit}:refs/heads/{branch}"))
    }

    /// Makes `branch` at the remote; one that is there already is a race that was lost.
    pub(super) fn push_new(&self, mirror: &Mirror, address: &Address, branch: &str, commit: Oid) -> Result<Pushed, GitError> {
        let lease = format!("--force-with-lease=refs/heads/{branch}:");
        let mut options = OPTIONS.to_vec();
        options.push(&lease);
        self.push(mirror, address, &options, &format!("{commit}:refs/heads/{branch}"))
    }

    /// Pushes the task's branch, for a pull request. A branch that others changed since our last push is not overwritten. Returns the pushed
    /// commit, in hexadecimal.
    ///
    /// # Errors
    /// [`GitError::Command`] with what the remote said.
    pub fn publish_branch(&self, project: &ProjectId, order: &WorkspaceOrder) -> Result<String, GitError> {
        check_branch(&order.branch)?;
        let address = Address::of(&order.source)?;
        let mirror = self.open_mirror(project)?;
        let tip = mirror.branch(&order.branch).ok_or_else(|| GitError::Unknown { what: order.branch.clone() })?;
        let before = mirror.target(&published_name(&order.branch)).map_or_else(String::new, |commit| commit.to_string());
        let lease = format!("--force-with-lease=refs/heads/{}:{before}", order.branch);
        let mut options = OPTIONS.to_vec();
        options.push(&lease);
        match self.push(&mirror, &address, &options, &format!("{tip}:refs/heads/{}", order.branch))? {
            Pushed::Done => {
                mirror.set(&published_name(&order.branch), tip)?;
                Ok(tip.to_string())
            }
            Pushed::Raced(message) | Pushed::Refused(message) => Err(GitError::Command { operation: "push", message }),
        }
    }

    /// Deletes the pushed branch of a landed task; a branch that others changed, or deleted, is left alone.
    pub(super) fn unpublish(&self, mirror: &Mirror, address: &Address, branch: &str) -> Result<(), GitError> {
        let Some(before) = mirror.target(&published_name(branch)) else { return Ok(()) };
        let lease = format!("--force-with-lease=refs/heads/{branch}:{before}");
        let mut options = OPTIONS.to_vec();
        options.push(&lease);
        let answer = self.push(mirror, address, &options, &format!(":refs/heads/{branch}"))?;
        if answer != Pushed::Done {
            tracing::info!(branch, ?answer, "the pushed branch was left at the remote");
        }
        mirror.delete(&published_name(branch))
    }

    fn push(&self, mirror: &Mirror, address: &Address, options: &[&str], refspec: &str) -> Result<Pushed, GitError> {
        let answer = match self.inner.program.run("push", Some(&mirror.path), options, &[address.operand(), refspec.as_ref()]) {
            Err(error @ GitError::TimedOut { .. }) => return Ok(Pushed::Refused(error.to_string())),
            other => other?,
        };
        if answer.ok {
            return Ok(Pushed::Done);
        }
        let refused = answer.stdout.lines().find(|line| line.starts_with('!'));
        let message = match refused.and_then(|line| line.split('\t').nth(2)) {
            Some(reason) => format!("{reason}\n{}", answer.message()),
            None => answer.message(),
        };
        let raced =
            ["(fetch first)", "(non-fast-forward)", "(stale info)", "failed to update ref", "cannot lock ref", "incorrect old value"];
        if raced.iter().any(|mark| message.contains(mark)) { Ok(Pushed::Raced(message)) } else { Ok(Pushed::Refused(message)) }
    }
}
