//! Rows of the git service, each by its name, in the situations that it lists (F-105, F-106, F-108, F-109, F-110, F-113, F-114).

use std::fs;

use aq_core::runner_link::{Conclusion, LandMode, WorkspaceSource};

use super::world::{World, clone_of, done, link_to, order, project, read, run_of, write};

/// F-105: preparing for a task gives the states listed: a fresh branch at the tip of the default branch; on a retry without conflict the branch rebased
/// with its work; in conflict the branch as it was, and the agent starts.
#[test]
fn preparing_gives_each_listed_state() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    let order = clone_of(&remote, "swift-fox");
    let first = world.prepare(&order, 1);
    assert_eq!((first.tip.as_str(), first.reused, first.dirty), (first.base_commit.as_str(), false, false));
    world.commit(&first.directory, "a.txt", "work\n");
    let tip = world.commit(&seed, "b.txt", "theirs\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let again = world.prepare(&order, 2);
    assert_eq!((again.base_commit.as_str(), again.reused, again.warnings.len()), (tip.as_str(), true, 0));
    assert_eq!((read(&again.directory, "a.txt").as_str(), read(&again.directory, "b.txt").as_str()), ("work\n", "theirs\n"));
    world.commit(&seed, "a.txt", "other\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let conflict = world.prepare(&order, 3);
    assert_eq!((conflict.tip, conflict.warnings.len()), (again.tip, 1));
    assert_eq!(world.git(&conflict.directory, &["status", "--porcelain", "-b"]), "## swift-fox/do-it");
}

/// F-106: a branch that we have is taken up, one that only the remote has is taken from there, one that nobody has is made from the default branch, not from
/// whatever was checked out last.
#[test]
fn each_kind_of_branch_is_switched_to() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    let theirs = world.git(&seed, &["rev-parse", "HEAD"]);
    world.git(&seed, &["checkout", "-q", "-b", "calm-owl/do-it"]);
    let only_there = world.commit(&seed, "c.txt", "on the remote\n");
    world.git(&seed, &["push", "-q", "origin", "calm-owl/do-it"]);
    let local = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&local, 1).directory;
    world.commit(&directory, "a.txt", "work\n");
    let kept = world.prepare(&local, 2);
    assert_eq!(read(&kept.directory, "a.txt"), "work\n");
    let taken = world.prepare(&clone_of(&remote, "calm-owl"), 1);
    assert_eq!((taken.tip.as_str(), read(&taken.directory, "c.txt").as_str()), (only_there.as_str(), "on the remote\n"));
    let fresh = world.prepare(&clone_of(&remote, "new-elk"), 1);
    assert_eq!((fresh.tip.as_str(), fresh.directory.join("a.txt").exists()), (theirs.as_str(), false));
}

/// F-108: landing on a remote ends in one of the outcomes listed: forward; rebased and then forward; a conflict with its files; a push that somebody else
/// was quicker with, run again; a push that is refused.
#[test]
fn each_outcome_of_a_synchronised_merge() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    let work = |task: &str, file: &str, text: &str| {
        let order = clone_of(&remote, task);
        write(&world.prepare(&order, 1).directory, file, text);
        order
    };
    let push = |file: &str, text: &str| {
        world.git(&seed, &["pull", "-q", "--rebase", "origin", "main"]);
        world.commit(&seed, file, text);
        world.git(&seed, &["push", "-q", "origin", "main"]);
    };
    let direct = work("aa-direct", "a.txt", "a\n");
    assert!(done(&world.finish(&direct, 1)).2);
    let rebased = work("bb-rebased", "b.txt", "b\n");
    push("theirs.txt", "x\n");
    done(&world.finish(&rebased, 1));
    assert_eq!(world.show(&remote, "main:theirs.txt"), "x");
    let clash = work("cc-clash", "a.txt", "mine\n");
    push("a.txt", "yours\n");
    assert_eq!(world.finish(&clash, 1), Conclusion::MergeConflict { files: vec!["a.txt".to_owned()] });
    let refused = work("dd-refused", "d.txt", "d\n");
    let hook = remote.join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho not today >&2; exit 1\n").unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let Conclusion::PushFailed { message } = world.finish(&refused, 1) else { panic!() };
    assert!(message.contains("not today"), "{message}");
    fs::remove_file(&hook).unwrap();
    done(&world.land(&refused));
    for (file, text) in [("a.txt", "yours"), ("b.txt", "b"), ("d.txt", "d")] {
        assert_eq!(world.show(&remote, &format!("main:{file}")), text);
    }
    world.assert_whole();
}

