//! What a person does by hand: a new branch, another branch checked out, a commit, a push (desk R4–R6, R8).
//!
//! Spec: specs/server/runner/desk.md

use aq_core::git_link::{CheckoutLook, GitPlace};
use git2::build::CheckoutBuilder;
use git2::{ErrorCode, IndexAddOption, Oid, Repository};

use super::Desk;
use super::checkouts::look_at;
use super::link::{order, state};
use super::looks::{in_progress, resolve};
use crate::git::address::{Address, check_branch};
use crate::git::attributes;
use crate::git::checkout::{holders, is_dirty};
use crate::git::error::{GitError, While};
use crate::git::facts::open_source;
use crate::git::locks::patiently;
use crate::git::mirror::Ready;
use crate::git::objects;
use crate::git::push::Pushed;

impl Desk {
    pub(super) fn make_branch(&self, place: &GitPlace, name: &str, from: &str) -> Result<String, GitError> {
        check_branch(name)?;
        let _lane = self.lane(place)?;
        let Ready { mirror, address, default_branch, stale, .. } = self.ready(place, true)?;
        if let Some(error) = stale {
            return Err(error);
        }
        let commit = resolve(&mirror, if from.is_empty() { &default_branch } else { from })?;
        match mirror.origin(name) {
            Some(there) if there == commit => return Ok(commit.to_string()),
            Some(there) => return Err(state(format!("branch `{name}` exists already, at {there}"))),
            None => {}
        }
        if let Some(user) = checkout_of(&address)? {
            objects::send(&mirror.repo, &user, commit, None)?;
            let full = format!("refs/heads/{name}");
            let make = || user.reference(&full, commit, false, "agent queue: a branch made by hand").map(drop);
            patiently(make).doing("making the branch")?;
        } else {
            match self.rooms.push_new(&mirror, &address, name, commit)? {
                Pushed::Done => {}
                Pushed::Raced(_) => return Err(state(format!("branch `{name}` exists already at the remote"))),
                Pushed::Refused(message) => return Err(GitError::Command { operation: "push", message }),
            }
        }
        mirror.set_origin(name, commit)?;
        Ok(commit.to_string())
    }

    pub(super) fn check_out(&self, place: &GitPlace, name: &str) -> Result<CheckoutLook, GitError> {
        check_branch(name)?;
        let _lane = self.lane(place)?;
        let user = self.own_checkout(place)?;
        if is_dirty(&user)? {
            return Err(state("the checkout has uncommitted changes; commit them or put them away first"));
        }
        let full = format!("refs/heads/{name}");
        if user.find_reference(&full).is_err() {
            let remote = user.find_reference(&format!("refs/remotes/origin/{name}")).ok().and_then(|found| found.target());
            let tip = remote.ok_or_else(|| GitError::Unknown { what: name.to_owned() })?;
            patiently(|| user.reference(&full, tip, false, "agent queue: from origin").map(drop)).doing("making the branch")?;
        }
        let elsewhere = holders(&user, &full)?.into_iter().find(|tree| tree.workdir() != user.workdir());
        if let Some(tree) = elsewhere {
            let place = tree.workdir().unwrap_or_else(|| tree.path()).display().to_string();
            return Err(state(format!("branch `{name}` is checked out in {place}")));
        }
        let target = user.find_reference(&full).and_then(|found| found.peel_to_commit()).doing("reading the branch")?;
        let mut options = CheckoutBuilder::new();
        options.safe().overwrite_ignored(false);
        match user.checkout_tree(target.as_object(), Some(&mut options)) {
            Ok(()) => {}
            Err(error) if matches!(error.code(), ErrorCode::Conflict | ErrorCode::Locked) => {
                return Err(state("files of the checkout are in the way; commit them or put them away first"));
            }
            Err(error) => return Err(error).doing("updating the files of the checkout"),
        }
        user.set_head(&full).doing("checking out the branch")?;
        look_at(&user)
    }

