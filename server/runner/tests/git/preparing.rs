//! Directories of runs: new ones, ones taken up again, and where they start.

use std::fs;
use std::path::Path;
use std::process::Command;

use aq_core::runner_link::{Conclusion, WorkspaceSource};
use aq_runner::git::Removed;

use super::world::{World, clone_of, done, link_to, order, project, read, run_of, write};

/// F-063: a new branch at the tip of the source's default branch, in a repository of its own.
#[test]
fn a_new_directory_stands_on_the_default_branch() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    world.prepare(&clone_of(&remote, "first-one"), 1);
    let tip = world.commit(&seed, "later.txt", "x\n");
    world.git(&seed, &["tag", "v1"]);
    world.git(&seed, &["push", "-q", "origin", "main", "v1"]);
    let prepared = world.prepare(&clone_of(&remote, "swift-fox"), 1);
    assert_eq!((prepared.base_commit.as_str(), prepared.tip.as_str()), (tip.as_str(), tip.as_str()));
    let directory = &prepared.directory;
    assert_eq!(world.git(directory, &["rev-parse", "--show-toplevel"]), fs::canonicalize(directory).unwrap().to_str().unwrap());
    assert_eq!(world.git(directory, &["remote"]), "");
    assert_eq!(world.git(directory, &["describe", "--tags"]), "v1");
    assert_eq!(world.git(directory, &["rev-parse", "origin/main", "main"]), format!("{tip}\n{tip}"));
    world.git(directory, &["fsck", "--strict"]);
    assert!(!directory.join(".git/objects/info/alternates").exists());
}

/// workspaces R3: what an agent does to its object files does not reach the mirror.
#[test]
fn objects_are_copies() {
    use std::os::unix::fs::MetadataExt;
    let world = World::new();
    let prepared = world.prepare(&clone_of(&world.remote(), "swift-fox"), 1);
    let mut folders = vec![prepared.directory.join(".git/objects")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                assert_eq!(entry.metadata().unwrap().nlink(), 1);
            }
        }
    }
}

