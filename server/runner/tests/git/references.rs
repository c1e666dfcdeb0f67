//! What steps need of a mirror's references, and that what they remember of them is never older than the mirror.

use std::fs;

use super::world::{World, clone_of, done, link_to, project, read, run_of, write};

/// Workspaces R11: a branch of the source that went and one that came are noticed, also when there are as many as before, and nothing is fetched for
/// branches that are the same.
#[test]
fn branches_that_come_and_go_are_noticed() {
    let world = World::new();
    let source = world.checkout("source");
    for branch in ["one", "two"] {
        world.git(&source, &["branch", branch]);
    }
    let branches = || world.git(&world.mirror(), &["for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin"]);
    let mut tasks = ["calm-owl", "brave-elk", "quiet-hare", "bold-lynx", "wise-crow"].into_iter();
    let mut prepare = || drop(world.prepare(&link_to(&source, tasks.next().unwrap()), 1));
    prepare();
    assert_eq!(branches(), "HEAD\nmain\none\ntwo");
    world.git(&source, &["branch", "-D", "-q", "two"]);
    world.git(&source, &["branch", "three"]);
    prepare();
    assert_eq!(branches(), "HEAD\nmain\none\nthree");
    world.git(&source, &["branch", "-D", "-q", "one"]);
    prepare();
    assert_eq!(branches(), "HEAD\nmain\nthree");
    // A fetch would bring the tag.
    world.git(&source, &["tag", "unseen"]);
    prepare();
    assert_eq!(world.git(&world.mirror(), &["tag"]), "");
    // Another program made a branch in the mirror that the source does not have: it goes when the source's branches change next.
    world.git(&world.mirror(), &["update-ref", "refs/remotes/origin/stray", "refs/remotes/origin/main"]);
    world.git(&source, &["branch", "four"]);
    prepare();
    assert_eq!((branches().as_str(), world.git(&world.mirror(), &["tag"]).as_str()), ("HEAD\nfour\nmain\nthree", "unseen"));
}

/// Workspaces R11: each directory has the tags that the last fetch brought, new, moved and removed ones.
#[test]
fn tags_are_those_of_the_last_fetch() {
    let world = World::new();
    let source = world.checkout("source");
    world.git(&source, &["tag", "v1"]);
    let tags = |task: &str| {
        let directory = world.prepare(&link_to(&source, task), 1).directory;
        world.git(&directory, &["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/tags"])
    };
    let first = world.git(&source, &["rev-parse", "HEAD"]);
    assert_eq!([tags("calm-owl"), tags("brave-elk")], [format!("v1 {first}"), format!("v1 {first}")]);
    let second = world.commit(&source, "more.txt", "x\n");
    world.git(&source, &["tag", "v2"]);
    assert_eq!(tags("quiet-hare"), format!("v1 {first}\nv2 {second}"));
    let third = world.commit(&source, "more.txt", "y\n");
    world.git(&source, &["tag", "-f", "v2"]);
    world.git(&source, &["tag", "-d", "v1"]);
    assert_eq!(tags("bold-lynx"), format!("v2 {third}"));
}

/// Workspaces R11: what git programs do to references beside us, packing them, writing and deleting them, is seen by the step that follows.
#[test]
fn what_others_do_to_references_is_seen() {
    let world = World::new();
    let (remote, mirror) = (world.remote(), world.mirror());
    let order = clone_of(&remote, "swift-fox");
    let held = "refs/aq/held/swift-fox";
    for number in 1..4 {
        let directory = world.prepare(&order, number).directory;
        write(&directory, "work.txt", &format!("{number}\n"));
        world.rooms.commit_left_over(&project(), &run_of(&order, number), &order, "Do the work").unwrap();
        world.git(&mirror, &["pack-refs", "--all"]);
        assert_eq!(world.git(&mirror, &["rev-parse", held]), world.git(&mirror, &["rev-parse", &order.branch]));
    }
    // A run's settling is forgotten when the next begins, packed or not, whichever run it was of.
    world.git(&mirror, &["update-ref", "refs/aq/concluded/swift-fox/1", held]);
    world.prepare(&order, 4);
    assert_eq!(world.git(&mirror, &["for-each-ref", "refs/aq/concluded"]), "");
    let (commit, ..) = done(&world.finish(&order, 4));
    assert_eq!(world.git(&remote, &["rev-parse", "main"]), commit);
    assert_eq!(world.git(&mirror, &["rev-parse", "refs/aq/landed/swift-fox/tip"]), commit);
    world.assert_whole();
}