    pub(super) fn commit_all(&self, place: &GitPlace, message: &str) -> Result<Option<String>, GitError> {
        let _lane = self.lane(place)?;
        let user = self.own_checkout(place)?;
        let config = user.config().doing("reading the configuration")?;
        if config.get_bool("commit.gpgsign").unwrap_or(false) {
            return Err(state("the repository wants signed commits, which cannot be made here; commit with git"));
        }
        let head = user.head().ok().and_then(|head| head.target());
        let mut index = user.index().doing("reading the index")?;
        index.add_all(["*"], IndexAddOption::DEFAULT, None).doing("staging the files")?;
        let tree = index.write_tree().and_then(|id| user.find_tree(id)).doing("staging the files")?;
        // Filters are refused before the index is written: what is staged stays as the person left it.
        attributes::check_files(&user, &tree)?;
        let parent = head.map(|head| user.find_commit(head)).transpose().doing("reading the branch")?;
        if parent.as_ref().is_some_and(|parent| parent.tree_id() == tree.id()) {
            return Ok(None);
        }
        let author = user.signature().map_err(|_| state("git knows no name for you; set user.name and user.email"))?;
        index.write().doing("staging the files")?;
        let text = format!("{}\n", message.trim_end());
        let parents: Vec<_> = parent.iter().collect();
        user.commit(Some("HEAD"), &author, &author, &text, &tree, &parents).map(|commit| Some(commit.to_string())).doing("committing")
    }

    pub(super) fn push_out(&self, place: &GitPlace, branch: &str) -> Result<String, GitError> {
        check_branch(branch)?;
        let _lane = self.lane(place)?;
        let Ready { mirror, address, .. } = self.ready(place, false)?;
        let user = checkout_of(&address)?;
        if mirror.branch(branch).is_some() && user.is_none() {
            return self.rooms.publish_branch(&place.project, &order(place, branch));
        }
        let Some(user) = user else {
            let why = format!("branch `{branch}` is not one of ours: what the remote has needs no push");
            return Err(if mirror.origin(branch).is_some() { state(why) } else { GitError::Unknown { what: branch.to_owned() } });
        };
        let commit = mirror.origin(branch).ok_or_else(|| GitError::Unknown { what: branch.to_owned() })?;
        let remote = user.find_remote("origin").map_err(|_| state("the checkout has no remote `origin`"))?;
        let url = remote.pushurl().ok().flatten().or_else(|| remote.url().ok()).unwrap_or_default().to_owned();
        let target = Address::parse(&url)?;
        match self.rooms.push_forward(&mirror, &target, branch, commit)? {
            Pushed::Done => Ok(commit.to_string()),
            Pushed::Raced(message) | Pushed::Refused(message) => Err(GitError::Command { operation: "push", message }),
        }
    }

    /// The person's checkout of the place, when nothing is going on in it.
    fn own_checkout(&self, place: &GitPlace) -> Result<Repository, GitError> {
        let user = checkout_of(&Address::of(&place.source)?)?
            .ok_or_else(|| state("the repository has no checkout of yours; use a workspace of kind link or init"))?;
        let busy = in_progress(&user);
        if !busy.is_empty() {
            return Err(state(format!("a {busy} is in progress in the checkout; finish or abort it first")));
        }
        if user.path().join("index.lock").exists() {
            return Err(state("another git works in the checkout (its index is locked); try again when it is done"));
        }
        Ok(user)
    }
}

/// The repository at a path with files of a person; `None` for a bare one or one on the network.
pub(super) fn checkout_of(address: &Address) -> Result<Option<Repository>, GitError> {
    match address {
        Address::Remote(_) => Ok(None),
        Address::Path(path) => Ok(Some(open_source(path)?).filter(|repo| !repo.is_bare())),
    }
}

/// True when the two commits are one line of history.
pub(super) fn is_forward(repo: &Repository, from: Oid, to: Oid) -> Result<bool, GitError> {
    crate::git::replay::contains(repo, to, from)
}