/// seed situation "retry, branch exists, no conflict": rebased, work kept, directory kept with its ignored files.
#[test]
fn a_retry_is_rebased() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    write(&seed, ".gitignore", "cache/\n");
    world.commit(&seed, "old.txt", "x\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    world.commit(&directory, "a.txt", "work\n");
    write(&directory, "cache/big", "kept\n");
    fs::remove_file(seed.join("old.txt")).unwrap();
    let tip = world.commit(&seed, "theirs.txt", "x\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let prepared = world.prepare(&order, 2);
    assert!(prepared.reused && !prepared.dirty && prepared.warnings.is_empty(), "{prepared:?}");
    assert_eq!(prepared.base_commit, tip);
    assert_eq!(world.git(&directory, &["log", "--format=%s"]), "change a.txt\nchange theirs.txt\nchange old.txt\nchange readme.txt");
    assert_eq!(world.git(&directory, &["status", "--porcelain"]), "");
    assert!(directory.join("theirs.txt").exists() && !directory.join("old.txt").exists());
    assert_eq!(read(&directory, "cache/big"), "kept\n");
    done(&world.finish(&order, 2));
}

/// git R13, workspaces R5a: a retry whose rebase was cut short by a kill, after its branch had moved and before its directory showed it, is finished. It was
/// once taken for another step of the plan that had moved the branch on, and the directory went into the quarantine.
#[test]
fn a_rebase_that_was_cut_short_is_finished() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let first = world.git(&directory, &["rev-parse", "HEAD"]);
    world.commit(&directory, "a.txt", "work\n");
    world.commit(&seed, "theirs.txt", "x\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let before = world.path("before.git");
    copy(&directory.join(".git"), &before);
    let moved = world.prepare(&order, 2).tip;

    // What the kill leaves: the files and the branch have moved, the note of the move stands, everything after it was not done.
    fs::remove_dir_all(directory.join(".git")).unwrap();
    fs::rename(&before, directory.join(".git")).unwrap();
    world.git(&world.mirror(), &["update-ref", "refs/aq/moving/swift-fox", &moved]);
    world.git(&world.mirror(), &["update-ref", "refs/aq/held/swift-fox", &first]);

    let again = world.prepare(&order, 2);
    assert!(again.reused && !again.dirty && again.warnings.is_empty(), "{again:?}");
    assert_eq!(again.tip, moved);
    assert_eq!(world.git(&directory, &["status", "--porcelain"]), "");
    assert!(!world.path("home/quarantine").exists());
    done(&world.finish(&order, 2));
}

/// workspaces R5a: the same for a commit of what an agent left: the branch has it, the directory does not show it yet.
#[test]
fn a_commit_that_was_cut_short_is_made_again() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    write(&directory, "a.txt", "work\n");
    let before = world.path("before.git");
    copy(&directory.join(".git"), &before);
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "Do the work").unwrap();
    fs::remove_dir_all(directory.join(".git")).unwrap();
    fs::rename(&before, directory.join(".git")).unwrap();
    world.git(&world.mirror(), &["update-ref", "-d", "refs/aq/concluded/swift-fox/1"]);

    let again = world.prepare(&order, 2);
    assert!(again.reused && again.dirty, "{again:?}");
    assert!(!world.path("home/quarantine").exists());
    done(&world.finish(&order, 2));
    assert_eq!(world.show(&world.path("remote.git"), "main:a.txt"), "work");
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// seed situation "retry, conflict": the branch is unchanged and the agent starts, with a warning.
#[test]
fn a_retry_in_conflict_is_left_as_it_is() {
    let world = World::new();
    let user = world.checkout("user");
    let order = link_to(&user, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let tip = world.commit(&directory, "readme.txt", "agent\n");
    world.commit(&user, "readme.txt", "user\n");
    let prepared = world.prepare(&order, 2);
    assert_eq!(prepared.tip, tip);
    assert!(prepared.warnings.iter().any(|text| text.contains("readme.txt")), "{prepared:?}");
    assert_eq!(world.git(&directory, &["status", "--porcelain", "-b"]), "## swift-fox/do-it");
    assert_eq!(read(&directory, "readme.txt"), "agent\n");
}

/// F-083, workspaces R5a: a step that is tried again after another one moved their branch on joins its work to it; what does not fit is set aside, and
/// in no case is the other's work lost from the branch.
#[test]
fn a_retried_step_never_sets_the_branch_back() {
    for (file, text, joins) in [("c.txt", "three\n", true), ("a.txt", "other\n", false)] {
        let world = World::new();
        let remote = world.remote();
        let first = clone_of(&remote, "swift-fox");
        // The first try commits something and fails: nothing concludes it.
        let directory = world.prepare(&first, 1).directory;
        world.commit(&directory, file, text);
        let mut second = clone_of(&remote, "calm-owl");
        let run = run_of(&second, 1);
        second.branch.clone_from(&first.branch);
        let other = world.rooms.prepare(&project(), &run, &second).unwrap();
        world.commit(&other.directory, "a.txt", "one\n");
        world.rooms.commit_left_over(&project(), &run, &second, "two").unwrap();
        let again = world.prepare(&first, 2);
        assert_eq!(read(&again.directory, "a.txt"), "one\n", "{file}");
        assert_eq!(world.show(&world.mirror(), &format!("{}:a.txt", first.branch)), "one");
        assert_eq!((again.reused, again.directory.join("c.txt").exists()), (joins, joins), "{again:?}");
        assert_eq!(again.warnings.iter().any(|text| text.contains("does not fit")), !joins, "{again:?}");
        assert!(world.reachable_text().contains(text), "nothing is lost");
        done(&world.finish(&first, 2));
        world.assert_whole();
    }
}

/// workspaces R4: chained steps share the parent's branch, each in a directory of its own.
#[test]
fn a_chained_step_starts_from_its_parents_branch() {
    let world = World::new();
    let remote = world.remote();
    let first = clone_of(&remote, "swift-fox");
    write(&world.prepare(&first, 1).directory, "a.txt", "one\n");
    world.rooms.commit_left_over(&project(), &run_of(&first, 1), &first, "one").unwrap();
    let mut second = clone_of(&remote, "calm-owl");
    let run = run_of(&second, 1);
    second.branch.clone_from(&first.branch);
    let prepared = world.rooms.prepare(&project(), &run, &second).unwrap();
    assert_eq!(read(&prepared.directory, "a.txt"), "one\n");
    write(&prepared.directory, "b.txt", "two\n");
    world.rooms.commit_left_over(&project(), &run, &second, "two").unwrap();
    // The first step's directory goes while the branch is ahead of it: the branch stays where it is.
    let tip = prepared_tip(&world, &second.branch);
    world.rooms.remove_task_dir(&project(), &run_of(&first, 1), &first.branch).unwrap();
    assert_eq!(prepared_tip(&world, &second.branch), tip);
    let conclusion = world.rooms.land(&project(), &run.task, &second, aq_core::runner_link::LandMode::Merge);
    assert_eq!(done(&conclusion).1, ["a.txt", "b.txt"]);
    assert!(world.rooms.list_rescues(&project()).unwrap().is_empty());
}

fn prepared_tip(world: &World, branch: &str) -> String {
    world.git(&world.mirror(), &["rev-parse", &format!("refs/heads/{branch}")])
}

/// git R9: repeating the conclusion of a run does not take leavings of its test commands for work.
#[test]
fn a_conclusion_is_repeatable() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let run = run_of(&order, 1);
    write(&directory, "a.txt", "work\n");
    let first = world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
    assert!(first.commit.is_some());
    write(&directory, "coverage.out", "junk\n");
    let again = world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
    assert_eq!((again.tip, again.commit), (first.tip, None));
    let conclusion = world.land(&order);
    assert_eq!(done(&conclusion).1, ["a.txt"]);
    assert_eq!(world.finish(&order, 1), conclusion);
    // The next run finds them, as uncommitted work.
    assert!(world.prepare(&order, 2).dirty);
}

