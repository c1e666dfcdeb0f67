//! Taking a landing's candidate into the directory, and what a kill in the middle of it leaves.

use std::fs;

use aq_runner::git::Plan;

use super::world::{World, clone_of, done, project, read, run_of, write};

/// git R13, landing R6: files that a kill tore while the candidate was laid into the directory are never checked and never taken for the agent's work.
#[test]
fn a_candidate_that_was_half_taken_in_is_taken_in_whole() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    let order = clone_of(&remote, "swift-fox");
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    let run = run_of(&order, 1);
    let left = world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
    world.commit(&seed, "theirs.txt", "x\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let plan = || match world.rooms.plan_landing(&project(), &run.task, &order).unwrap() {
        Plan::Ready(landing) => landing,
        Plan::Concluded(conclusion) => panic!("{conclusion:?}"),
    };
    let landing = plan();
    assert!(landing.moved_since_verified());
    let candidate = landing.candidate_commit();

    // What the kill leaves: the note, one file of the candidate torn, one not there yet, the branch where it was.
    world.git(&world.mirror(), &["update-ref", "refs/aq/moving/swift-fox", &candidate]);
    let directory = world.rooms.task_directory(&project(), &run.task);
    write(&directory, "a.txt", "");

    let again = world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
    assert_eq!((again.tip.as_str(), again.commit), (candidate.as_str(), None));
    assert_ne!(left.tip, candidate);
    assert_eq!((read(&directory, "theirs.txt"), read(&directory, "a.txt")), ("x\n".into(), "work\n".into()));
    assert_eq!(world.git(&directory, &["status", "--porcelain", "-b"]), "## swift-fox/do-it");
    assert_eq!(world.git(&world.mirror(), &["for-each-ref", "refs/aq/moving"]), "");
    assert!(!plan().moved_since_verified());
    done(&world.finish(&order, 1));
    assert_eq!(world.show(&remote, "main:a.txt"), "work");
}

/// git R13: the note goes when the candidate is taken in, with a directory and without one.
#[test]
fn a_candidate_that_was_taken_in_leaves_no_note() {
    for gone in [false, true] {
        let world = World::new();
        let remote = world.remote();
        let seed = world.path("seed");
        let order = clone_of(&remote, "swift-fox");
        let directory = world.prepare(&order, 1).directory;
        write(&directory, "a.txt", "work\n");
        let run = run_of(&order, 1);
        world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
        world.commit(&seed, "theirs.txt", "x\n");
        world.git(&seed, &["push", "-q", "origin", "main"]);
        let Plan::Ready(landing) = world.rooms.plan_landing(&project(), &run.task, &order).unwrap() else { panic!() };
        if gone {
            fs::remove_dir_all(&directory).unwrap();
        }
        world.rooms.adopt_landing(landing, &run).unwrap();
        assert_eq!(read(&directory, "theirs.txt"), "x\n");
        assert_eq!(world.git(&world.mirror(), &["for-each-ref", "refs/aq/moving"]), "");
    }
}
