//! The port that the server speaks to: each question on a blocking thread, each failure as a refusal.
//!
//! Spec: specs/server/runner/desk.md

use aq_core::git_link::{
    BranchLook, Changes, CheckoutLook, CommitLook, Comparison, Forecast, GitLink, GitPlace, GitRefusal, GitRefused, Merged, RepositoryLook,
    TextLook,
};
use aq_core::ids::{TaskId, WorkspaceId};
use aq_core::runner_link::{BoxFuture, WorkspaceOrder};

use crate::git::error::{GitError, RepositoryRefused};
use crate::git::mirror::Ready;
use crate::git::{Lane, Rooms};

/// The desk of one machine's rooms.
#[derive(Clone, Debug)]
pub struct Desk {
    pub(super) rooms: Rooms,
}

impl Desk {
    /// A desk in these rooms.
    #[must_use]
    pub const fn new(rooms: Rooms) -> Self {
        Self { rooms }
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, GitError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, GitRefused>> {
        let desk = self.clone();
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || work(&desk)).await {
                Ok(done) => done.map_err(|error| refusal(&error)),
                Err(error) => Err(GitRefused::new(GitRefusal::Failed, format!("looking at the repository failed: {error}"))),
            }
        })
    }

    /// The mirror of the place, refreshed as desk R2 says.
    pub(super) fn ready(&self, place: &GitPlace, fetch: bool) -> Result<Ready, GitError> {
        let order = order(place, "");
        self.rooms.ready_for_look(&place.project, &order, fetch)
    }

    /// The project's lane, unless a landing has it (desk R4).
    pub(super) fn lane(&self, place: &GitPlace) -> Result<Lane, GitError> {
        self.rooms
            .inner
            .lanes
            .try_enter(&place.project)
            .ok_or_else(|| state("finished work of the project is being landed; try again when that is over"))
    }
}

/// An order for work of a person: no workspace is leased for it.
pub(super) fn order(place: &GitPlace, branch: &str) -> WorkspaceOrder {
    let GitPlace { source, default_branch, .. } = place.clone();
    WorkspaceOrder { id: WorkspaceId::from_trusted("ws-00000000"), source, default_branch, branch: branch.to_owned() }
}

/// A state of things that does not allow an act.
pub(super) fn state(why: impl Into<String>) -> GitError {
    GitError::State { why: why.into() }
}

pub(super) fn refusal(error: &GitError) -> GitRefused {
    let kind = match error {
        GitError::Unknown { .. } | GitError::Refused(RepositoryRefused::Missing { .. } | RepositoryRefused::NoDefaultBranch { .. }) => {
            GitRefusal::NotFound
        }
        GitError::BranchName { .. } => GitRefusal::Name,
        GitError::Refused(_) | GitError::State { .. } | GitError::HalfDone { .. } => GitRefusal::State,
        GitError::TimedOut { .. } => GitRefusal::TimedOut,
        _ => GitRefusal::Failed,
    };
    GitRefused::new(kind, error.to_string())
}

impl GitLink for Desk {
    fn status(&self, place: GitPlace, task: Option<TaskId>, fetch: bool) -> BoxFuture<'_, Result<RepositoryLook, GitRefused>> {
        self.ask(move |desk| desk.look(&place, task.as_ref(), fetch))
    }

    fn branches(&self, place: GitPlace, fetch: bool) -> BoxFuture<'_, Result<Vec<BranchLook>, GitRefused>> {
        self.ask(move |desk| desk.all_branches(&place, fetch))
    }

    fn log(
        &self,
        place: GitPlace,
        branch: String,
        after: String,
        limit: u32,
    ) -> BoxFuture<'_, Result<(Vec<CommitLook>, bool), GitRefused>> {
        self.ask(move |desk| desk.commits(&place, &branch, &after, limit))
    }

    fn changes(&self, place: GitPlace, what: Comparison, longest: usize) -> BoxFuture<'_, Result<Changes, GitRefused>> {
        self.ask(move |desk| desk.compare(&place, &what, longest))
    }

    fn texts(
        &self,
        place: GitPlace,
        folder: String,
        ending: &'static str,
        most: usize,
    ) -> BoxFuture<'_, Result<Vec<TextLook>, GitRefused>> {
        self.ask(move |desk| desk.text_files(&place, &folder, ending, most))
    }

    fn text(&self, place: GitPlace, path: String, most: usize) -> BoxFuture<'_, Result<Option<String>, GitRefused>> {
        self.ask(move |desk| desk.text_file(&place, &path, most))
    }

    fn forecast(&self, place: GitPlace, branch: String, fetch: bool) -> BoxFuture<'_, Result<Forecast, GitRefused>> {
        self.ask(move |desk| desk.think_through(&place, &branch, fetch))
    }

    fn create_branch(&self, place: GitPlace, name: String, from: String) -> BoxFuture<'_, Result<String, GitRefused>> {
        self.ask(move |desk| desk.make_branch(&place, &name, &from))
    }

    fn switch(&self, place: GitPlace, name: String) -> BoxFuture<'_, Result<CheckoutLook, GitRefused>> {
        self.ask(move |desk| desk.check_out(&place, &name))
    }

    fn commit(&self, place: GitPlace, message: String) -> BoxFuture<'_, Result<Option<String>, GitRefused>> {
        self.ask(move |desk| desk.commit_all(&place, &message))
    }

    fn merge(&self, place: GitPlace, branch: String) -> BoxFuture<'_, Result<Merged, GitRefused>> {
        self.ask(move |desk| desk.bring_in(&place, &branch))
    }

    fn push(&self, place: GitPlace, branch: String) -> BoxFuture<'_, Result<String, GitRefused>> {
        self.ask(move |desk| desk.push_out(&place, &branch))
    }
}
