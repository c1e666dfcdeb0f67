//! Landing: onto remotes and into checkouts, alone, together, against races and refusals.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use aq_core::runner_link::{Conclusion, LandMode, WorkspaceOrder};
use aq_runner::git::{Finish, Plan};

use super::world::{World, clone_of, done, link_to, project, read, run_of, write};

fn hook(repository: &Path, name: &str, text: &str) {
    let path = repository.join("hooks").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// F-063, F-077: a clone's work ends on the remote's default branch, with title and trailer, and the branch is gone.
#[test]
fn a_clone_lands_on_the_remote() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    let prepared = world.prepare(&order, 1);
    assert!(!prepared.reused);
    assert_eq!(world.git(&prepared.directory, &["status", "--porcelain", "-b"]), "## swift-fox/do-it");
    write(&prepared.directory, "new/file.txt", "work\n");
    fs::remove_file(prepared.directory.join("readme.txt")).unwrap();
    write(&prepared.directory, ".claude/plan.md", "plan\n");
    let conclusion = world.finish(&order, 1);
    // landing R10: one line came, and those of the file that went.
    let lines = world.git(&world.path("seed"), &["show", "HEAD:readme.txt"]).lines().count() as u64 + 1;
    assert!(matches!(conclusion, Conclusion::Done { lines_changed, .. } if lines_changed == lines), "{lines}: {conclusion:?}");
    let (commit, files, pushed) = done(&conclusion);
    assert_eq!(files, ["new/file.txt", "readme.txt"]);
    assert!(pushed);
    assert_eq!(world.git(&remote, &["rev-parse", "main"]), commit);
    assert_eq!(
        world.git(&remote, &["log", "-1", "--format=%an <%ae>%n%B", "main"]).trim_end(),
        "Agent Queue <aq@example.com>\nagent: Do the work\n\nTask-Id: swift-fox"
    );
    assert_eq!(world.git(&world.mirror(), &["for-each-ref", "--format=%(refname)", "refs/heads"]), "");
    world.assert_whole();
}

/// landing R7: the same order again gives the same conclusion.
#[test]
fn landing_twice_is_landing_once() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    let first = world.finish(&order, 1);
    world.commit(&world.path("seed"), "other.txt", "x");
    world.git(&world.path("seed"), &["pull", "-q", "--rebase", "origin", "main"]);
    world.git(&world.path("seed"), &["push", "-q", "origin", "HEAD:main"]);
    done(&first);
    assert_eq!(world.land(&order), first);
}

/// landing R7: a server that died between the push and its own bookkeeping concludes the same.
#[test]
fn a_landing_cut_off_after_the_push_is_done() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    let first = world.finish(&order, 1);
    let (commit, ..) = done(&first);
    let mirror = world.mirror();
    let from = world.git(&mirror, &["rev-parse", "refs/aq/landed/swift-fox/from"]);
    world.git(&mirror, &["update-ref", "refs/heads/swift-fox/do-it", &from]);
    assert_eq!(world.land(&order), first);
    assert_eq!(world.git(&remote, &["rev-parse", "main"]), commit);
    assert!(!world.try_git(&mirror, &["rev-parse", "--verify", "-q", "refs/heads/swift-fox/do-it"]).status.success());
}

/// F-077: nothing changed is fine.
#[test]
fn nothing_changed_is_nothing_to_do() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    world.prepare(&order, 1);
    assert_eq!(world.finish(&order, 1), Conclusion::NothingToDo);
}

/// F-064, landing R5: a linked checkout with a clean tree is moved forward, its untracked files stay.
#[test]
fn a_link_moves_the_users_branch_and_files() {
    let world = World::new();
    let user = world.checkout("user");
    write(&user, "untracked.txt", "mine\n");
    let order = link_to(&user, "swift-fox");
    let prepared = world.prepare(&order, 1);
    write(&prepared.directory, "readme.txt", "changed\n");
    write(&prepared.directory, "new.txt", "work\n");
    let (commit, _, pushed) = done(&world.finish(&order, 1));
    assert!(!pushed);
    assert_eq!(world.git(&user, &["rev-parse", "main"]), commit);
    assert_eq!(world.git(&user, &["status", "--porcelain"]), "?? untracked.txt");
    assert_eq!(
        (read(&user, "readme.txt"), read(&user, "new.txt"), read(&user, "untracked.txt")),
        ("changed\n".into(), "work\n".into(), "mine\n".into())
    );
}

