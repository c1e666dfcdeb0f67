//! Concluding a run: commit what is left, check, land (service R10; F-077, F-084).
//!
//! Spec: specs/server/runner/service.md

use std::sync::Arc;

use aq_core::runner_link::{ConcludeRun, Conclusion, LandMode, LinkClosed};

use super::checks::{Checked, Checks};
use super::journal::Journal;
use super::mail::Mailbox;
use super::plans;
use super::shared::Shared;
use super::stored::SideItem;
use crate::git::{Finish, GitError, Landing, Plan};

/// Concludes and reports.
pub(super) async fn conclude(shared: &Arc<Shared>, order: &ConcludeRun, mailbox: &mut Mailbox) -> Result<(), LinkClosed> {
    let mut journal = Journal::open(&order.run, Arc::clone(&shared.sink), shared.home.run(&order.run), None);
    journal.recover().await?;
    let mut concluding = Concluding { shared, order, journal, mailbox };
    let conclusion = match concluding.work().await? {
        Ok(conclusion) | Err(conclusion) => conclusion,
    };
    let words = words(&conclusion);
    concluding.journal.side(vec![SideItem::note(words)]).await?;
    concluding.journal.conclude(conclusion).await
}

struct Concluding<'a> {
    shared: &'a Arc<Shared>,
    order: &'a ConcludeRun,
    journal: Journal,
    mailbox: &'a mut Mailbox,
}

/// The error side ends the conclusion early.
type Early<T> = Result<T, Conclusion>;

