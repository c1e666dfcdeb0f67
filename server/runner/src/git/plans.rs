//! Finding the plan that an agent wrote, and taking it out of the work: plans never reach the default branch (F-116, F-117, D-52, D-53).
//!
//! What a plan means is decided elsewhere; here it is a file that differs from what the task started from.
//!
//! Spec: specs/server/runner/plans.md

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aq_core::ids::{ProjectId, RunRef};
use aq_core::plan::{MAX_PLAN_BYTES, announces_a_plan, pattern, within_limit};
use aq_core::runner_link::{PlanSearch, WorkspaceOrder};
use git2::{ObjectType, Oid};

use super::address::is_real_directory;
use super::collect::{base_name, concluded_name};
use super::error::{AtPath, GitError, While};
use super::mirror::Mirror;
use super::rooms::Rooms;

/// Files looked at, at most, in one work directory.
const MOST_FILES: usize = 50_000;
/// Files of this size and more are no plans.
const TOO_LARGE: u64 = 16 * MAX_PLAN_BYTES as u64;
/// Folders with what programs make.
const SKIPPED: [&str; 3] = [".git", "node_modules", "target"];
/// Hidden folders in which plans are looked for.
const HIDDEN: [&str; 2] = [".aq", ".claude"];
/// Where an older system kept plans that were dealt with.
const OLD_ARCHIVE: &str = ".claude/plans/";

/// A plan as it lay in the work directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPlan {
    /// Path relative to the work directory.
    pub path: String,
    /// Its text, at most [`MAX_PLAN_BYTES`].
    pub text: String,
    /// True when it was longer.
    pub truncated: bool,
}

struct Candidate {
    path: String,
    modified: SystemTime,
}

impl Rooms {
    /// The plan that the agent of this run wrote; `None` when it wrote none, or its work is settled already. A file that is as the task found
    /// it, or as the default branch has it, is nobody's plan.
    ///
    /// # Errors
    /// When the mirror or the directory cannot be read.
    pub fn find_plan(
        &self,
        project: &ProjectId,
        run: &RunRef,
        order: &WorkspaceOrder,
        search: &PlanSearch,
    ) -> Result<Option<WrittenPlan>, GitError> {
        let mirror = self.open_mirror(project)?;
        let directory = self.task_directory(project, &run.task);
        if mirror.target(&concluded_name(run)).is_some() || !is_real_directory(&directory) {
            return Ok(None);
        }
        let known = Known::of(&mirror, run, order);
        let mut files = Vec::new();
        walk(&directory, &directory, &mut files, &mut 0)?;
        files.sort_by(|a, b| (b.modified, &a.path).cmp(&(a.modified, &b.path)));
        for wanted in &search.patterns {
            let wanted = pattern(wanted);
            for file in files.iter().filter(|file| wanted.matches(&file.path)) {
                if let Some(plan) = known.own(&directory, &file.path)? {
                    return Ok(Some(plan));
                }
            }
        }
        let markdown = files.iter().filter(|file| search.anywhere && file.path.to_lowercase().ends_with(".md"));
        for file in markdown.filter(|file| !file.path.starts_with(OLD_ARCHIVE)) {
            if let Some(plan) = known.own(&directory, &file.path)?.filter(|plan| announces_a_plan(&plan.text)) {
                return Ok(Some(plan));
            }
        }
        Ok(None)
    }

    /// Takes a plan out of the work: the file becomes what the task started from, or is gone. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the file cannot be written or removed.
    pub fn take_plan_out(&self, project: &ProjectId, run: &RunRef, path: &str) -> Result<(), GitError> {
        let mirror = self.open_mirror(project)?;
        let directory = self.task_directory(project, &run.task);
        // A path that is not there may be one that was interrupted before the file was written back.
        let Some(file) = inside(&directory, path).or_else(|| parent_inside(&directory, path)) else { return Ok(()) };
        if mirror.target(&concluded_name(run)).is_some() {
            return Ok(());
        }
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(&file),
            _ => {}
        }
        if let Some(id) = mirror.target(&base_name(run)).and_then(|base| blob(&mirror, base, path)) {
            let content = mirror.repo.find_blob(id).doing("reading the file as it was")?;
            fs::write(&file, content.content()).at(&file)?;
        }
        Ok(())
    }
}

