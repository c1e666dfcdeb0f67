//! What agents leave behind: whatever it is, every byte stays reachable (G21, I-22, F-067).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aq_core::runner_link::{Conclusion, WorkspaceOrder};
use aq_core::time::Timestamp;
use aq_runner::git::{GitError, Removed};

use super::world::{World, clone_of, done, project, read, run_of, write};

/// Marks that a disaster leaves somewhere in its directory.
type Disaster = (&'static str, fn(&World, &Path), &'static [&'static str]);

fn stage_then_change(world: &World, directory: &Path) {
    write(directory, "readme.txt", "STAGED-VERSION\n");
    world.git(directory, &["add", "-A"]);
    write(directory, "readme.txt", "WORKING-VERSION\n");
}

fn half_rebase(world: &World, directory: &Path) {
    world.commit(directory, "other.txt", "REPLAYED-FIRST\n");
    world.commit(directory, "readme.txt", "BRANCH-VERSION\n");
    world.git(directory, &["checkout", "-q", "-b", "side", "origin/main"]);
    world.commit(directory, "readme.txt", "SIDE-VERSION\n");
    world.git(directory, &["checkout", "-q", "swift-fox/do-it"]);
    assert!(!world.try_git(directory, &["rebase", "side"]).status.success());
    write(directory, "readme.txt", "HALF-RESOLVED\n");
}

fn half_merge(world: &World, directory: &Path) {
    world.git(directory, &["checkout", "-q", "-b", "side"]);
    world.commit(directory, "readme.txt", "SIDE-VERSION\n");
    world.git(directory, &["checkout", "-q", "swift-fox/do-it"]);
    world.commit(directory, "readme.txt", "BRANCH-VERSION\n");
    assert!(!world.try_git(directory, &["merge", "side"]).status.success());
}

fn pick(world: &World, directory: &Path) {
    half_merge(world, directory);
    world.git(directory, &["merge", "--abort"]);
    assert!(!world.try_git(directory, &["cherry-pick", "side"]).status.success());
}

const DISASTERS: &[Disaster] = &[
    ("uncommitted", |_, dir| write(dir, "readme.txt", "DIRTY-TEXT\n"), &["DIRTY-TEXT"]),
    ("untracked", |_, dir| write(dir, "deep/new.txt", "UNTRACKED-TEXT\n"), &["UNTRACKED-TEXT"]),
    ("plan files", |_, dir| write(dir, ".claude/plans/p.md", "PLAN-TEXT\n"), &["PLAN-TEXT"]),
    ("staged, then changed", stage_then_change, &["STAGED-VERSION", "WORKING-VERSION"]),
    ("mid-rebase", half_rebase, &["REPLAYED-FIRST", "BRANCH-VERSION", "SIDE-VERSION", "HALF-RESOLVED"]),
    ("mid-merge", half_merge, &["SIDE-VERSION", "BRANCH-VERSION", "<<<<<<<"]),
    ("mid-cherry-pick", pick, &["SIDE-VERSION", "BRANCH-VERSION", "<<<<<<<"]),
    (
        "detached commits",
        |world, dir| {
            world.git(dir, &["checkout", "-q", "--detach"]);
            world.commit(dir, "a.txt", "DETACHED-TEXT\n");
        },
        &["DETACHED-TEXT"],
    ),
    (
        "detached and forgotten",
        |world, dir| {
            world.git(dir, &["checkout", "-q", "--detach"]);
            world.commit(dir, "a.txt", "FORGOTTEN-TEXT\n");
            world.git(dir, &["checkout", "-q", "swift-fox/do-it"]);
        },
        &["FORGOTTEN-TEXT"],
    ),
    (
        "stash",
        |world, dir| {
            write(dir, "readme.txt", "STASHED-TEXT\n");
            write(dir, "x.txt", "STASHED-NEW\n");
            world.git(dir, &["stash", "-q", "-u"]);
        },
        &["STASHED-TEXT", "STASHED-NEW"],
    ),
    (
        "hard reset",
        |world, dir| {
            world.commit(dir, "a.txt", "RESET-AWAY\n");
            world.git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
        },
        &["RESET-AWAY"],
    ),
    (
        "amended",
        |world, dir| {
            world.commit(dir, "a.txt", "FIRST-WORDING\n");
            write(dir, "a.txt", "SECOND-WORDING\n");
            world.git(dir, &["commit", "-q", "-a", "--amend", "-m", "x"]);
        },
        &["FIRST-WORDING", "SECOND-WORDING"],
    ),
    (
        "own branch",
        |world, dir| {
            world.commit(dir, "a.txt", "TASK-BRANCH\n");
            world.git(dir, &["checkout", "-q", "-b", "feature", "origin/main"]);
            world.commit(dir, "b.txt", "FEATURE-BRANCH\n");
        },
        &["TASK-BRANCH", "FEATURE-BRANCH"],
    ),
    (
        "locked index",
        |_, dir| {
            write(dir, "readme.txt", "LOCKED-TEXT\n");
            fs::write(dir.join(".git/index.lock"), "").unwrap();
        },
        &["LOCKED-TEXT"],
    ),
    (
        "broken index",
        |_, dir| {
            write(dir, "readme.txt", "BROKEN-TEXT\n");
            fs::write(dir.join(".git/index"), "garbage").unwrap();
        },
        &["BROKEN-TEXT"],
    ),
    (
        "git directory deleted",
        |_, dir| {
            write(dir, "readme.txt", "ORPHAN-TEXT\n");
            fs::remove_dir_all(dir.join(".git")).unwrap();
        },
        &["ORPHAN-TEXT"],
    ),
    (
        "head destroyed",
        |world, dir| {
            world.commit(dir, "a.txt", "HEADLESS-TEXT\n");
            fs::write(dir.join(".git/HEAD"), "nonsense").unwrap();
        },
        &["HEADLESS-TEXT"],
    ),
    (
        "packed by gc",
        |world, dir| {
            world.commit(dir, "a.txt", "PACKED-TEXT\n");
            world.git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
            world.git(dir, &["gc", "-q"]);
        },
        &["PACKED-TEXT"],
    ),
    (
        "own working tree",
        |world, dir| {
            world.git(dir, &["worktree", "add", "-q", ".wt", "-b", "aside"]);
            world.commit(&dir.join(".wt"), "a.txt", "WORKTREE-TEXT\n");
        },
        &["WORKTREE-TEXT"],
    ),
    (
        "bisecting",
        |world, dir| {
            world.commit(dir, "a.txt", "BISECT-ONE\n");
            world.commit(dir, "a.txt", "BISECT-TWO\n");
            world.commit(dir, "a.txt", "BISECT-THREE\n");
            world.git(dir, &["bisect", "start", "HEAD", "HEAD~3"]);
        },
        &["BISECT-ONE", "BISECT-TWO", "BISECT-THREE"],
    ),
    (
        "tagged and dropped",
        |world, dir| {
            world.commit(dir, "a.txt", "TAGGED-TEXT\n");
            world.git(dir, &["tag", "-a", "mine", "-m", "x"]);
            world.git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
        },
        &["TAGGED-TEXT"],
    ),
];

/// A run whose agent left this behind.
pub(crate) fn setup(disaster: fn(&World, &Path)) -> (World, WorkspaceOrder) {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let prepared = world.prepare(&order, 1);
    disaster(&world, &prepared.directory);
    (world, order)
}

/// The texts that can be found in the mirror or in the quarantine.
pub(crate) fn assert_kept(world: &World, name: &str, marks: &[&str]) {
    let mut text = world.reachable_text();
    let quarantine = world.path("home/quarantine");
    if quarantine.exists() {
        let found = std::process::Command::new("grep").args(["-rhaE", "[A-Z]+-[A-Z]+"]).arg(&quarantine).output().unwrap();
        text.push_str(&String::from_utf8_lossy(&found.stdout));
    }
    for mark in marks {
        assert!(text.contains(mark), "{name}: {mark} is lost");
    }
    world.assert_whole();
}

/// G21: the next run of the task starts, and nothing is lost.
#[test]
fn every_byte_survives_a_retry() {
    for (name, disaster, marks) in DISASTERS {
        let (world, order) = setup(*disaster);
        let prepared = world.prepare(&order, 2);
        assert_kept(&world, name, marks);
        let state = world.git(&prepared.directory, &["status", "-b"]);
        assert!(state.starts_with("On branch swift-fox/do-it"), "{name}: {state}");
        assert!(!state.contains("rebas") && !state.contains("merg") && !state.contains("pick"), "{name}: {state}");
        world.git(&prepared.directory, &["fsck", "--no-dangling"]);
        world.prepare(&order, 3);
        assert_kept(&world, name, marks);
    }
}

/// G21: the directory is removed, and nothing is lost.
#[test]
fn every_byte_survives_removal() {
    for (name, disaster, marks) in DISASTERS {
        let (world, order) = setup(*disaster);
        let removed = world.rooms.remove_task_dir(&project(), &run_of(&order, 1), &order.branch).unwrap();
        assert!(!world.rooms.task_directory(&project(), &run_of(&order, 1).task).exists(), "{name}: {removed:?}");
        assert_kept(&world, name, marks);
    }
}

/// G21: the run is concluded, then removed, and nothing is lost; what the agent worked on lands unless it is in conflict.
#[test]
fn every_byte_survives_a_conclusion() {
    for (name, disaster, marks) in DISASTERS {
        let (world, order) = setup(*disaster);
        let run = run_of(&order, 1);
        match world.rooms.commit_left_over(&project(), &run, &order, "t") {
            Ok(_) => {
                let conclusion = world.land(&order);
                assert!(matches!(conclusion, Conclusion::Done { .. } | Conclusion::NothingToDo), "{name}: {conclusion:?}");
            }
            Err(error) => assert!(matches!(&error, GitError::HalfDone { files, .. } if files == &["readme.txt"]), "{name}: {error}"),
        }
        world.rooms.remove_task_dir(&project(), &run, &order.branch).unwrap();
        assert_kept(&world, name, marks);
    }
}

/// git R9: a merge that only waits for its commit is committed with both parents.
#[test]
fn a_resolved_merge_is_committed() {
    let (world, order) = setup(half_merge);
    let directory = world.rooms.task_directory(&project(), &run_of(&order, 1).task);
    write(&directory, "readme.txt", "RESOLVED\n");
    world.git(&directory, &["add", "-A"]);
    done(&world.finish(&order, 1));
    assert_eq!(world.show(&world.path("remote.git"), "main:readme.txt"), "RESOLVED");
    assert_eq!(world.git(&world.path("remote.git"), &["rev-list", "--count", "main"]), "4");
}

/// git R10: files of an older commit that the agent was looking at are not taken for its work.
#[test]
fn a_bisection_does_not_undo_the_work() {
    let (world, order) = setup(|world, dir| {
        for text in ["one", "two", "three", "four"] {
            world.commit(dir, "a.txt", text);
        }
        world.git(dir, &["bisect", "start", "HEAD", "HEAD~3"]);
        write(dir, "note.txt", "untracked\n");
    });
    done(&world.finish(&order, 1));
    assert_eq!(world.show(&world.path("remote.git"), "main:a.txt"), "four");
    assert_eq!(world.show(&world.path("remote.git"), "main:note.txt"), "untracked");
}

/// workspaces R5: files that were never added survive the undoing of a merge.
#[test]
fn undoing_a_merge_keeps_untracked_files() {
    let (world, order) = setup(|world, dir| {
        half_merge(world, dir);
        write(dir, "note.txt", "untracked\n");
    });
    let prepared = world.prepare(&order, 2);
    assert_eq!(world.git(&prepared.directory, &["status", "--porcelain"]), "?? note.txt");
    assert_eq!(read(&prepared.directory, "readme.txt"), "BRANCH-VERSION\n");
}

/// workspaces R5: dirty work stays in the directory for the next run, byte by byte.
#[test]
fn uncommitted_work_stays_for_the_next_run() {
    let (world, order) = setup(|_, dir| {
        write(dir, "readme.txt", "half\n");
        write(dir, "new.txt", "new\n");
    });
    let prepared = world.prepare(&order, 2);
    assert!(prepared.dirty && prepared.reused);
    assert_eq!(world.git(&prepared.directory, &["status", "--porcelain"]), " M readme.txt\n?? new.txt");
    done(&world.finish(&order, 2));
}

/// workspaces R6: a directory that cannot be read is quarantined, and the run starts from the saved branch.
#[test]
fn what_cannot_be_saved_is_quarantined() {
    let (world, order) = setup(|_, dir| write(dir, "a.txt", "KEPT-WHOLE\n"));
    let directory = world.rooms.task_directory(&project(), &run_of(&order, 1).task);
    let fifo = directory.join("sub");
    fs::create_dir(&fifo).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(fifo.join(".gitignore")).status().unwrap().success());
    let prepared = world.prepare(&order, 2);
    assert!(!prepared.reused && prepared.warnings.iter().any(|text| text.contains("quarantine")), "{prepared:?}");
    assert!(!prepared.directory.join("a.txt").exists());
    fs::remove_file(fs::read_dir(world.path("home/quarantine")).unwrap().next().unwrap().unwrap().path().join("sub/.gitignore")).unwrap();
    assert_kept(&world, "quarantine", &["KEPT-WHOLE"]);
}

/// I-24: a directory without our marker is not removed.
#[test]
fn a_directory_without_our_marker_is_not_removed() {
    let (world, order) = setup(|_, dir| fs::write(dir.join(".git/aq-task"), "other/task\n").unwrap());
    let removed = world.rooms.remove_task_dir(&project(), &run_of(&order, 1), &order.branch).unwrap();
    let Removed::Quarantined { place, .. } = removed else { panic!("{removed:?}") };
    assert_eq!(read(&place, "readme.txt"), "hello\n");
}

/// Workspaces R7: a removal that a kill cut short is ended by the next one, although half a directory can be proven no more, and whether or not the task has
/// a new directory by then.
#[test]
fn a_removal_that_was_cut_short_is_ended() {
    for again in [false, true] {
        let world = World::new();
        let order = clone_of(&world.remote(), "swift-fox");
        let directory = world.prepare(&order, 1).directory;
        let going = directory.with_file_name(".swift-fox.going");
        fs::rename(&directory, &going).unwrap();
        fs::remove_dir_all(going.join(".git/objects")).unwrap();
        if again {
            world.prepare(&order, 2);
        }
        let removed = world.rooms.remove_task_dir(&project(), &run_of(&order, 1), &order.branch).unwrap();
        assert_eq!(matches!(removed, Removed::Gone { .. }), again, "{removed:?}");
        assert!(!going.exists() && !directory.exists() && !world.path("home/quarantine").exists());
    }
}

/// I-24: repositories inside the directory are not saved by us, so they are not removed either; write-protected folders are.
#[test]
fn nested_repositories_are_kept_and_protected_folders_removed() {
    let (world, order) = setup(|world, dir| {
        fs::create_dir(dir.join("inner")).unwrap();
        world.git(&dir.join("inner"), &["init", "-q"]);
        world.commit(&dir.join("inner"), "a.txt", "INNER-TEXT\n");
    });
    done_or_nothing(&world.finish(&order, 1));
    let removed = world.rooms.remove_task_dir(&project(), &run_of(&order, 1), &order.branch).unwrap();
    let Removed::Quarantined { place, .. } = removed else { panic!("{removed:?}") };
    assert_eq!(read(&place, "inner/a.txt"), "INNER-TEXT\n");

    let (world, order) = setup(|_, dir| {
        write(dir, ".gitignore", "cache/\n");
        write(dir, "cache/locked/file", "x");
        fs::set_permissions(dir.join("cache/locked"), fs::Permissions::from_mode(0o500)).unwrap();
    });
    done(&world.finish(&order, 1));
    let removed = world.rooms.remove_task_dir(&project(), &run_of(&order, 1), &order.branch).unwrap();
    assert_eq!(removed, Removed::Gone { rescue: None });
}

fn done_or_nothing(conclusion: &Conclusion) {
    assert!(matches!(conclusion, Conclusion::Done { .. } | Conclusion::NothingToDo), "{conclusion:?}");
}

/// workspaces R8: rescues are listed and go by age, the newest ones never.
#[test]
fn rescues_are_listed_and_pruned() {
    let (world, order) = setup(|_, dir| write(dir, "a.txt", "x\n"));
    for number in 2..5 {
        write(&world.rooms.task_directory(&project(), &run_of(&order, 1).task), "a.txt", &format!("{number}\n"));
        world.prepare(&order, number);
    }
    let all = world.rooms.list_rescues(&project()).unwrap();
    assert_eq!(all.iter().map(|rescue| rescue.run.number).collect::<Vec<_>>(), [2, 3, 4]);
    let soon = Timestamp::from_millis(i64::MAX);
    assert_eq!(world.rooms.prune_rescues(&project(), all[1].at, 0, |_| true).unwrap(), all[..1]);
    assert_eq!(world.rooms.prune_rescues(&project(), soon, 1, |_| true).unwrap(), all[1..2]);
    assert_eq!(world.rooms.list_rescues(&project()).unwrap(), all[2..]);
}
