//! What is refused at registration, with which sentence, and what is found out.

use std::fs;

use aq_core::runner_link::WorkspaceSource;
use aq_runner::git::{FileChange, GitError, GitProgram};

use super::world::{World, clone_of, link_to, order, project, run_of, write};

#[track_caller]
fn refused(world: &World, source: &WorkspaceSource, words: &str) {
    let error = world.rooms.inspect(source).unwrap_err();
    assert!(matches!(error, GitError::Refused(_)), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.to_string().contains('\n'));
}

fn link(path: &std::path::Path) -> WorkspaceSource {
    WorkspaceSource::Link { path: path.display().to_string() }
}

/// git R3: each refusal is a sentence with a remedy.
#[test]
fn unusable_repositories_are_refused_with_a_sentence() {
    let world = World::new();
    let user = world.checkout("user");
    refused(&world, &link(&world.path("nowhere")), "does not exist");
    fs::create_dir(world.path("plain")).unwrap();
    refused(&world, &link(&world.path("plain")), "is not a git repository; run `git init`");
    fs::create_dir(user.join("sub")).unwrap();
    refused(&world, &link(&user.join("sub")), "is a folder inside the repository");
    fs::create_dir(world.path("empty")).unwrap();
    world.git(&world.path("empty"), &["init", "-q"]);
    refused(&world, &link(&world.path("empty")), "has no commits yet");
    fs::create_dir(world.path("sha")).unwrap();
    world.git(&world.path("sha"), &["init", "-q", "--object-format=sha256"]);
    refused(&world, &link(&world.path("sha")), "uses SHA-256 object names");
    fs::create_dir(world.path("reftable")).unwrap();
    world.git(&world.path("reftable"), &["init", "-q", "--ref-format=reftable"]);
    refused(&world, &link(&world.path("reftable")), "uses reftable storage");
    let shallow = world.path("shallow");
    world.commit(&user, "b.txt", "x");
    world.git(world.root.path(), &["clone", "-q", "--depth=1", &format!("file://{}", user.display()), shallow.to_str().unwrap()]);
    refused(&world, &link(&shallow), "git fetch --unshallow");
    for url in ["-x", "ext::sh -c id", "http://h/x", "../x", "--upload-pack=touch x"] {
        refused(&world, &WorkspaceSource::Clone { url: url.to_owned() }, "is not accepted");
    }
    refused(&world, &WorkspaceSource::Link { path: "/a/../b".to_owned() }, "`..`");
    refused(&world, &WorkspaceSource::Init { path: world.path("plain").join("x").join("..").display().to_string() }, "`..`");
}

/// git R7: filters are refused at registration, and when they come later.
#[test]
fn filters_are_refused() {
    let world = World::new();
    let user = world.checkout("user");
    let order = link_to(&user, "swift-fox");
    world.prepare(&order, 1);
    write(&user, "assets/.gitattributes", "*.bin filter=lfs diff=lfs\n");
    world.commit(&user, "x", "y");
    refused(&world, &order.source, "`assets/.gitattributes` sets the filter `lfs`");
    let error = world.rooms.prepare(&project(), &run_of(&order, 2), &order).unwrap_err();
    assert!(error.to_string().contains("filter `lfs`"), "{error}");
}

/// git R8: facts of usable repositories.
#[test]
fn facts_are_found() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    let facts = world.rooms.inspect(&clone_of(&remote, "x").source).unwrap();
    assert_eq!((facts.default_branch.as_str(), facts.has_remote), ("main", true));
    assert_eq!(facts.head, Some(world.git(&seed, &["rev-parse", "HEAD"])));
    world.git(&seed, &["checkout", "-q", "--detach"]);
    let facts = world.rooms.inspect(&link(&seed)).unwrap();
    assert_eq!((facts.default_branch.as_str(), facts.has_remote), ("main", false));
    world.git(&seed, &["branch", "-m", "main", "odd"]);
    assert_eq!(world.rooms.inspect(&link(&seed)).unwrap().default_branch, "odd");
    let free = order(WorkspaceSource::Init { path: world.path("new").display().to_string() }, "x");
    assert_eq!(world.rooms.inspect(&free.source).unwrap().head, None);
    assert!(!world.path("new").exists());
}

/// git R11, D-46: the diff is the branch's own, not the default branch's newer commits reversed.
#[test]
fn diffs_are_three_dot() {
    let world = World::new();
    let user = world.checkout("user");
    let order = link_to(&user, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    write(&directory, "new.txt", "one\ntwo\n");
    fs::rename(directory.join("readme.txt"), directory.join("moved.txt")).unwrap();
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "t").unwrap();
    world.commit(&user, "theirs.txt", "x");
    world.prepare(&link_to(&user, "calm-owl"), 1);
    let files = world.rooms.changed_files(&project(), "origin/main", "swift-fox/do-it").unwrap();
    let found: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.change)).collect();
    assert_eq!(found, [("moved.txt", FileChange::Renamed), ("new.txt", FileChange::Added)]);
    let (text, cut) = world.rooms.diff(&project(), "origin/main", "swift-fox/do-it", 10_000).unwrap();
    assert!(text.contains("+one\n+two\n") && !text.contains("theirs") && !cut, "{text}");
    assert!(world.rooms.diff(&project(), "origin/main", "swift-fox/do-it", 60).unwrap().1);
    assert!(matches!(world.rooms.diff(&project(), "origin/main", "gone", 60), Err(GitError::Unknown { .. })));
}

/// git, failures: a machine without git says so.
#[test]
fn a_missing_git_program_is_named() {
    let world = World::new();
    let user = world.checkout("user");
    let identity = aq_runner::git::Identity { name: "n".to_owned(), email: "e@e".to_owned() };
    let program = GitProgram { path: "/nowhere/git".into(), ..GitProgram::default() };
    let clock = std::sync::Arc::new(|| aq_core::time::Timestamp::from_millis(0));
    let rooms = aq_runner::git::Rooms::new(world.path("home"), identity, program, clock);
    let order = link_to(&user, "swift-fox");
    let error = rooms.prepare(&project(), &run_of(&order, 1), &order).unwrap_err();
    assert!(error.to_string().contains("`/nowhere/git` was not found; install git"), "{error}");
}

/// git R2: names of branches are checked before anything is done with them.
#[test]
fn bad_branch_names_are_refused() {
    let world = World::new();
    let user = world.checkout("user");
    for branch in ["main", "-x", "a b", "x/", "HEAD"] {
        let mut order = link_to(&user, "swift-fox");
        let run = run_of(&order, 1);
        order.branch = branch.to_owned();
        let error = world.rooms.prepare(&project(), &run, &order).unwrap_err();
        assert!(matches!(error, GitError::BranchName { .. }), "{branch}: {error}");
    }
}
