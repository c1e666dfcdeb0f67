//! A branch brought into the default branch by a person (desk R7, F-107, D-43).
//!
//! Spec: specs/server/runner/desk.md

use aq_core::git_link::{GitPlace, Merged};

use super::Desk;
use super::acts::is_forward;
use super::link::state;
use super::looks::resolve;
use crate::git::address::{Address, check_branch};
use crate::git::attributes;
use crate::git::checkout::{self, Forwarded};
use crate::git::error::GitError;
use crate::git::facts::open_source;
use crate::git::mirror::Ready;
use crate::git::push::Pushed;
use crate::git::replay::{Replayed, contains, merge};

impl Desk {
    pub(super) fn bring_in(&self, place: &GitPlace, branch: &str) -> Result<Merged, GitError> {
        check_branch(branch)?;
        let _lane = self.lane(place)?;
        let Ready { mirror, address, default_branch, tip, stale } = self.ready(place, true)?;
        if let Some(error) = stale {
            return Err(error);
        }
        let theirs = resolve(&mirror, branch)?;
        let target = tip.ok_or_else(|| GitError::Unknown { what: default_branch.clone() })?;
        if contains(&mirror.repo, target, theirs)? {
            return Ok(Merged::Nothing);
        }
        let candidate = if is_forward(&mirror.repo, target, theirs)? {
            theirs
        } else {
            match merge(&mirror.repo, &self.rooms.inner.identity, branch, theirs, target)? {
                Replayed::Clean(commit) => commit,
                Replayed::Conflict(files) => return Ok(Merged::Conflict { files }),
            }
        };
        attributes::check_changes(&mirror.repo, target, candidate)?;
        let local = match &address {
            Address::Path(path) if !open_source(path)?.is_bare() => Some(path),
            _ => None,
        };
        if let Some(path) = local {
            match checkout::forward(&mirror.repo, path, &default_branch, target, candidate)? {
                Forwarded::Done => {}
                Forwarded::Raced => return Err(state("the default branch moved meanwhile; try again")),
                Forwarded::Dirty(path) => return Err(state(format!("{path} has uncommitted changes on the default branch"))),
            }
        } else {
            match self.rooms.push_forward(&mirror, &address, &default_branch, candidate)? {
                Pushed::Done => {}
                Pushed::Raced(_) => return Err(state("the default branch moved meanwhile; try again")),
                Pushed::Refused(message) => return Err(GitError::Command { operation: "push", message }),
            }
        }
        mirror.set_origin(&default_branch, candidate)?;
        Ok(Merged::Done { commit: candidate.to_string(), pushed: local.is_none() })
    }
}