/// F-109: a default branch that diverged is followed, and nothing that was not pushed is lost: neither what lies in the task's directory nor what the
/// remote took back.
#[test]
fn a_diverged_default_branch_is_followed() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    let taken_back = world.commit(&seed, "gone.txt", "taken back\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    world.commit(&directory, "a.txt", "work\n");
    write(&directory, "half.txt", "uncommitted\n");
    world.git(&seed, &["reset", "-q", "--hard", "HEAD~1"]);
    let forced = world.commit(&seed, "b.txt", "instead\n");
    world.git(&seed, &["push", "-q", "-f", "origin", "main"]);
    let again = world.prepare(&order, 2);
    assert_eq!((read(&again.directory, "a.txt").as_str(), read(&again.directory, "half.txt").as_str()), ("work\n", "uncommitted\n"));
    assert!(world.reachable_text().contains("uncommitted") && world.reachable_text().contains("taken back"));
    world.git(&world.mirror(), &["cat-file", "-e", &taken_back]);
    done(&world.finish(&order, 2));
    world.git(&remote, &["merge-base", "--is-ancestor", &forced, "main"]);
    assert_eq!((world.show(&remote, "main:a.txt"), world.show(&remote, "main:half.txt")), ("work".into(), "uncommitted".into()));
}

/// F-110: two tasks of one linked repository work side by side in directories of their own, whose branches are made, taken up again and removed, and the
/// user's checkout is touched by neither.
#[test]
fn two_directories_of_one_repository_work_in_parallel() {
    let world = World::new();
    let user = world.checkout("user");
    write(&user, "draft.txt", "the user's\n");
    let orders = [link_to(&user, "swift-fox"), link_to(&user, "calm-owl")];
    let directories: Vec<_> = std::thread::scope(|scope| {
        let made: Vec<_> = orders.iter().map(|order| scope.spawn(|| world.prepare(order, 1).directory)).collect();
        made.into_iter().map(|made| made.join().unwrap()).collect()
    });
    assert_ne!(directories[0], directories[1]);
    for (directory, name) in directories.iter().zip(["a.txt", "b.txt"]) {
        world.commit(directory, name, "work\n");
    }
    let again = world.prepare(&orders[0], 2);
    assert_eq!((again.directory.as_path(), again.reused), (directories[0].as_path(), true));
    for order in &orders {
        done(&world.finish(order, 2));
        world.rooms.remove_task_dir(&project(), &run_of(order, 2), &order.branch).unwrap();
    }
    assert!(directories.iter().all(|directory| !directory.exists()));
    assert_eq!(["a.txt", "b.txt", "draft.txt"].map(|name| user.join(name).exists()), [true; 3]);
    assert_eq!(world.git(&user, &["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
    assert_eq!(world.git(&user, &["branch", "--format=%(refname:short)"]), "main");
}

/// F-113, D-40: the default branch is what the remote says, else the first of main, master, develop, trunk; an empty remote has none yet.
#[test]
fn the_default_branch_is_detected() {
    for name in ["main", "master", "develop", "trunk"] {
        let world = World::new();
        let seed = world.checkout("seed");
        world.git(&seed, &["branch", "-m", "main", name]);
        world.git(&seed, &["branch", "zz-other"]);
        let bare = world.path("remote.git");
        world.git(world.root.path(), &["clone", "-q", "--bare", seed.to_str().unwrap(), bare.to_str().unwrap()]);
        assert_eq!(world.prepare(&clone_of(&bare, "swift-fox"), 1).default_branch, name, "by the remote's HEAD");
        world.git(&bare, &["symbolic-ref", "HEAD", "refs/heads/nowhere"]);
        assert_eq!(world.rooms.inspect(&clone_of(&bare, "x").source).unwrap().default_branch, name, "by the list");
    }
    let world = World::new();
    let empty = world.path("empty.git");
    world.git(world.root.path(), &["init", "-q", "--bare", empty.to_str().unwrap()]);
    let order = clone_of(&empty, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "first\n");
    done(&world.finish(&order, 1));
    assert_eq!(world.show(&empty, "main:a.txt"), "first");
}

/// F-114, D-39: without a remote there are branches, commits and a local merge, no push, and work that waits for approval is a branch the user sees.
#[test]
fn a_repository_without_remote_works() {
    let world = World::new();
    let order = order(WorkspaceSource::Init { path: world.path("own").display().to_string() }, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let own = world.path("own");
    write(&directory, "a.txt", "work\n");
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "Do the work").unwrap();
    let kept = world.rooms.land(&project(), &run_of(&order, 1).task, &order, LandMode::KeepBranch);
    assert!(!done(&kept).2);
    assert_eq!(world.show(&own, "swift-fox/do-it:a.txt"), "work");
    assert!(!own.join("a.txt").exists());
    let (_, files, pushed) = done(&world.land(&order));
    assert_eq!((files, pushed), (vec!["a.txt".to_owned()], false));
    assert_eq!((read(&own, "a.txt").as_str(), world.git(&own, &["remote"]).as_str()), ("work\n", ""));
}
