//! Rescue references: what an agent left outside its branch, kept in the mirror until retention lets it go (workspaces R6, I-22).
//!
//! Spec: specs/server/runner/workspaces.md

use std::collections::BTreeSet;

use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::time::Timestamp;
use git2::{ObjectType, Oid};

use super::error::{GitError, While};
use super::mirror::Mirror;
use super::rooms::Rooms;

const ROOT: &str = "refs/aq/rescue/";

/// Tags that were found loose; a commit cannot have them for parents.
const TAGS: &str = "refs/aq/rescue-tags/";

/// One rescue reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescue {
    /// The run whose leavings these are.
    pub run: RunRef,
    /// Full name of the reference in the mirror.
    pub reference: String,
    /// The rescue commit, in hexadecimal: its tree is the directory as it was, its parents are the commits that were found.
    pub commit: String,
    /// When it was made.
    pub at: Timestamp,
    /// Why it was made, one line.
    pub summary: String,
}

/// What is to be kept.
pub(super) struct Leavings<'a> {
    pub(super) head: Oid,
    /// The files as they lie on disk, when they differ from `head`.
    pub(super) files: Option<Oid>,
    /// Objects that the branch does not reach.
    pub(super) loose: &'a [(Oid, ObjectType)],
    pub(super) why: &'a str,
}

impl Rooms {
    /// Saves `leavings` under the run's rescue reference and reads it back. An earlier rescue of the same run stays behind the new one.
    pub(super) fn anchor(&self, mirror: &Mirror, run: &RunRef, leavings: &Leavings<'_>) -> Result<Oid, GitError> {
        let repo = &mirror.repo;
        let name = format!("{ROOT}{}/{}", run.task, run.number);
        let author = self.inner.identity.at((self.inner.clock)())?;
        let mut parents = vec![leavings.head];
        parents.extend(mirror.target(&name));
        let (commits, others): (Vec<_>, Vec<_>) = leavings.loose.iter().copied().partition(|(_, kind)| *kind == ObjectType::Commit);
        parents.extend(commits.into_iter().map(|(id, _)| id));
        let mut lost = repo.treebuilder(None).doing("saving loose objects")?;
        for (id, kind) in others {
            match kind {
                ObjectType::Blob => drop(lost.insert(id.to_string(), id, 0o100_644).doing("saving loose objects")?),
                ObjectType::Tree => drop(lost.insert(id.to_string(), id, 0o040_000).doing("saving loose objects")?),
                _ => mirror.set(&format!("{TAGS}{}/{}/{id}", run.task, run.number), id)?,
            }
        }
        if !lost.is_empty() {
            let tree = lost.write().and_then(|id| repo.find_tree(id)).doing("saving loose objects")?;
            parents.push(repo.commit(None, &author, &author, "loose objects\n", &tree, &[]).doing("saving loose objects")?);
        }
        let head_tree = || repo.find_commit(leavings.head).map(|commit| commit.tree_id());
        let tree = leavings.files.map_or_else(head_tree, Ok).and_then(|id| repo.find_tree(id)).doing("saving the directory")?;
        let mut unique: Vec<Oid> = Vec::new();
        for parent in parents {
            if !unique.contains(&parent) {
                unique.push(parent);
            }
        }
        let found: Vec<_> = unique.iter().map(|id| repo.find_commit(*id)).collect::<Result<_, _>>().doing("saving the directory")?;
        let text = format!("rescue: {} run {}: {}\n", run.task, run.number, leavings.why);
        let commit = repo.commit(None, &author, &author, &text, &tree, &found.iter().collect::<Vec<_>>()).doing("saving the directory")?;
        mirror.set(&name, commit)?;
        let again = mirror.opened_again()?;
        let read = again.target(&name);
        if read != Some(commit)
            || again.repo.find_commit(commit).and_then(|commit| commit.tree()).doing("reading the rescue back")?.id() != tree.id()
        {
            return Err(GitError::Unknown { what: name });
        }
        tracing::info!(task = %run.task, run = run.number, %commit, why = leavings.why, "work was saved under a rescue reference");
        Ok(commit)
    }

    /// All rescues of a project, oldest first.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    pub fn list_rescues(&self, project: &ProjectId) -> Result<Vec<Rescue>, GitError> {
        let mirror = self.open_mirror(project)?;
        let mut found = Vec::new();
        for (name, commit) in mirror.listed(ROOT)? {
            let Some((task, number)) = name.strip_prefix(ROOT).and_then(|rest| rest.split_once('/')) else { continue };
            let (Ok(task), Ok(number)) = (TaskId::parse(task), number.parse()) else { continue };
            let Some(commit) = commit else { continue };
            let commit = mirror.repo.find_commit(commit).doing("listing rescues")?;
            found.push(Rescue {
                run: RunRef { task, number },
                reference: name,
                commit: commit.id().to_string(),
                at: Timestamp::from_millis(commit.time().seconds().saturating_mul(1000)),
                summary: String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned(),
            });
        }
        found.sort_by(|one, two| (one.at, &one.reference).cmp(&(two.at, &two.reference)));
        Ok(found)
    }

    /// Lets go of rescues made before `older_than` whose task is `over`, but always keeps the newest `keep`. Returns what was let go. Only the
    /// references go; the mirror itself forgets objects only when an administrator runs `git gc` on it.
    ///
    /// # Errors
    /// When the mirror cannot be read or written.
    pub fn prune_rescues(
        &self,
        project: &ProjectId,
        older_than: Timestamp,
        keep: usize,
        over: impl Fn(&TaskId) -> bool,
    ) -> Result<Vec<Rescue>, GitError> {
        let mut rescues = self.list_rescues(project)?;
        rescues.truncate(rescues.len().saturating_sub(keep));
        rescues.retain(|rescue| rescue.at < older_than && over(&rescue.run.task));
        if rescues.is_empty() {
            return Ok(rescues);
        }
        let mirror = self.open_mirror(project)?;
        let gone: BTreeSet<_> = rescues.iter().map(|rescue| (rescue.run.task.as_str(), rescue.run.number)).collect();
        let of_the_gone = |name: &str| {
            let mut parts = name.strip_prefix(TAGS)?.split('/');
            Some(gone.contains(&(parts.next()?, parts.next()?.parse().ok()?)))
        };
        let tags = mirror.listed(TAGS)?.into_iter().map(|(name, _)| name).filter(|name| of_the_gone(name) == Some(true));
        mirror.delete_all(rescues.iter().map(|rescue| rescue.reference.clone()).chain(tags))?;
        Ok(rescues)
    }
}