/// D-38, landing R5: the user's uncommitted work is never touched; the task waits and its branch can be seen.
#[test]
fn a_dirty_link_is_left_alone() {
    let world = World::new();
    let user = world.checkout("user");
    let order = link_to(&user, "swift-fox");
    write(&world.prepare(&order, 1).directory, "new.txt", "work\n");
    write(&user, "readme.txt", "uncommitted\n");
    let head = world.git(&user, &["rev-parse", "HEAD"]);
    assert_eq!(world.finish(&order, 1), Conclusion::TargetDirty { path: user.display().to_string() });
    assert_eq!(read(&user, "readme.txt"), "uncommitted\n");
    assert_eq!(world.git(&user, &["rev-parse", "HEAD"]), head);
    assert_eq!(world.show(&user, "swift-fox/do-it:new.txt"), "work");
    // The user commits; the same order lands, on top of the user's commit.
    world.git(&user, &["commit", "-qam", "mine"]);
    done(&world.land(&order));
    assert_eq!(read(&user, "readme.txt"), "uncommitted\n");
    assert_eq!(read(&user, "new.txt"), "work\n");
    assert_eq!(world.git(&user, &["branch", "--format=%(refname:short)"]), "main");
}

/// landing R5: an untracked file of the user in the way of a new file counts as uncommitted work.
#[test]
fn an_untracked_file_in_the_way_is_left_alone() {
    let world = World::new();
    let user = world.checkout("user");
    let order = link_to(&user, "swift-fox");
    write(&world.prepare(&order, 1).directory, "new.txt", "agent\n");
    write(&user, "new.txt", "user\n");
    assert!(matches!(world.finish(&order, 1), Conclusion::TargetDirty { .. }));
    assert_eq!(read(&user, "new.txt"), "user\n");
    assert_eq!(world.git(&user, &["status", "--porcelain"]), "?? new.txt");
}

/// landing R5: a branch that is checked out nowhere is moved without touching files, staged work stays staged.
#[test]
fn a_link_with_another_branch_checked_out_is_moved_beneath() {
    let world = World::new();
    let user = world.checkout("user");
    world.git(&user, &["checkout", "-q", "-b", "topic"]);
    let order = link_to(&user, "swift-fox");
    let prepared = world.prepare(&order, 1);
    assert_eq!(prepared.default_branch, "main");
    write(&prepared.directory, "new.txt", "work\n");
    write(&user, "readme.txt", "staged\n");
    world.git(&user, &["add", "-A"]);
    let (commit, ..) = done(&world.finish(&order, 1));
    assert_eq!(world.git(&user, &["rev-parse", "main"]), commit);
    assert_eq!(world.git(&user, &["status", "--porcelain", "-b"]), "## topic\nM  readme.txt");
}

/// landing R5: a linked working tree that has the branch checked out counts too.
#[test]
fn a_branch_checked_out_in_another_working_tree_is_respected() {
    let world = World::new();
    let user = world.checkout("user");
    world.git(&user, &["checkout", "-q", "-b", "topic"]);
    let other = world.path("other");
    world.git(&user, &["worktree", "add", "-q", other.to_str().unwrap(), "main"]);
    write(&other, "readme.txt", "uncommitted\n");
    let order = link_to(&user, "swift-fox");
    write(&world.prepare(&order, 1).directory, "new.txt", "work\n");
    assert_eq!(world.finish(&order, 1), Conclusion::TargetDirty { path: other.display().to_string() });
    world.git(&other, &["checkout", "-q", "readme.txt"]);
    done(&world.land(&order));
    assert_eq!(read(&other, "new.txt"), "work\n");
    assert_eq!(world.git(&other, &["status", "--porcelain"]), "");
}

/// F-078: five tasks that finish together all end merged, each with its own commit.
#[test]
fn five_tasks_finishing_together_all_land() {
    let world = World::new();
    let remote = world.remote();
    let orders: Vec<_> = (1..=5).map(|n| clone_of(&remote, &format!("task-{n}"))).collect();
    for order in &orders {
        let prepared = world.prepare(order, 1);
        write(&prepared.directory, &format!("{}.txt", run_of(order, 1).task), "work\n");
    }
    thread::scope(|scope| {
        let landings: Vec<_> = orders.iter().map(|order| scope.spawn(|| world.finish(order, 1))).collect();
        for landing in landings {
            done(&landing.join().unwrap());
        }
    });
    let files = world.git(&remote, &["ls-tree", "--name-only", "main"]);
    assert_eq!(files, "readme.txt\ntask-1.txt\ntask-2.txt\ntask-3.txt\ntask-4.txt\ntask-5.txt");
    assert_eq!(world.git(&remote, &["rev-list", "--count", "main"]), "6");
    world.assert_whole();
}

