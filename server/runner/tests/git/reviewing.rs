//! Directories of runs that only look: whatever they change is saved and put aside (workspaces R10, F-084).

use std::fs;

use aq_core::runner_link::LandMode;

use super::world::{World, clone_of, done, project, read, run_of, write};

/// workspaces R10, F-084: files, new files and commits of a reviewer go aside under a rescue reference; the branch and the directory are as they were, and
/// the work lands without them.
#[test]
fn what_a_reviewer_changes_goes_aside() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    write(&directory, "a.txt", "work\n");
    let kept = world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "Do it").unwrap().tip;
    write(&directory, "report.xml", "what the tests left\n");
    let review = run_of(&order, 2);
    assert_eq!(world.rooms.put_back(&project(), &review, &order).unwrap().as_deref(), Some(kept.as_str()));
    assert!(!directory.join("report.xml").exists());
    let prepared = world.prepare(&order, 2);
    assert_eq!((prepared.tip.as_str(), prepared.dirty), (kept.as_str(), false));
    world.commit(&directory, "a.txt", "mended by the reviewer\n");
    write(&directory, "readme.txt", "scribbled\n");
    write(&directory, "notes/judge.md", "looks bad\n");
    for _ in 0..2 {
        assert_eq!(world.rooms.settle_review(&project(), &review, &order).unwrap(), kept, "repeating it changes nothing");
        assert_eq!((read(&directory, "a.txt").as_str(), read(&directory, "readme.txt").as_str()), ("work\n", "hello\n"));
        assert!(!directory.join("notes").exists());
        assert_eq!(world.git(&directory, &["status", "--porcelain"]), "");
        assert_eq!(world.git(&directory, &["rev-parse", "HEAD"]), kept);
    }
    let saved = world.reachable_text();
    for text in ["mended by the reviewer", "scribbled", "looks bad", "what the tests left"] {
        assert!(saved.contains(text), "{text}");
    }
    let (_, files, pushed) = done(&world.rooms.land(&project(), &review.task, &order, LandMode::Merge));
    assert_eq!((files, pushed), (vec!["a.txt".to_owned()], true));
    assert_eq!(world.show(&remote, "main:a.txt"), "work");
    world.assert_whole();
}

/// workspaces R10: a half-done merge of a reviewer is undone after a rescue; a directory that cannot be read safely is quarantined whole, and the next run
/// starts from the branch; where there is nothing to put back nothing happens.
#[test]
fn odd_leavings_are_survived() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    assert_eq!(world.rooms.put_back(&project(), &run_of(&order, 1), &order).unwrap(), None, "there is no mirror yet");
    let directory = world.prepare(&order, 1).directory;
    write(&directory, "a.txt", "work\n");
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "Do it").unwrap();
    world.prepare(&order, 2);
    world.git(&directory, &["checkout", "-q", "-b", "other", "HEAD~1"]);
    world.commit(&directory, "a.txt", "theirs\n");
    world.git(&directory, &["checkout", "-q", "swift-fox/do-it"]);
    assert!(!world.try_git(&directory, &["merge", "other"]).status.success());
    world.rooms.put_back(&project(), &run_of(&order, 2), &order).unwrap();
    assert_eq!((read(&directory, "a.txt").as_str(), world.git(&directory, &["status", "--porcelain"]).as_str()), ("work\n", ""));
    assert!(!directory.join(".git/MERGE_HEAD").exists() && world.reachable_text().contains("theirs"));
    fs::remove_dir_all(&directory).unwrap();
    let tip = world.rooms.put_back(&project(), &run_of(&order, 3), &order).unwrap();
    assert_eq!(Some(world.prepare(&order, 3).tip), tip, "made anew from the branch");
    assert_eq!(read(&directory, "a.txt"), "work\n");
}
