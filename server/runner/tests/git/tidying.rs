//! What is kept of a mirror and what goes: packing, unfinished packs, rescues that retention takes.

use std::fs;

use aq_core::time::Timestamp;

use super::disasters::setup;
use super::world::{World, clone_of, done, project, read, run_of, write};

/// workspaces R1: repacking loses nothing, and the mirror goes on.
#[test]
fn a_tidied_mirror_goes_on() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    assert!(!world.rooms.tidy(&project()).unwrap());
    for n in 0..700 {
        write(&directory, &format!("f{n}.txt"), &format!("{n}\n"));
    }
    world.git(&directory, &["add", "-A"]);
    world.git(&directory, &["rm", "-q", "--cached", "f7.txt"]);
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "t").unwrap();
    assert!(world.rooms.tidy(&project()).unwrap());
    assert!(!world.rooms.tidy(&project()).unwrap());
    done(&world.land(&order));
    assert_eq!(read(&world.prepare(&clone_of(&world.path("remote.git"), "calm-owl"), 1).directory, "f7.txt"), "7\n");
    world.assert_whole();
}

/// git R12b: the next fetch removes the packs that a killed git did not finish.
#[test]
fn a_fetch_removes_unfinished_packs() {
    let world = World::new();
    let remote = world.remote();
    world.prepare(&clone_of(&remote, "swift-fox"), 1);
    let packs = world.mirror().join("objects/pack");
    fs::create_dir_all(&packs).unwrap();
    let left = ["tmp_pack_Xy12", ".tmp-77-pack-cd.pack"].map(|name| packs.join(name));
    for file in &left {
        fs::write(file, "half").unwrap();
    }
    world.commit(&world.path("seed"), "later.txt", "x\n");
    world.git(&world.path("seed"), &["push", "-q", "origin", "main"]);
    world.prepare(&clone_of(&remote, "calm-owl"), 1);
    assert_eq!(left.map(|file| file.exists()), [false, false]);
}

/// G21, workspaces R8: what retention may let go is what is older than its time and of a task that is over. Everything else an agent made stays reachable:
/// its landed work, its commits before the rebase, what it left beside them, in this run and in those before; and what did go can still be read by its id.
#[test]
fn retention_lets_go_of_nothing_else() {
    let (world, order) = setup(|world, dir| {
        write(dir, "stashed.txt", "OLD-STASH\n");
        world.git(dir, &["stash", "-q", "-u"]);
        world.commit(dir, "landed.txt", "LANDED-WORK\n");
        world.commit(dir, "dropped.txt", "OLD-DROPPED\n");
        world.git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
        write(dir, "beside.txt", "LEFT-BESIDE\n");
    });
    let task = run_of(&order, 1).task;
    world.prepare(&order, 2);
    // Somebody else lands meanwhile, so that the task's own commits are made anew on the way.
    world.commit(&world.path("seed"), "other.txt", "other\n");
    world.git(&world.path("seed"), &["push", "-q", "origin", "main"]);
    write(&world.rooms.task_directory(&project(), &task), "late.txt", "LATE-WORK\n");
    done(&world.finish(&order, 2));
    world.rooms.remove_task_dir(&project(), &run_of(&order, 2), &order.branch).unwrap();
    let marks = ["OLD-STASH", "LANDED-WORK", "OLD-DROPPED", "LEFT-BESIDE", "LATE-WORK"];
    let whole = world.reachable_text();
    assert!(marks.iter().all(|mark| whole.contains(mark)), "{whole}");
    let rescues = world.rooms.list_rescues(&project()).unwrap();
    let (oldest, late) = (rescues[0].clone(), Timestamp::from_millis(i64::MAX));

    // Not old enough; a task that is not over; the newest ones.
    assert!(world.rooms.prune_rescues(&project(), oldest.at, 0, |_| true).unwrap().is_empty());
    assert!(world.rooms.prune_rescues(&project(), late, 0, |of| *of != task).unwrap().is_empty());
    assert!(world.rooms.prune_rescues(&project(), late, rescues.len(), |_| true).unwrap().is_empty());
    assert_eq!(world.reachable_text(), whole);

    let gone = world.rooms.prune_rescues(&project(), late, 0, |of| *of == task).unwrap();
    assert_eq!(gone, rescues);
    let left = world.reachable_text();
    assert!(left.contains("LANDED-WORK") && left.contains("LATE-WORK"), "what landed is on the default branch: {left}");
    assert!(!left.contains("OLD-STASH"));
    world.rooms.tidy(&project()).unwrap();
    for rescue in &gone {
        assert_eq!(world.git(&world.mirror(), &["cat-file", "-t", &rescue.commit]), "commit", "no object was dropped");
    }
}

/// Workspaces R8: work that was merged elsewhere stays reachable, also when the same task is merged elsewhere once more from a new branch.
#[test]
fn work_merged_twice_stays_reachable() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    for (number, text) in [(1, "FIRST-WORK\n"), (2, "SECOND-WORK\n")] {
        let directory = world.prepare(&order, number).directory;
        write(&directory, "a.txt", text);
        let run = run_of(&order, number);
        world.rooms.commit_left_over(&project(), &run, &order, "Do the work").unwrap();
        world.rooms.retire(&project(), &run, &order).unwrap();
    }
    let text = world.reachable_text();
    assert!(text.contains("FIRST-WORK") && text.contains("SECOND-WORK"), "{text}");
}
