//! The `.git` of a run's directory: always one that we have just written, with copies of the objects and nothing else (workspaces R3).
//!
//! Spec: specs/server/runner/workspaces.md

use std::fs;
use std::path::Path;
use std::sync::PoisonError;

use aq_core::ids::{ProjectId, TaskId};
use git2::Oid;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::author::Identity;
use super::bench::Bench;
use super::clearing::clear;
use super::error::{AtPath, GitError};
use super::mirror::Mirror;
use super::objects;
use super::rooms::Rooms;

/// What the run's repository shows.
pub(super) struct Seat<'a> {
    pub(super) project: &'a ProjectId,
    pub(super) task: &'a TaskId,
    pub(super) branch: &'a str,
    pub(super) tip: Oid,
    pub(super) default_branch: &'a str,
    pub(super) base: Oid,
    pub(super) identity: &'a Identity,
}

/// The text of the marker file: which task a directory was made for.
pub(super) fn marker(project: &ProjectId, task: &TaskId) -> String {
    format!("{project}/{task}")
}

impl Seat<'_> {
    /// Writes the repository into the folder `git`, which holds at most an `objects` folder.
    pub(super) fn write(&self, rooms: &Rooms, mirror: &Mirror, bench: &Bench, git: &Path) -> Result<(), GitError> {
        for folder in ["objects", "refs/heads", "refs/tags", "info", "hooks"] {
            let folder = git.join(folder);
            fs::create_dir_all(&folder).at(&folder)?;
        }
        {
            let state = rooms.project(self.project);
            let _unchanged = state.packs.read().unwrap_or_else(PoisonError::into_inner);
            objects::give(&mirror.path.join("objects"), &git.join("objects"))?;
        }
        let put = |name: &str, text: String| {
            let path = git.join(name);
            fs::write(&path, text).at(&path)
        };
        put("HEAD", format!("ref: refs/heads/{}\n", self.branch))?;
        put("config", self.config())?;
        put("info/exclude", "/.aq/\n/.claude/plans/\n/.claude/plan.md\n".to_owned())?;
        put("packed-refs", self.references(mirror))?;
        put("aq-task", format!("{}\n", marker(self.project, self.task)))?;
        bench.copy_index(self.tip, &git.join("index"))
    }

    fn config(&self) -> String {
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r', '\0'], " ");
        format!(
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n\
             [user]\n\tname = \"{}\"\n\temail = \"{}\"\n[commit]\n\tgpgsign = false\n",
            quote(&self.identity.name),
            quote(&self.identity.email)
        )
    }

    fn references(&self, mirror: &Mirror) -> String {
        let mut lines =
            vec![format!("{} refs/heads/{}", self.tip, self.branch), format!("{} refs/remotes/origin/{}", self.base, self.default_branch)];
        if self.default_branch != self.branch {
            lines.push(format!("{} refs/heads/{}", self.base, self.default_branch));
        }
        // A directory without tags is better than none.
        let tags = mirror.tags().unwrap_or_default();
        lines.extend(tags.iter().filter_map(|(name, tag)| Some(format!("{} {name}", (*tag)?))));
        lines.sort_by(|one, two| one.get(41..).cmp(&two.get(41..)));
        let mut text = "# pack-refs with: sorted\n".to_owned();
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// Replaces the `.git` of `directory`. Its objects are kept when they were found sound; everything else the agent wrote there goes, so the
    /// caller has saved it before.
    pub(super) fn replace(&self, rooms: &Rooms, mirror: &Mirror, bench: &Bench, directory: &Path) -> Result<(), GitError> {
        let beside = rooms.project_rooms(self.project);
        let (making, old) = (beside.join(format!(".git-new-{}", self.task)), beside.join(format!(".git-old-{}", self.task)));
        for left in [&making, &old] {
            clear(left)?;
        }
        fs::create_dir(&making).at(&making)?;
        let git = directory.join(".git");
        let kept = git.join("objects");
        if fs::symlink_metadata(&kept).is_ok_and(|found| found.is_dir()) {
            fs::rename(&kept, making.join("objects")).at(&kept)?;
        }
        self.write(rooms, mirror, bench, &making)?;
        if fs::symlink_metadata(&git).is_err() {
            return fs::rename(&making, &git).at(&git);
        }
        // The two change places in one step, so that a kill never leaves a directory that nothing marks as ours.
        match renameat_with(CWD, &making, CWD, &git, RenameFlags::EXCHANGE) {
            Ok(()) => return clear(&making),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(std::io::Error::from(error)).at(&git),
        }
        // Some file systems (NFS, FUSE) cannot do that.
        fs::rename(&git, &old).at(&git)?;
        fs::rename(&making, &git).at(&git)?;
        clear(&old)
    }
}
