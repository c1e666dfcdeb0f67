//! Where files may be read: the workspaces that the caller sees, and folders that the configuration names. Everything is opened beneath them, step by
//! step and never through a symbolic link, so that no name leads out (F-171, D-73, D-86).

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use aq_core::principal::Principal;
use aq_core::runner_link::BoxFuture;
use rustix::fs::{Mode, OFlags, openat};

use crate::lifecycle::Engine;
use crate::store::StoreError;

/// Tells where files may be read.
pub trait Roots: Send + Sync {
    /// The folders that `caller` may read, absolute and canonical.
    fn of<'a>(&'a self, caller: &'a Principal) -> BoxFuture<'a, Vec<PathBuf>>;
}

/// The registered workspaces, linked ones too, and folders that are allowed besides for whoever sees every project.
pub struct Workspaces {
    /// The writer with the figures.
    pub engine: Engine,
    /// Folders that are allowed besides.
    pub besides: Vec<PathBuf>,
}

impl Roots for Workspaces {
    fn of<'a>(&'a self, caller: &'a Principal) -> BoxFuture<'a, Vec<PathBuf>> {
        Box::pin(async move {
            let scope = caller.projects.clone();
            let all = matches!(scope, aq_core::principal::ProjectScope::All);
            let known = self.engine.submit(move |tx| {
                let seen = tx.state.workspaces.values().filter(|workspace| scope.covers(&workspace.project));
                Ok::<_, StoreError>(seen.map(|workspace| PathBuf::from(&workspace.path)).collect::<Vec<_>>())
            });
            let mut roots = known.await.unwrap_or_default();
            if all {
                roots.extend(self.besides.iter().cloned());
            }
            let canonical = move || {
                let mut roots: Vec<PathBuf> = roots.iter().filter_map(|root| std::fs::canonicalize(root).ok()).collect();
                roots.sort();
                roots.dedup();
                roots
            };
            tokio::task::spawn_blocking(canonical).await.unwrap_or_default()
        })
    }
}

/// A place beneath a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    /// The way from there, without `.` and `..`; empty: the root itself.
    pub(super) way: Vec<String>,
}

/// Finds the place that `path` names: absolute, or relative to the only root.
///
/// # Errors
/// A sentence with the roots when it lies elsewhere.
pub(super) fn place(roots: &[PathBuf], path: &str) -> Result<Place, String> {
    let listed = || {
        let shown: Vec<String> = roots.iter().take(20).map(|root| root.display().to_string()).collect();
        if shown.is_empty() { "there is no workspace to read from".to_owned() } else { format!("allowed are {}", shown.join(", ")) }
    };
    let wanted = Path::new(path);
    let (root, rest) = if wanted.is_absolute() {
        let beneath = |root: &&PathBuf| wanted.starts_with(root.as_path());
        let root = roots.iter().filter(beneath).max_by_key(|root| root.components().count());
        let root = root.ok_or_else(|| format!("`path` lies outside of what may be read; {}", listed()))?;
        (root, wanted.strip_prefix(root).unwrap_or(wanted))
    } else {
        match roots {
            [root] => (root, wanted),
            _ => return Err(format!("`path` has to be absolute; {}", listed())),
        }
    };
    let mut way = Vec::new();
    for part in rest.components() {
        match part {
            Component::Normal(name) => way.push(name.to_str().ok_or("`path` is not text")?.to_owned()),
            Component::CurDir => {}
            _ => return Err(format!("`path` may not go up with `..`; {}", listed())),
        }
    }
    Ok(Place { root: root.clone(), way })
}

/// Opens a place; `folder`: it has to be one. A symbolic link on the way is refused.
///
/// # Errors
/// When it is not there, is of another kind, or leads through a link.
pub(super) fn open(place: &Place, folder: bool) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut at = rustix::fs::open(&place.root, flags | OFlags::DIRECTORY, Mode::empty())?;
    for (index, name) in place.way.iter().enumerate() {
        let last = index + 1 == place.way.len();
        let kind = if last && !folder { OFlags::empty() } else { OFlags::DIRECTORY };
        at = openat(&at, name.as_str(), flags | kind, Mode::empty())?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-171, D-73, D-86: nothing leads out of a root, neither `..` nor a link, wherever on the way it stands.
    #[test]
    fn nothing_leads_out() {
        let home = tempfile::tempdir().unwrap();
        let home = std::fs::canonicalize(home.path()).unwrap();
        let root = home.join("work");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/file"), "inside").unwrap();
        std::fs::write(home.join("secret"), "outside").unwrap();
        std::os::unix::fs::symlink("..", root.join("up")).unwrap();
        std::os::unix::fs::symlink("../secret", root.join("link")).unwrap();
        std::os::unix::fs::symlink("a", root.join("inner")).unwrap();
        let roots = [root.clone(), home.join("other")];
        let text = |name: &str| format!("{}/{name}", root.display());
        assert!(open(&place(&roots, &text("a/./b//file")).unwrap(), false).is_ok());
        for name in ["up/secret", "link", "inner/b/file", "a/none"] {
            assert!(open(&place(&roots, &text(name)).unwrap(), false).is_err(), "{name}");
        }
        for path in
            [text("../secret"), text("a/../../secret"), home.join("secret").display().to_string(), "/etc/passwd".into(), "a/b/file".into()]
        {
            assert!(place(&roots, &path).unwrap_err().contains("allowed are"), "{path}");
        }
        assert!(place(&[], "/etc/passwd").unwrap_err().contains("no workspace"));
        assert_eq!(place(&roots[..1], "a/b/file").unwrap().way, ["a", "b", "file"]);
        assert!(place(&roots, &format!("{}-evil/x", root.display())).is_err());
    }
}