/// F-079: a true conflict names the files, keeps the branch, and leaves the default branch as it was.
#[test]
fn a_conflict_is_reported_and_the_branch_kept() {
    let world = World::new();
    let user = world.checkout("user");
    let order = link_to(&user, "swift-fox");
    write(&world.prepare(&order, 1).directory, "readme.txt", "agent\n");
    let head = world.commit(&user, "readme.txt", "user\n");
    assert_eq!(world.finish(&order, 1), Conclusion::MergeConflict { files: vec!["readme.txt".to_owned()] });
    assert_eq!(world.git(&user, &["rev-parse", "main"]), head);
    assert_eq!(world.git(&user, &["status", "--porcelain"]), "");
    assert_eq!(world.show(&user, "swift-fox/do-it:readme.txt"), "agent");
    assert_eq!(world.show(&world.mirror(), "swift-fox/do-it:readme.txt"), "agent");
}

/// landing R3: where a rebase stumbles over a change that was taken back, a merge still lands.
#[test]
fn a_merge_is_tried_when_the_rebase_conflicts() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    world.commit(&directory, "readme.txt", "agent\n");
    world.commit(&directory, "readme.txt", "hello\n");
    world.commit(&directory, "a.txt", "work\n");
    let seed = world.path("seed");
    world.commit(&seed, "readme.txt", "user\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    done(&world.finish(&order, 1));
    assert_eq!(world.show(&remote, "main:readme.txt"), "user");
    assert_eq!(world.show(&remote, "main:a.txt"), "work");
}