/// seed situation "branch only on remote".
#[test]
fn a_branch_of_the_remote_is_taken_up() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    world.git(&seed, &["checkout", "-q", "-b", "swift-fox/do-it"]);
    let tip = world.commit(&seed, "a.txt", "earlier\n");
    world.git(&seed, &["push", "-q", "origin", "swift-fox/do-it"]);
    assert_eq!(world.prepare(&clone_of(&remote, "swift-fox"), 1).tip, tip);
}

/// F-065: a free path becomes a repository with a first commit, and then works like a link.
#[test]
fn init_makes_a_repository() {
    let world = World::new();
    let path = world.path("fresh/project");
    let order = order(WorkspaceSource::Init { path: path.to_str().unwrap().to_owned() }, "swift-fox");
    assert_eq!(world.rooms.inspect(&order.source).unwrap().head, None);
    let prepared = world.prepare(&order, 1);
    write(&prepared.directory, "a.txt", "work\n");
    done(&world.finish(&order, 1));
    assert_eq!(read(&path, "a.txt"), "work\n");
    assert_eq!(world.git(&path, &["log", "--format=%s"]), "agent: Do the work\nInitial commit");
    assert_eq!(world.git(&path, &["status", "--porcelain"]), "");
}

/// seed situation "repo default `master`", and a project that names another branch.
#[test]
fn the_default_branch_is_found_or_given() {
    let world = World::new();
    let user = world.checkout("user");
    world.git(&user, &["branch", "-m", "main", "master"]);
    world.git(&user, &["branch", "release"]);
    let mut order = link_to(&user, "swift-fox");
    assert_eq!(world.prepare(&order, 1).default_branch, "master");
    order.default_branch = "release".to_owned();
    write(&world.prepare(&order, 2).directory, "a.txt", "work\n");
    done(&world.finish(&order, 2));
    assert_eq!(world.show(&user, "release:a.txt"), "work");
    order.default_branch = "gone".to_owned();
    let error = world.rooms.prepare(&project(), &run_of(&order, 3), &order).unwrap_err();
    assert!(error.to_string().contains("no branch `gone`"), "{error}");
}