/// What the task did not write.
struct Known<'a> {
    mirror: &'a Mirror,
    commits: Vec<Oid>,
}

impl<'a> Known<'a> {
    fn of(mirror: &'a Mirror, run: &RunRef, order: &WorkspaceOrder) -> Self {
        let noted = mirror.noted_default();
        let default_branch = if order.default_branch.is_empty() { noted.unwrap_or_default() } else { order.default_branch.clone() };
        let commits = [mirror.target(&base_name(run)), mirror.origin(&default_branch)].into_iter().flatten().collect();
        Self { mirror, commits }
    }

    /// The file as a plan, when the task wrote it.
    fn own(&self, directory: &Path, path: &str) -> Result<Option<WrittenPlan>, GitError> {
        let Some(file) = inside(directory, path) else { return Ok(None) };
        let mut content = Vec::new();
        match fs::File::open(&file).and_then(|opened| opened.take(TOO_LARGE).read_to_end(&mut content)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at(&file),
        }
        let id = Oid::hash_object(ObjectType::Blob, &content).doing("naming a file")?;
        if content.is_empty() || self.commits.iter().any(|commit| blob(self.mirror, *commit, path) == Some(id)) {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&content);
        let (kept, truncated) = within_limit(&text);
        Ok(Some(WrittenPlan { path: path.to_owned(), text: kept.to_owned(), truncated }))
    }
}

fn blob(mirror: &Mirror, commit: Oid, path: &str) -> Option<Oid> {
    let tree = mirror.repo.find_commit(commit).ok()?.tree().ok()?;
    let entry = tree.get_path(Path::new(path)).ok()?;
    (entry.kind() == Some(ObjectType::Blob)).then(|| entry.id())
}

/// The file at `path`, when it is a plain one and no part of the way there is a link.
fn inside(directory: &Path, path: &str) -> Option<PathBuf> {
    let mut file = directory.to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    for (index, part) in parts.iter().enumerate() {
        if part.is_empty() || matches!(*part, "." | "..") {
            return None;
        }
        file.push(part);
        let is_last = index + 1 == parts.len();
        let found = fs::symlink_metadata(&file).ok()?;
        let is_plain = if is_last { found.is_file() } else { found.is_dir() };
        if !is_plain {
            return None;
        }
    }
    Some(file)
}

/// Where a file at `path` could be written, when its folder is a plain one and nothing lies there.
fn parent_inside(directory: &Path, path: &str) -> Option<PathBuf> {
    let folder = match path.rsplit_once('/') {
        None => directory.to_owned(),
        Some((folder, _)) => directory.join(folder),
    };
    let mut way = directory.to_owned();
    for part in folder.strip_prefix(directory).ok()?.components() {
        way.push(part);
        if !fs::symlink_metadata(&way).ok()?.is_dir() {
            return None;
        }
    }
    let file = directory.join(path);
    fs::symlink_metadata(&file).is_err().then_some(file)
}

/// Plain files below `folder`; links are not followed.
fn walk(root: &Path, folder: &Path, files: &mut Vec<Candidate>, seen: &mut usize) -> Result<(), GitError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        *seen += 1;
        if *seen > MOST_FILES {
            return Ok(());
        }
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let path = entry.path();
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if found.is_dir() {
            let is_hidden = name.starts_with('.') && !HIDDEN.contains(&name);
            if !is_hidden && !SKIPPED.contains(&name) {
                walk(root, &path, files, seen)?;
            }
        } else if found.is_file() && found.len() < TOO_LARGE {
            let Some(relative) = path.strip_prefix(root).ok().and_then(Path::to_str) else { continue };
            files.push(Candidate { path: relative.to_owned(), modified: found.modified().unwrap_or(SystemTime::UNIX_EPOCH) });
        }
    }
    Ok(())
}
