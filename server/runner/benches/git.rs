//! What the steps of one run cost in git: a directory is prepared, what the agent left is committed, and it lands; in a mirror that is new, and in one
//! that has the notes of 4,000 tasks.
//!
//! `cargo bench -p aq-runner --bench git`. The bare side is the mirror without notes; their ratio is what R11 of the workspaces is about.
//!
//! Spec: specs/server/runner/workspaces.md

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has nothing to say")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aq_core::ids::{ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::runner_link::{Conclusion, LandMode, WorkspaceOrder, WorkspaceSource};
use aq_core::time::Timestamp;
use aq_runner::git::{GitProgram, Identity, Rooms};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

fn git(directory: &Path, args: &[&str], input: &str) -> String {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(directory)
        .env(
            "GIT_CONFIG_GLOBAL",
            directory.ancestors().find_map(|folder| Some(folder.join("gitconfig")).filter(|file| file.exists())).unwrap(),
        )
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A home and a user's repository of one commit in a folder of their own.
struct World {
    folder: tempfile::TempDir,
    rooms: Rooms,
    project: ProjectId,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (config, source) = (folder.path().join("gitconfig"), folder.path().join("source"));
        fs::write(&config, "[user]\n\tname = User\n\temail = user@example.com\n[init]\n\tdefaultBranch = main\n").unwrap();
        fs::create_dir(&source).unwrap();
        git(&source, &["init", "-q"], "");
        git(&source, &["commit", "-q", "--allow-empty", "-m", "first"], "");
        let environment = vec![("GIT_CONFIG_GLOBAL".into(), config.into()), ("GIT_CONFIG_NOSYSTEM".into(), "1".into())];
        let identity = Identity { name: "Agent Queue".to_owned(), email: "aq@example.com".to_owned() };
        let program = GitProgram { environment, ..GitProgram::default() };
        let rooms = Rooms::new(folder.path().join("home"), identity, program, Arc::new(|| Timestamp::from_millis(1_700_000_000_000)));
        Self { folder, rooms, project: ProjectId::parse("demo").unwrap() }
    }

    /// The steps of one run whose agent leaves one file.
    fn live(&self, task: &str) {
        let source = WorkspaceSource::Link { path: self.folder.path().join("source").display().to_string() };
        let id = WorkspaceId::parse("ws-00000001").unwrap();
        let order = WorkspaceOrder { id, source, default_branch: String::new(), branch: format!("{task}/do-it") };
        let run = RunRef { task: TaskId::parse(task).unwrap(), number: 1 };
        let directory = self.rooms.prepare(&self.project, &run, &order).unwrap().directory;
        fs::write(directory.join("work.txt"), task).unwrap();
        self.rooms.commit_left_over(&self.project, &run, &order, "Do the work").unwrap();
        let landed = self.rooms.land(&self.project, &run.task, &order, LandMode::Merge);
        assert!(matches!(landed, Conclusion::Done { .. }), "{landed:?}");
    }

    /// The notes that this many tasks leave, packed as the hourly care does it.
    fn notes(&self, tasks: usize) {
        let mirror = self.rooms.mirror_directory(&self.project);
        let commit = git(&mirror, &["rev-parse", "refs/remotes/origin/main"], "");
        let mut orders = String::new();
        for task in 0..tasks {
            for (kind, part) in
                [("base", ""), ("held", ""), ("concluded", "/1"), ("landed", "/from"), ("landed", "/tip"), ("landed", "/base")]
            {
                writeln!(orders, "create refs/aq/{kind}/other-task{task}{part} {commit}").unwrap();
            }
        }
        git(&mirror, &["update-ref", "--stdin"], &orders);
        git(&mirror, &["pack-refs", "--all"], "");
    }
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("the steps of a run");
    group.sample_size(20).measurement_time(Duration::from_secs(10));
    for tasks in [0, 4_000] {
        let world = World::new();
        world.live("first-task");
        world.notes(tasks);
        let mut number = 0;
        let mut next = || {
            number += 1;
            format!("task-number{number}")
        };
        group.bench_function(format!("beside the notes of {tasks} tasks"), |bencher| {
            bencher.iter_batched(&mut next, |task| world.live(&task), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
