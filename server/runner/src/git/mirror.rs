//! Our bare mirror of a project's repository: made once, refreshed before every run and landing (workspaces R1, R2).
//!
//! Spec: specs/server/runner/workspaces.md

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use aq_core::ids::ProjectId;
use aq_core::runner_link::{WorkspaceOrder, WorkspaceSource};
use git2::{Oid, Repository, RepositoryInitOptions};

use super::address::{Address, is_real_directory};
use super::attributes;
use super::error::{AtPath, GitError, RepositoryRefused, While};
use super::facts::{configured_branch, detect_local, is_free, local_heads, open_source};
use super::locks::patiently_in;
use super::program::GitProgram;
use super::remembered::References;
use super::rooms::{Rooms, make_private};
use super::tidy::drop_unfinished;

/// Where the branches of the source are kept in the mirror.
const ORIGIN: &str = "refs/remotes/origin/";
/// Names the default branch found when the mirror was made.
const ORIGIN_HEAD: &str = "refs/remotes/origin/HEAD";

/// An opened mirror.
pub(super) struct Mirror {
    pub(super) path: PathBuf,
    pub(super) repo: Repository,
    pub(super) program: Arc<GitProgram>,
    pub(super) references: Arc<References>,
}

/// A mirror made ready for an order.
pub(super) struct Ready {
    pub(super) mirror: Mirror,
    pub(super) address: Address,
    pub(super) default_branch: String,
    /// The tip of the default branch; `None` while the source has no commit.
    pub(super) tip: Option<Oid>,
    /// Why the mirror could not be refreshed, when it could not.
    pub(super) stale: Option<GitError>,
}

impl Mirror {
    /// `references` are those of the mirror at `path`.
    pub(super) fn open(path: PathBuf, program: Arc<GitProgram>, references: Arc<References>) -> Result<Self, GitError> {
        let repo = Repository::open_bare(&path).doing("opening the mirror")?;
        Ok(Self { path, repo, program, references })
    }

    /// Another handle on the same mirror, which has read nothing yet.
    pub(super) fn opened_again(&self) -> Result<Self, GitError> {
        Self::open(self.path.clone(), Arc::clone(&self.program), Arc::clone(&self.references))
    }

    pub(super) fn branch(&self, branch: &str) -> Option<Oid> {
        self.target(&format!("refs/heads/{branch}"))
    }

    pub(super) fn origin(&self, branch: &str) -> Option<Oid> {
        self.target(&format!("{ORIGIN}{branch}"))
    }

    pub(super) fn set_origin(&self, branch: &str, commit: Oid) -> Result<(), GitError> {
        self.set(&format!("{ORIGIN}{branch}"), commit)
    }

    /// The default branch found when the mirror was made.
    pub(super) fn noted_default(&self) -> Option<String> {
        let found = self.repo.find_reference(ORIGIN_HEAD).ok()?;
        found.symbolic_target().ok().flatten()?.strip_prefix(ORIGIN).map(str::to_owned)
    }

    fn origin_is_empty(&self) -> bool {
        self.listed(ORIGIN).is_ok_and(|found| found.is_empty())
    }

    /// True when the mirror has exactly the branches of the source: no fetch is needed.
    fn agrees_with(&self, source: &Repository) -> Result<bool, GitError> {
        let heads = local_heads(source)?;
        if !heads.iter().all(|(name, commit)| self.origin(name) == Some(*commit)) {
            return Ok(false);
        }
        // Whether there are more is only looked for when the source's branches are others than last time.
        let names: Vec<String> = heads.into_iter().map(|(name, _)| name).collect();
        let mut agreed = self.references.branches();
        if agreed.as_ref() != Some(&names) {
            let here = self.listed(ORIGIN)?.iter().filter(|(name, _)| name != ORIGIN_HEAD).count();
            *agreed = (here == names.len()).then_some(names);
        }
        Ok(agreed.is_some())
    }
}

impl Rooms {
    pub(super) fn open_mirror(&self, project: &ProjectId) -> Result<Mirror, GitError> {
        self.mirror_at(self.mirror_directory(project), &self.project(project).references)
    }

    fn mirror_at(&self, path: PathBuf, references: &Arc<References>) -> Result<Mirror, GitError> {
        Mirror::open(path, Arc::clone(&self.inner.program), Arc::clone(references))
    }

