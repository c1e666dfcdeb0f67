//! What is kept of a mirror and what goes: packing, unfinished packs, rescues that retention takes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;

use aq_core::runner_link::LandMode;
use aq_core::time::Timestamp;
use aq_runner::git::Rooms;

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

/// The packs of the mirror, and how many objects lie in files of their own.
fn kept(world: &World) -> (BTreeSet<String>, usize) {
    let objects = world.mirror().join("objects");
    let names = |folder: &Path| -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let loose = names(&objects).iter().filter(|name| name.len() == 2).map(|name| names(&objects.join(name)).len()).sum();
    (names(&objects.join("pack")).into_iter().filter(|name| name.ends_with(".pack")).collect(), loose)
}

/// A task that writes so many files, from its beginning to its landing; and its directory goes.
fn write_and_land(rooms: &Rooms, remote: &Path, task: &str, files: usize) -> bool {
    let order = clone_of(remote, task);
    let run = run_of(&order, 1);
    let directory = rooms.prepare(&project(), &run, &order).unwrap().directory;
    for number in 0..files {
        write(&directory, &format!("{task}/{number}.txt"), &format!("{task} {number}\n"));
    }
    rooms.commit_left_over(&project(), &run, &order, "Write files").unwrap();
    done(&rooms.land(&project(), &run.task, &order, LandMode::Merge));
    rooms.remove_task_dir(&project(), &run, &order.branch).unwrap();
    rooms.tidy(&project()).unwrap()
}

/// Workspaces R8: what came since the last packing becomes a pack of its own beside the large one; no object is dropped, whether a reference reaches it or not;
/// and a git that does not know how to do that packs what is new, and everything where too much is left.
#[test]
fn new_objects_are_packed_beside_the_old_ones() {
    let world = World::new();
    let remote = world.remote();
    assert!(write_and_land(&world.rooms, &remote, "swift-fox", 900));
    let (large, loose) = kept(&world);
    assert_eq!((large.len(), loose), (1, 0));
    fs::write(world.path("nobody"), "nobody refers to this").unwrap();
    let lost = world.git(&world.mirror(), &["hash-object", "-w", world.path("nobody").to_str().unwrap()]);
    assert!(!write_and_land(&world.rooms, &remote, "calm-owl", 100), "a few files are left as they are");
    assert!(write_and_land(&world.rooms, &remote, "brave-elk", 150));
    let (both, loose) = kept(&world);
    assert_eq!((both.len(), loose), (2, 0), "{both:?}");
    assert!(both.is_superset(&large), "the large one was not written again");
    assert_eq!(world.git(&world.mirror(), &["cat-file", "-p", &lost]), "nobody refers to this");
    world.assert_whole();

    let old = world.path("old-git");
    fs::write(&old, "#!/bin/sh\ncase \"$*\" in *--geometric*) echo 'error: unknown option' >&2; exit 129;; esac\nexec git \"$@\"\n")
        .unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    let old = world.another_git(&old);
    assert!(write_and_land(&old, &remote, "quiet-hare", 250));
    let (three, loose) = kept(&world);
    assert!(three.is_superset(&both) && three.len() == 3 && loose == 0, "{three:?}, {loose} files");
    let many: Vec<String> = (0..250).map(|number| format!("nobody-{number}")).collect();
    many.iter().for_each(|name| fs::write(world.path(name), name).unwrap());
    let paths: Vec<String> = many.iter().map(|name| world.path(name).to_str().unwrap().to_owned()).collect();
    world.git(&world.mirror(), &[&["hash-object", "-w"][..], &paths.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    assert!(old.tidy(&project()).unwrap());
    assert_eq!((kept(&world).0.len(), kept(&world).1), (1, 0));
    assert_eq!(world.git(&world.mirror(), &["cat-file", "-p", &lost]), "nobody refers to this");
    world.assert_whole();
}

/// Workspaces R8, git R6: packing again and again beside runs that begin, are collected and land, fails none of them and loses nothing of any.
#[test]
fn packing_beside_work_loses_nothing() {
    let world = World::new();
    let remote = world.remote();
    let names = [["swift-fox", "calm-owl", "brave-elk"], ["quiet-hare", "bold-lynx", "wise-crow"], ["keen-wolf", "warm-bear", "cool-seal"]];
    let packed: usize = thread::scope(|scope| {
        let lanes: Vec<_> = names
            .iter()
            .map(|tasks| scope.spawn(|| tasks.iter().filter(|task| write_and_land(&world.rooms, &remote, task, 120)).count()))
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert!(packed >= 2, "it was packed {packed} times");
    let files = world.git(&remote, &["ls-tree", "-r", "--name-only", "main"]);
    for task in names.as_flattened() {
        assert_eq!(files.lines().filter(|file| file.starts_with(&format!("{task}/"))).count(), 120, "{task}");
    }
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

/// Workspaces R8, retention R13: the notes of the tasks that are named go, packed or not, and nobody else's; a task whose branch is there keeps its own.
#[test]
fn notes_go_after_the_branch() {
    let world = World::new();
    let remote = world.remote();
    let tasks = ["swift-fox", "calm-owl", "brave-elk", "late-fly"].map(|task| clone_of(&remote, task));
    for (order, lands) in tasks.iter().zip([true, true, false, true]) {
        let directory = world.prepare(order, 1).directory;
        write(&directory, &format!("{}.txt", run_of(order, 1).task), "work\n");
        world.rooms.commit_left_over(&project(), &run_of(order, 1), order, "Work").unwrap();
        if lands {
            done(&world.land(order));
        }
        world.rooms.remove_task_dir(&project(), &run_of(order, 1), &order.branch).unwrap();
        world.git(&world.mirror(), &["pack-refs", "--all"]);
    }
    let [fox, owl, elk, fly] = tasks.each_ref().map(|order| run_of(order, 1).task);
    assert_eq!(world.rooms.noted(&project()).unwrap(), BTreeSet::from([fox.clone(), owl.clone(), elk.clone(), fly.clone()]));

    let branches = tasks.each_ref().map(|order| (run_of(order, 1).task, order.branch.clone()));
    // Somebody is writing one of them: all of them stay until the next look.
    let lock = world.mirror().join(format!("refs/aq/base/{owl}.lock"));
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    assert!(world.rooms.forget_notes(&project(), &branches[..3]).is_err());
    assert!(world.rooms.noted(&project()).unwrap().contains(&fox));
    fs::remove_file(&lock).unwrap();
    assert_eq!(world.rooms.forget_notes(&project(), &branches[..3]).unwrap(), [fox.clone(), owl]);
    assert_eq!(world.rooms.forget_notes(&project(), &branches[..3]).unwrap(), [], "they are gone");
    assert_eq!(world.rooms.noted(&project()).unwrap(), BTreeSet::from([elk, fly]));
    let left = world.git(&world.mirror(), &["for-each-ref", "--format=%(refname)"]);
    assert!(!left.contains(fox.as_str()), "{left}");
    assert!(left.contains("refs/heads/brave-elk/") && left.contains("refs/aq/landed/late-fly/tip"), "{left}");
    // Whoever takes the task up again begins anew.
    assert_eq!(read(&world.prepare(&tasks[0], 2).directory, "swift-fox.txt"), "work\n");
    world.assert_whole();
}