/// Workspaces R11: neither preparing a run nor committing its work reads all the references that are packed; where it did, it would fail here.
#[test]
fn steps_do_not_read_all_references() {
    let world = World::new();
    let source = world.checkout("source");
    world.prepare(&link_to(&source, "calm-owl"), 1);
    world.git(&world.mirror(), &["pack-refs", "--all"]);
    let packed = world.mirror().join("packed-refs");
    let whole = fs::read_to_string(&packed).unwrap();
    fs::write(&packed, format!("{whole}not a reference\n")).unwrap();
    let mirror = git2::Repository::open_bare(world.mirror()).unwrap();
    assert!(mirror.references_glob("refs/aq/*").is_err(), "what reads all of them fails");
    let order = link_to(&source, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    write(&directory, "work.txt", "done\n");
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "Do the work").unwrap();
    fs::write(&packed, whole).unwrap();
    done(&world.finish(&order, 1));
    assert_eq!(read(&source, "work.txt"), "done\n");
    world.assert_whole();
}

/// Workspaces R11: a branch whose name is in the way of another's is refused before anything is written, packed or not.
#[test]
fn names_that_are_in_the_way_are_refused() {
    let world = World::new();
    let source = world.checkout("source");
    let named = |task: &str, branch: &str| {
        let mut order = link_to(&source, task);
        branch.clone_into(&mut order.branch);
        order
    };
    world.prepare(&named("calm-owl", "feature"), 1);
    world.prepare(&named("brave-elk", "topic/one"), 1);
    for packed in [false, true] {
        if packed {
            world.git(&world.mirror(), &["pack-refs", "--all"]);
        }
        for (task, branch) in [("quiet-hare", "feature/one"), ("bold-lynx", "topic")] {
            let order = named(task, branch);
            let error = world.rooms.prepare(&project(), &run_of(&order, 1), &order).err().unwrap().to_string();
            assert!(error.contains(branch) && error.contains("exists"), "{error}");
        }
    }
    // A branch that a person named as a task is called is in the way of that task's own.
    world.prepare(&named("wise-crow", "quiet-hare"), 1);
    let own = link_to(&source, "quiet-hare");
    assert!(own.branch.starts_with("quiet-hare/"));
    assert!(world.rooms.prepare(&project(), &run_of(&own, 1), &own).is_err());
    let branches = world.git(&world.mirror(), &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]);
    assert_eq!(branches, "feature\nquiet-hare\ntopic/one");
}

/// Workspaces R11: a mirror that was removed while the server lives is made anew, and what was remembered of the old one leads nobody astray.
#[test]
fn a_mirror_that_was_removed_is_made_anew() {
    let world = World::new();
    let source = world.checkout("source");
    world.git(&source, &["tag", "v1"]);
    world.prepare(&link_to(&source, "calm-owl"), 1);
    fs::remove_dir_all(world.mirror()).unwrap();
    world.git(&source, &["tag", "-d", "v1"]);
    world.git(&source, &["tag", "v2"]);
    let order = link_to(&source, "brave-elk");
    let directory = world.prepare(&order, 1).directory;
    assert_eq!(world.git(&directory, &["tag"]), "v2");
    write(&directory, "work.txt", "done\n");
    done(&world.finish(&order, 1));
    assert_eq!(read(&source, "work.txt"), "done\n");
    world.assert_whole();
}