    /// The mirror of the order's source, made or refreshed. A mirror that exists is used as it is when it cannot be refreshed.
    pub(super) fn ready(&self, project: &ProjectId, order: &WorkspaceOrder) -> Result<Ready, GitError> {
        let address = Address::of(&order.source)?;
        let state = self.project(project);
        let seen = state.fetches.load(Ordering::SeqCst);
        let path = self.mirror_directory(project);
        let mut stale = None;
        let mirror = {
            let _held = state.mirror.lock().unwrap_or_else(PoisonError::into_inner);
            if is_real_directory(&path) {
                let mirror = self.mirror_at(path, &state.references)?;
                // A fetch that began after this call has all that this call may expect.
                if state.fetches.load(Ordering::SeqCst) == seen || !same_source(&mirror, &address) {
                    state.fetches.fetch_add(1, Ordering::SeqCst);
                    match self.refresh(&mirror, &address) {
                        Err(refused @ GitError::Refused(_)) => return Err(refused),
                        Err(error) => {
                            tracing::warn!(%project, source = %address.shown(), %error, "the mirror could not be refreshed; going on with what it has");
                            stale = Some(error);
                        }
                        Ok(()) => {}
                    }
                }
                mirror
            } else {
                state.fetches.fetch_add(1, Ordering::SeqCst);
                // Only while there is no mirror: a repository that vanished later is missing, not to be replaced by an empty one.
                if let (WorkspaceSource::Init { .. }, Address::Path(source)) = (&order.source, &address)
                    && is_free(source)
                {
                    self.init_source(source, &order.default_branch)?;
                }
                self.make_mirror(&path, &address)?;
                state.references.forget();
                self.mirror_at(path, &state.references)?
            }
        };
        let default_branch = self.default_branch(&mirror, &address, &order.default_branch)?;
        let tip = mirror.origin(&default_branch);
        if tip.is_none() {
            let shown = address.shown();
            if !mirror.origin_is_empty() {
                return Err(RepositoryRefused::NoDefaultBranch { branch: default_branch }.into());
            }
            if let Address::Path(path) = &address
                && !open_source(path)?.is_bare()
            {
                return Err(RepositoryRefused::NoCommits { path: shown }.into());
            }
        }
        if let Some(tip) = tip {
            attributes::check_commit(&mirror.repo, tip, &state)?;
        }
        Ok(Ready { mirror, address, default_branch, tip, stale })
    }

    /// The mirror for a person who looks: a remote is only asked when there is no mirror yet or `fetch` says so, and nothing is made in the source.
    pub(super) fn ready_for_look(&self, project: &ProjectId, order: &WorkspaceOrder, fetch: bool) -> Result<Ready, GitError> {
        let address = Address::of(&order.source)?;
        let path = self.mirror_directory(project);
        if let Address::Path(source) = &address
            && is_free(source)
        {
            return Err(RepositoryRefused::Missing { path: source.display().to_string() }.into());
        }
        if !fetch && matches!(address, Address::Remote(_)) && is_real_directory(&path) {
            let mirror = self.open_mirror(project)?;
            if same_source(&mirror, &address) {
                let default_branch = self.default_branch(&mirror, &address, &order.default_branch)?;
                let tip = mirror.origin(&default_branch);
                return Ok(Ready { mirror, address, default_branch, tip, stale: None });
            }
        }
        self.ready(project, order)
    }

    /// Fetches, when the source has something new.
    fn refresh(&self, mirror: &Mirror, address: &Address) -> Result<(), GitError> {
        if let Address::Path(path) = address
            && mirror.agrees_with(&open_source(path)?)?
        {
            return Ok(());
        }
        let fetched = self.fetch(&mirror.path, address);
        mirror.references.fetched();
        fetched?;
        remember_source(mirror, address)
    }

    fn fetch(&self, mirror: &Path, address: &Address) -> Result<(), GitError> {
        drop_unfinished(mirror);
        let options = ["--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--refmap="];
        let heads = format!("+refs/heads/*:{ORIGIN}*");
        let operands = [address.operand(), heads.as_ref(), "+refs/tags/*:refs/tags/*".as_ref()];
        match self.inner.program.must("fetch", Some(mirror), &options, &operands) {
            Err(GitError::Command { message, .. }) if message.contains("mismatched algorithms") => {
                Err(RepositoryRefused::Format { path: address.shown(), format: "SHA-256 object names" }.into())
            }
            other => other.map(drop),
        }
    }