/// landing R4: someone pushes between fetch and push; the third attempt at the latest succeeds, and what was verified is compared.
#[test]
fn a_push_race_is_run_again() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    let order = clone_of(&remote, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    let run = run_of(&order, 1);
    world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
    let Plan::Ready(landing) = world.rooms.plan_landing(&project(), &run.task, &order).unwrap() else { panic!() };
    assert!(!landing.moved_since_verified());
    world.commit(&seed, "theirs.txt", "x\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let Finish::Moved(moved) = world.rooms.finish_landing(landing, false).unwrap() else { panic!() };
    assert!(moved.moved_since_verified());
    let adopted = world.rooms.adopt_landing(moved, &run).unwrap();
    assert!(!adopted.moved_since_verified());
    let directory = world.rooms.task_directory(&project(), &run.task);
    assert_eq!(world.git(&directory, &["status", "--porcelain", "-b"]), "## swift-fox/do-it");
    assert_eq!((read(&directory, "theirs.txt"), read(&directory, "a.txt")), ("x\n".into(), "work\n".into()));
    let Finish::Concluded(conclusion) = world.rooms.finish_landing(adopted, false).unwrap() else { panic!() };
    let (commit, files, _) = done(&conclusion);
    assert_eq!(files, ["a.txt"]);
    assert_eq!(world.git(&remote, &["rev-parse", "main"]), commit);
    assert_eq!(world.git(&remote, &["rev-list", "--count", "main"]), "3");
}

/// landing R4: when every push is raced, the third one is the last.
#[test]
fn three_lost_races_are_a_failed_push() {
    let world = World::new();
    let remote = world.remote();
    hook(&remote, "update", "exit 0");
    // The hook plays the competitor: it moves the branch just before git does.
    let racer = "n=$(git rev-list --count main); t=$(git rev-parse main^{tree}); \
        c=$(git -c user.name=r -c user.email=r@r commit-tree -p main -m race-$n $t); unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main $c; exit 0";
    hook(&remote, "update", racer);
    let order = clone_of(&remote, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    let conclusion = world.finish(&order, 1);
    assert!(matches!(conclusion, Conclusion::PushFailed { .. }), "{conclusion:?}");
    assert_eq!(world.show(&world.mirror(), "swift-fox/do-it:a.txt"), "work");
    fs::remove_file(remote.join("hooks/update")).unwrap();
    done(&world.land(&order));
}

/// F-079: a remote that refuses leaves the default branch clean and the branch in the mirror; the same order may be given again.
#[test]
fn a_refused_push_keeps_the_work() {
    let world = World::new();
    let remote = world.remote();
    let head = world.git(&remote, &["rev-parse", "main"]);
    hook(&remote, "pre-receive", "echo no entry >&2; exit 1");
    let order = clone_of(&remote, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    let Conclusion::PushFailed { message } = world.finish(&order, 1) else { panic!() };
    assert!(message.contains("no entry") && message.contains("hook declined"), "{message}");
    assert_eq!(world.git(&remote, &["rev-parse", "main"]), head);
    assert_eq!(world.show(&world.mirror(), "swift-fox/do-it:a.txt"), "work");
    fs::remove_file(remote.join("hooks/pre-receive")).unwrap();
    done(&world.land(&order));
    assert_eq!(world.show(&remote, "main:a.txt"), "work");
}

/// I-23: a published branch is pushed with a lease, and deleted after landing; someone else's commit on it is not overwritten.
#[test]
fn a_published_branch_is_ours_only_as_we_left_it() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let run = run_of(&order, 1);
    write(&directory, "a.txt", "one\n");
    world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
    let first = world.rooms.publish_branch(&project(), &order).unwrap();
    assert_eq!(world.git(&remote, &["rev-parse", "swift-fox/do-it"]), first);
    world.prepare(&order, 2);
    world.git(&directory, &["commit", "-q", "--amend", "-m", "other words"]);
    world.rooms.commit_left_over(&project(), &run_of(&order, 2), &order, "t").unwrap();
    let second = world.rooms.publish_branch(&project(), &order).unwrap();
    assert_ne!(first, second);
    let main = world.git(&remote, &["rev-parse", "main"]);
    world.git(&remote, &["update-ref", "refs/heads/swift-fox/do-it", &main]);
    world.prepare(&order, 3);
    write(&directory, "a.txt", "two\n");
    world.rooms.commit_left_over(&project(), &run_of(&order, 3), &order, "t").unwrap();
    assert!(world.rooms.publish_branch(&project(), &order).is_err());
    world.git(&remote, &["update-ref", "refs/heads/swift-fox/do-it", &second]);
    done(&world.land(&order));
    assert_eq!(world.git(&remote, &["branch", "--format=%(refname:short)"]), "main");
}

/// KeepBranch: the branch is kept, visible in the checkout, and the default branch stays.
#[test]
fn a_kept_branch_is_visible() {
    let world = World::new();
    let user = world.checkout("user");
    let order = link_to(&user, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    let run = run_of(&order, 1);
    world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
    let (commit, files, pushed) = done(&world.rooms.land(&project(), &run.task, &order, LandMode::KeepBranch));
    assert_eq!((files, pushed), (vec!["a.txt".to_owned()], false));
    assert_eq!(world.git(&user, &["rev-parse", "swift-fox/do-it"]), commit);
    assert_eq!(world.git(&user, &["rev-list", "--count", "main"]), "1");
    done(&world.land(&order));
    assert_eq!(world.git(&user, &["rev-list", "--count", "main"]), "2");
}

/// landing R7: a task that is taken up again after it landed has landed nothing new.
#[test]
fn a_reopened_task_starts_afresh() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    write(&directory, "a.txt", "work\n");
    done(&world.finish(&order, 1));
    let prepared = world.prepare(&order, 2);
    assert!(prepared.reused && !prepared.dirty);
    assert_eq!(world.finish(&order, 2), Conclusion::NothingToDo);
    world.prepare(&order, 3);
    write(&directory, "b.txt", "more\n");
    assert_eq!(done(&world.finish(&order, 3)).1, ["b.txt"]);
}

/// An empty remote gets its first commit with the first landing.
#[test]
fn an_empty_remote_is_landed_on() {
    let world = World::new();
    let remote = world.path("empty.git");
    world.git(world.root.path(), &["init", "-q", "--bare", remote.to_str().unwrap()]);
    let order = clone_of(&remote, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    let (commit, ..) = done(&world.finish(&order, 1));
    assert_eq!(world.git(&remote, &["rev-parse", "main"]), commit);
    let second = clone_of(&remote, "calm-owl");
    let directory = world.prepare(&second, 1).directory;
    assert_eq!(read(&directory, "a.txt"), "work\n");
}

/// Git R8, landing R5: a linked checkout whose head is detached keeps head and files; the work lands on its branch beside it.
#[test]
fn a_detached_head_stays_where_it_is() {
    let world = World::new();
    let user = world.checkout("user");
    world.git(&user, &["checkout", "-q", "--detach"]);
    let before = world.git(&user, &["rev-parse", "HEAD"]);
    let order = WorkspaceOrder { default_branch: "main".into(), ..link_to(&user, "swift-fox") };
    write(&world.prepare(&order, 1).directory, "new.txt", "work\n");
    let (commit, ..) = done(&world.finish(&order, 1));
    assert_eq!(world.git(&user, &["rev-parse", "main"]), commit);
    assert_eq!(world.git(&user, &["rev-parse", "HEAD"]), before);
    assert_eq!((world.git(&user, &["status", "--porcelain"]), user.join("new.txt").exists()), (String::new(), false));
}