/// git, failures: without the source a later run starts from the mirror with a warning, and landing is an error that may be repeated.
#[test]
fn a_source_that_is_away_later_is_a_warning() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    let unreachable = world.path("away.git");
    world.prepare(&clone_of(&remote, "first-one"), 1);
    fs::rename(remote.join("objects"), &unreachable).unwrap();
    fs::create_dir(remote.join("objects")).unwrap();
    write(&world.path("seed"), "x", "y");
    let tip = world.commit(&world.path("seed"), "x", "z");
    fs::write(remote.join("refs/heads/main"), format!("{tip}\n")).unwrap();
    let prepared = world.prepare(&order, 1);
    assert!(prepared.warnings.iter().any(|text| text.contains("could not be fetched")), "{prepared:?}");
    write(&prepared.directory, "a.txt", "work\n");
    assert!(matches!(world.finish(&order, 1), Conclusion::Error { .. }));
}

/// git, failures: a first fetch that fails leaves nothing behind.
#[test]
fn a_first_fetch_that_fails_leaves_nothing() {
    let world = World::new();
    let mut order = clone_of(&world.path("nowhere"), "swift-fox");
    let error = world.rooms.prepare(&project(), &run_of(&order, 1), &order).unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert!(!world.mirror().exists());
    order.source = WorkspaceSource::Clone { url: world.remote().display().to_string() };
    world.prepare(&order, 1);
}

/// workspaces R7: a landed task's directory goes, and the branch does not come back.
#[test]
fn a_landed_directory_is_removed() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    write(&directory, "a.txt", "work\n");
    done(&world.finish(&order, 1));
    let removed = world.rooms.remove_task_dir(&project(), &run_of(&order, 1), &order.branch).unwrap();
    assert_eq!(removed, Removed::Gone { rescue: None });
    assert!(!directory.exists());
    assert_eq!(world.git(&world.mirror(), &["for-each-ref", "refs/heads"]), "");
    assert_eq!(world.rooms.remove_task_dir(&project(), &run_of(&order, 1), &order.branch).unwrap(), Removed::Absent);
}

/// Odd names: spaces, Unicode, quotes, a leading dash, a newline; modes and links survive.
#[test]
fn odd_names_survive() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = World::new();
    let user = world.checkout("user dir ü");
    let mut order = link_to(&user, "köln-fuchs");
    order.branch = "köln-fuchs/straße".to_owned();
    let run = run_of(&order, 1);
    let directory = world.rooms.prepare(&project(), &run, &order).unwrap().directory;
    let names = ["a b", "日本語.txt", "qu\"ote", "-rf", "new\nline", "*", ":(glob)x", "sub/.hidden"];
    for name in names {
        write(&directory, name, name);
    }
    fs::set_permissions(directory.join("a b"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("readme.txt", directory.join("link")).unwrap();
    world.rooms.commit_left_over(&project(), &run, &order, "Naïve\n\ntitle: 日本").unwrap();
    done(&world.land(&order));
    for name in names {
        assert_eq!(read(&user, name), name);
    }
    assert_eq!(world.git(&user, &["ls-files", "-s", "a b"]).get(..6), Some("100755"));
    assert_eq!(fs::read_link(user.join("link")).unwrap().to_str(), Some("readme.txt"));
    assert_eq!(world.git(&user, &["log", "-1", "--format=%s"]), "agent: Naïve title: 日本");
}

/// G of `reference/performance.md`: the quick path of a small repository stays quick even on a busy machine.
#[test]
fn preparing_again_needs_no_git_program() {
    let world = World::new();
    let user = world.checkout("user");
    world.prepare(&link_to(&user, "first-one"), 1);
    // With a program that cannot run, only the paths that need none succeed.
    let identity = aq_runner::git::Identity { name: "n".to_owned(), email: "e@e".to_owned() };
    let program = aq_runner::git::GitProgram { path: "/nowhere/git".into(), ..aq_runner::git::GitProgram::default() };
    let clock = std::sync::Arc::new(|| aq_core::time::Timestamp::from_millis(1_700_000_000_000));
    let rooms = aq_runner::git::Rooms::new(world.path("home"), identity, program, clock);
    let order = link_to(&user, "swift-fox");
    let prepared = rooms.prepare(&project(), &run_of(&order, 1), &order).unwrap();
    assert!(prepared.warnings.is_empty());
    write(&prepared.directory, "a.txt", "work\n");
    rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "t").unwrap();
    done(&rooms.land(&project(), &run_of(&order, 1).task, &order, aq_core::runner_link::LandMode::Merge));
}