    fn make_mirror(&self, path: &Path, address: &Address) -> Result<(), GitError> {
        if let Address::Path(source) = address {
            open_source(source)?;
        }
        let parent = path.parent().unwrap_or(path);
        make_private(parent).at(parent)?;
        let making = path.with_extension("making");
        if std::fs::symlink_metadata(&making).is_ok() {
            // Left by a server that was killed while it copied; holds nothing but copies.
            std::fs::remove_dir_all(&making).at(&making)?;
        }
        let mut options = RepositoryInitOptions::new();
        options.bare(true).mkpath(true).external_template(false);
        let repo = Repository::init_opts(&making, &options).doing("making the mirror")?;
        drop(repo);
        let made = self.fetch(&making, address).and_then(|()| {
            let mirror = self.mirror_at(making.clone(), &Arc::default())?;
            remember_source(&mirror, address)?;
            std::fs::rename(&making, path).at(path)
        });
        if let Err(error) = made {
            std::fs::remove_dir_all(&making).at(&making)?;
            return Err(error);
        }
        Ok(())
    }

    /// git R8: what the project says, else what was found before, else what is found now.
    fn default_branch(&self, mirror: &Mirror, address: &Address, wanted: &str) -> Result<String, GitError> {
        if !wanted.is_empty() {
            return Ok(wanted.to_owned());
        }
        if let Some(known) = mirror.noted_default().filter(|branch| mirror.origin(branch).is_some()) {
            return Ok(known);
        }
        let found = match address {
            Address::Remote(_) => self.remote_heads(address)?.default_branch(),
            Address::Path(path) => detect_local(&open_source(path)?)?,
        };
        if mirror.origin(&found).is_some() {
            let target = format!("{ORIGIN}{found}");
            // Two runs of a project that begin at the same time both note it.
            let note = || mirror.repo.reference_symbolic(ORIGIN_HEAD, &target, true, "agent queue").map(drop);
            patiently_in(&mirror.path, note).doing("noting the default branch")?;
        }
        Ok(found)
    }

    /// F-065: a repository with a first commit.
    fn init_source(&self, path: &Path, branch: &str) -> Result<(), GitError> {
        let branch = if branch.is_empty() { configured_branch() } else { branch.to_owned() };
        let mut options = RepositoryInitOptions::new();
        options.mkpath(true).external_template(false).initial_head(&branch);
        let repo = Repository::init_opts(path, &options).doing("making the repository")?;
        let author = self.inner.identity.at((self.inner.clock)())?;
        let tree =
            repo.treebuilder(None).and_then(|tree| tree.write()).and_then(|id| repo.find_tree(id)).doing("making the first commit")?;
        repo.commit(Some("HEAD"), &author, &author, "Initial commit\n", &tree, &[]).map(drop).doing("making the first commit")
    }

    /// The commit that work starts from while a remote is empty: the same one whenever it is asked for.
    pub(super) fn root_commit(&self, repo: &Repository) -> Result<Oid, GitError> {
        let author = self.inner.identity.at_time(git2::Time::new(0, 0))?;
        let tree = repo.treebuilder(None).and_then(|tree| tree.write()).and_then(|id| repo.find_tree(id)).doing("making a first commit")?;
        repo.commit(None, &author, &author, "Initial commit\n", &tree, &[]).doing("making a first commit")
    }
}

fn source_file(mirror: &Mirror) -> PathBuf {
    mirror.path.join("aq-source")
}

fn same_source(mirror: &Mirror, address: &Address) -> bool {
    std::fs::read_to_string(source_file(mirror)).is_ok_and(|text| text.trim_end() == address.shown())
}

fn remember_source(mirror: &Mirror, address: &Address) -> Result<(), GitError> {
    if same_source(mirror, address) {
        return Ok(());
    }
    let path = source_file(mirror);
    std::fs::write(&path, format!("{}\n", address.shown())).at(&path)
}