impl Concluding<'_> {
    async fn work(&mut self) -> Result<Early<Conclusion>, LinkClosed> {
        if self.order.reviewed.is_some() {
            return self.after_a_review().await;
        }
        plans::collect(self.shared, self.order, &mut self.journal).await?;
        let (rooms, project, run) = (self.shared.rooms.clone(), self.order.project.clone(), self.order.run.clone());
        let (workspace, title) = (self.order.workspace.clone(), self.order.title.clone());
        let left = self.git(move || rooms.commit_left_over(&project, &run, &workspace, &title)).await;
        let left = match left {
            Ok(left) => left,
            Err(conclusion) => return Ok(Err(conclusion)),
        };
        if let Some(commit) = &left.commit {
            let short = commit.get(..10).unwrap_or(commit);
            self.journal.side(vec![SideItem::note(format!("committed what was left uncommitted: {short}"))]).await?;
        }
        if left.tip == self.journal.cursor.base_commit {
            return Ok(Ok(Conclusion::NothingToDo));
        }
        if let Err(conclusion) = self.check(true).await? {
            return Ok(Err(conclusion));
        }
        self.land().await
    }

    /// The run only looked: what it changed goes aside, and the work that it looked at is landed. The test commands run where the branch is not
    /// what they passed on.
    async fn after_a_review(&mut self) -> Result<Early<Conclusion>, LinkClosed> {
        let (rooms, project, run) = (self.shared.rooms.clone(), self.order.project.clone(), self.order.run.clone());
        let workspace = self.order.workspace.clone();
        let tip = match self.git(move || rooms.settle_review(&project, &run, &workspace)).await {
            Ok(tip) => tip,
            Err(conclusion) => return Ok(Err(conclusion)),
        };
        if self.order.reviewed.as_ref() != Some(&tip)
            && let Err(conclusion) = self.check(true).await?
        {
            return Ok(Err(conclusion));
        }
        self.land().await
    }

    async fn land(&mut self) -> Result<Early<Conclusion>, LinkClosed> {
        match self.order.land {
            LandMode::KeepBranch => {
                let (rooms, project, run) = (self.shared.rooms.clone(), self.order.project.clone(), self.order.run.clone());
                let workspace = self.order.workspace.clone();
                Ok(self.git(move || rooms.keep_branch(&project, &run.task, &workspace)).await)
            }
            LandMode::Publish => {
                let (rooms, project, run) = (self.shared.rooms.clone(), self.order.project.clone(), self.order.run.clone());
                let workspace = self.order.workspace.clone();
                Ok(self.git(move || rooms.publish(&project, &run.task, &workspace)).await)
            }
            LandMode::Merge => self.merge().await,
        }
    }

    /// Alone in the project's lane: plan, check what is new, finish.
    async fn merge(&mut self) -> Result<Early<Conclusion>, LinkClosed> {
        let (rooms, project, run) = (self.shared.rooms.clone(), self.order.project.clone(), self.order.run.clone());
        let workspace = self.order.workspace.clone();
        let entered = self
            .git(move || {
                let lane = rooms.lane(&project);
                rooms.plan_landing(&project, &run.task, &workspace).map(|plan| (lane, plan))
            })
            .await;
        let (_lane, mut landing) = match entered {
            Ok((_, Plan::Concluded(conclusion))) => return Ok(Ok(conclusion)),
            Ok((lane, Plan::Ready(landing))) => (lane, landing),
            Err(conclusion) => return Ok(Err(conclusion)),
        };
        let unchecked = self.order.verify.is_empty();
        loop {
            if landing.moved_since_verified() && !unchecked {
                landing = match self.adopt(landing).await {
                    Ok(landing) => landing,
                    Err(conclusion) => return Ok(Err(conclusion)),
                };
                self.journal.side(vec![SideItem::note("the default branch has moved; checking the merged files")]).await?;
                if let Err(conclusion) = self.check(false).await? {
                    return Ok(Err(conclusion));
                }
            }
            let rooms = self.shared.rooms.clone();
            match self.git(move || rooms.finish_landing(landing, unchecked)).await {
                Ok(Finish::Concluded(conclusion)) => return Ok(Ok(conclusion)),
                Ok(Finish::Moved(next)) => landing = next,
                Err(conclusion) => return Ok(Err(conclusion)),
            }
        }
    }

    /// Lays the merged files into the work directory, where the checks look.
    async fn adopt(&mut self, landing: Landing) -> Early<Landing> {
        let (rooms, run) = (self.shared.rooms.clone(), self.order.run.clone());
        self.git(move || rooms.adopt_landing(landing, &run)).await
    }

    async fn check(&mut self, resume: bool) -> Result<Early<()>, LinkClosed> {
        if self.order.verify.is_empty() {
            return Ok(Ok(()));
        }
        let directory = self.shared.rooms.task_directory(&self.order.project, &self.order.run.task);
        let mut checks = Checks { shared: self.shared, order: self.order, directory, mailbox: self.mailbox };
        Ok(match checks.run(&mut self.journal, resume).await? {
            Checked::Passed => Ok(()),
            Checked::Failed { command, exit_code, tail } => Err(Conclusion::VerifyFailed { command, exit_code, tail }),
            Checked::Broken(message) => Err(Conclusion::Error { message }),
        })
    }

    /// Blocking work with git; its failure is a conclusion.
    async fn git<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, GitError> + Send + 'static) -> Early<T> {
        match self.shared.blocking(work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(error.conclusion()),
            Err(message) => Err(Conclusion::Error { message }),
        }
    }
}

/// The conclusion as a note for people who follow the output.
fn words(conclusion: &Conclusion) -> String {
    match conclusion {
        Conclusion::Done { commit, files_changed, pushed, .. } => {
            let short = commit.get(..10).unwrap_or(commit);
            let pushed = if *pushed { ", pushed" } else { "" };
            format!("done: {short} with {} changed files{pushed}", files_changed.len())
        }
        Conclusion::NothingToDo => "nothing was changed".to_owned(),
        Conclusion::VerifyFailed { command, .. } => format!("not landed: the check `{command}` failed"),
        Conclusion::MergeConflict { files } => format!("not landed: conflicts in {}", files.join(", ")),
        Conclusion::PushFailed { message } => format!("not landed: the push failed: {message}"),
        Conclusion::TargetDirty { path } => format!("not landed: {path} has uncommitted changes"),
        Conclusion::Error { message } => format!("not landed: {message}"),
    }
}
