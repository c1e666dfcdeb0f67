//! A server home, a source repository and a person with a `git` program, all in one temporary directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aq_core::ids::{ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::runner_link::{Conclusion, LandMode, WorkspaceOrder, WorkspaceSource};
use aq_core::time::Timestamp;
use aq_runner::git::{GitProgram, Identity, Prepared, Rooms};

pub(crate) struct World {
    pub(crate) root: tempfile::TempDir,
    pub(crate) rooms: Rooms,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let config = root.path().join("gitconfig");
        fs::write(&config, "[user]\n\tname = User\n\temail = user@example.com\n[init]\n\tdefaultBranch = main\n[core]\n\tautocrlf = false\n\tfsync = none\n").unwrap();
        let rooms = rooms(root.path(), "git".into());
        Self { root, rooms }
    }

    /// The same rooms with another program of git.
    pub(crate) fn another_git(&self, program: &Path) -> Rooms {
        rooms(self.root.path(), program.into())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn try_git(&self, directory: &Path, args: &[&str]) -> Output {
        Command::new("git")
            .args(args)
            .current_dir(directory)
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", self.root.path())
            .env("GIT_EDITOR", "true")
            .output()
            .unwrap()
    }

    /// Runs git as a person or an agent would; it has to succeed.
    pub(crate) fn git(&self, directory: &Path, args: &[&str]) -> String {
        let output = self.try_git(directory, args);
        assert!(output.status.success(), "git {args:?} in {}: {}", directory.display(), String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// A checkout of a person, with one commit.
    pub(crate) fn checkout(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        self.git(&path, &["init", "-q"]);
        self.commit(&path, "readme.txt", "hello\n");
        path
    }

    /// A bare repository that stands for a remote, made from a checkout named `seed`.
    pub(crate) fn remote(&self) -> PathBuf {
        let seed = self.checkout("seed");
        let path = self.path("remote.git");
        self.git(self.root.path(), &["clone", "-q", "--bare", seed.to_str().unwrap(), path.to_str().unwrap()]);
        self.git(&seed, &["remote", "add", "origin", path.to_str().unwrap()]);
        path
    }

    pub(crate) fn commit(&self, directory: &Path, file: &str, text: &str) -> String {
        write(directory, file, text);
        self.git(directory, &["add", "-A"]);
        self.git(directory, &["commit", "-q", "-m", &format!("change {file}")]);
        self.git(directory, &["rev-parse", "HEAD"])
    }

    pub(crate) fn prepare(&self, order: &WorkspaceOrder, number: u32) -> Prepared {
        self.rooms.prepare(&project(), &run_of(order, number), order).unwrap()
    }

    pub(crate) fn finish(&self, order: &WorkspaceOrder, number: u32) -> Conclusion {
        self.rooms.commit_left_over(&project(), &run_of(order, number), order, "Do the work").unwrap();
        self.land(order)
    }

    pub(crate) fn land(&self, order: &WorkspaceOrder) -> Conclusion {
        self.rooms.land(&project(), &run_of(order, 1).task, order, LandMode::Merge)
    }

    pub(crate) fn mirror(&self) -> PathBuf {
        self.rooms.mirror_directory(&project())
    }

    /// The text of a file in a commit, read by the git program.
    pub(crate) fn show(&self, repository: &Path, name: &str) -> String {
        self.git(repository, &["show", name])
    }

    /// Every blob that some reference of the mirror reaches.
    pub(crate) fn reachable_text(&self) -> String {
        let mirror = self.mirror();
        let objects = self.git(&mirror, &["rev-list", "--all", "--objects"]);
        let ids: Vec<&str> = objects.lines().filter_map(|line| line.split(' ').next()).collect();
        let list = self.path("ids");
        fs::write(&list, ids.join("\n") + "\n").unwrap();
        let output = Command::new("git")
            .args(["cat-file", "--batch"])
            .current_dir(&mirror)
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .stdin(fs::File::open(&list).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The mirror is whole: nothing refers to something that is missing.
    pub(crate) fn assert_whole(&self) {
        self.git(&self.mirror(), &["fsck", "--no-dangling", "--connectivity-only"]);
    }
}

/// Rooms below `root`, with a git that reads the configuration there and no other.
fn rooms(root: &Path, path: PathBuf) -> Rooms {
    let now = AtomicI64::new(1_700_000_000_000);
    let clock = Arc::new(move || Timestamp::from_millis(now.fetch_add(1000, Ordering::SeqCst)));
    let environment = vec![
        ("GIT_CONFIG_GLOBAL".into(), root.join("gitconfig").into()),
        ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ("HOME".into(), root.into()),
    ];
    let identity = Identity { name: "Agent Queue".to_owned(), email: "aq@example.com".to_owned() };
    Rooms::new(root.join("home"), identity, GitProgram { path, environment, ..GitProgram::default() }, clock)
}

pub(crate) fn project() -> ProjectId {
    ProjectId::parse("demo").unwrap()
}

pub(crate) fn clone_of(path: &Path, task: &str) -> WorkspaceOrder {
    order(WorkspaceSource::Clone { url: path.to_str().unwrap().to_owned() }, task)
}

pub(crate) fn link_to(path: &Path, task: &str) -> WorkspaceOrder {
    order(WorkspaceSource::Link { path: path.to_str().unwrap().to_owned() }, task)
}

pub(crate) fn order(source: WorkspaceSource, task: &str) -> WorkspaceOrder {
    WorkspaceOrder {
        id: WorkspaceId::parse("ws-00000001").unwrap(),
        source,
        default_branch: String::new(),
        branch: format!("{task}/do-it"),
    }
}

pub(crate) fn run_of(order: &WorkspaceOrder, number: u32) -> RunRef {
    let task = order.branch.split('/').next().unwrap();
    RunRef { task: TaskId::parse(task).unwrap(), number }
}

pub(crate) fn write(directory: &Path, file: &str, text: &str) {
    let path = directory.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(crate) fn read(directory: &Path, file: &str) -> String {
    fs::read_to_string(directory.join(file)).unwrap()
}

#[track_caller]
pub(crate) fn done(conclusion: &Conclusion) -> (String, Vec<String>, bool) {
    match conclusion {
        Conclusion::Done { commit, files_changed, pushed, .. } => (commit.clone(), files_changed.clone(), *pushed),
        other => panic!("expected Done, got {other:?}"),
    }
}
