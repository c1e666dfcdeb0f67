//! A hundred disasters, put together from where an agent stood, what it left there, and what was injured: every byte stays reachable (G21).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::disasters::assert_kept;
use super::world::{World, clone_of, project, run_of, write};

/// A part of a disaster: its name, what happens, and the marks that must be found afterwards.
struct Part {
    name: &'static str,
    happens: fn(&World, &Path),
    marks: &'static [&'static str],
}

const fn part(name: &'static str, happens: fn(&World, &Path), marks: &'static [&'static str]) -> Part {
    Part { name, happens, marks }
}

/// What was done before; every way of leaving begins with a commit of `keep.txt`.
const BEFORE: [Part; 5] = [
    part("nothing", |_, _| {}, &[]),
    part(
        "a stash",
        |world, dir| {
            write(dir, "keep.txt", "STASHED-CHANGE\n");
            write(dir, "stashed.txt", "STASHED-FILE\n");
            world.git(dir, &["stash", "-q", "-u"]);
        },
        &["STASHED-CHANGE", "STASHED-FILE"],
    ),
    part(
        "a dropped commit",
        |world, dir| {
            world.commit(dir, "gone.txt", "DROPPED-COMMIT\n");
            world.git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
        },
        &["DROPPED-COMMIT"],
    ),
    part(
        "an amended commit",
        |world, dir| {
            world.commit(dir, "amended.txt", "WORDED-ONCE\n");
            write(dir, "amended.txt", "WORDED-TWICE\n");
            world.git(dir, &["commit", "-q", "-a", "--amend", "-m", "again"]);
        },
        &["WORDED-ONCE", "WORDED-TWICE"],
    ),
    part(
        "a dropped tag, packed",
        |world, dir| {
            world.commit(dir, "tagged.txt", "TAGGED-COMMIT\n");
            world.git(dir, &["tag", "-a", "mine", "-m", "x"]);
            world.git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
            world.git(dir, &["gc", "-q"]);
        },
        &["TAGGED-COMMIT"],
    ),
];

/// Where the agent stood in the end.
const STANDS: [Part; 5] = [
    part("on its branch", |_, _| {}, &[]),
    part(
        "detached",
        |world, dir| {
            world.git(dir, &["checkout", "-q", "--detach"]);
            world.commit(dir, "detached.txt", "DETACHED-COMMIT\n");
        },
        &["DETACHED-COMMIT"],
    ),
    part(
        "on another branch",
        |world, dir| {
            world.git(dir, &["checkout", "-q", "-b", "feature", "origin/main"]);
            world.commit(dir, "feature.txt", "FEATURE-COMMIT\n");
        },
        &["FEATURE-COMMIT"],
    ),
    part(
        "in a merge with conflicts",
        |world, dir| {
            world.git(dir, &["checkout", "-q", "-b", "side"]);
            world.commit(dir, "readme.txt", "SIDE-TEXT\n");
            world.git(dir, &["checkout", "-q", "swift-fox/do-it"]);
            world.commit(dir, "readme.txt", "BRANCH-TEXT\n");
            assert!(!world.try_git(dir, &["merge", "side"]).status.success());
        },
        &["SIDE-TEXT", "BRANCH-TEXT"],
    ),
    part(
        "in a rebase with conflicts",
        |world, dir| {
            world.commit(dir, "readme.txt", "BRANCH-TEXT\n");
            world.git(dir, &["checkout", "-q", "-b", "side", "origin/main"]);
            world.commit(dir, "readme.txt", "SIDE-TEXT\n");
            world.git(dir, &["checkout", "-q", "swift-fox/do-it"]);
            assert!(!world.try_git(dir, &["rebase", "side"]).status.success());
        },
        &["SIDE-TEXT", "BRANCH-TEXT"],
    ),
];

/// What was left uncommitted, and what was injured.
const LEFT: [Part; 4] = [
    part("files", |_, dir| write(dir, "deep/new.txt", "UNTRACKED-FILE\n"), &["UNTRACKED-FILE"]),
    part(
        "a staged version",
        |world, dir| {
            write(dir, "new.txt", "STAGED-VERSION\n");
            world.git(dir, &["add", "new.txt"]);
            write(dir, "new.txt", "WORKING-VERSION\n");
        },
        &["STAGED-VERSION", "WORKING-VERSION"],
    ),
    part(
        "a locked index",
        |_, dir| {
            write(dir, "locked.txt", "LOCKED-FILE\n");
            fs::write(dir.join(".git/index.lock"), "").unwrap();
        },
        &["LOCKED-FILE"],
    ),
    part(
        "a broken index and head",
        |_, dir| {
            write(dir, "broken.txt", "BROKEN-FILE\n");
            fs::write(dir.join(".git/index"), "garbage").unwrap();
            fs::write(dir.join(".git/HEAD"), "nonsense").unwrap();
        },
        &["BROKEN-FILE"],
    ),
];

/// G21, D-112: a hundred distinct disasters; after the next run was prepared and after the directory was removed, every mark is found in the
/// mirror or the quarantine, and the next run stands on its branch with nothing half-done.
#[test]
fn a_hundred_disasters_lose_no_byte() {
    let mut names = BTreeSet::new();
    for before in &BEFORE {
        for stands in &STANDS {
            for left in &LEFT {
                let name = format!("{}, {}, {}", before.name, stands.name, left.name);
                let world = World::new();
                let order = clone_of(&world.remote(), "swift-fox");
                let directory = world.prepare(&order, 1).directory;
                world.commit(&directory, "keep.txt", "KEPT-COMMIT\n");
                for part in [before, stands, left] {
                    (part.happens)(&world, &directory);
                }
                let marks: Vec<&str> = [&["KEPT-COMMIT"][..], before.marks, stands.marks, left.marks].concat();
                let prepared = world.prepare(&order, 2);
                assert_kept(&world, &name, &marks);
                let state = world.git(&prepared.directory, &["status", "-b"]);
                assert!(state.starts_with("On branch swift-fox/do-it"), "{name}: {state}");
                assert!(!prepared.directory.join(".git/index.lock").exists(), "{name}");
                assert!(!prepared.directory.join(".git/MERGE_HEAD").exists(), "{name}");
                world.rooms.remove_task_dir(&project(), &run_of(&order, 2), &order.branch).unwrap();
                assert!(!directory.exists(), "{name}");
                assert_kept(&world, &name, &marks);
                names.insert(name);
            }
        }
    }
    assert_eq!(names.len(), 100);
    println!("score: git disasters: 0 bytes lost; {} disasters", names.len());
}
