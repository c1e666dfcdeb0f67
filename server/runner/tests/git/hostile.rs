//! Hostile repositories and hostile run directories: no program of theirs ever runs, and nothing outside is read or written (G23, I-46).

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use aq_core::runner_link::Conclusion;

use super::world::{World, clone_of, done, link_to, project, run_of, write};

const HOOKS: [&str; 14] = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-merge",
    "pre-rebase",
    "post-rewrite",
    "pre-push",
    "reference-transaction",
    "post-index-change",
    "fsmonitor-watchman",
    "pre-auto-gc",
    "applypatch-msg",
];

/// Plants every known way to run a program into a repository; each would make `canary`.
fn plant(git: &Path, canary: &Path) {
    let script = git.join("evil.sh");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\ncat\n", canary.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(git.join("hooks")).unwrap();
    for hook in HOOKS {
        fs::copy(&script, git.join("hooks").join(hook)).unwrap();
    }
    let evil = script.display();
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {evil}\n\thooksPath = {hooks}\n\tsshCommand = {evil}\n\tpager = {evil}\n\teditor = {evil}\n\
         \taskPass = {evil}\n\tgitProxy = {evil}\n\talternateRefsCommand = {evil}\n\
         [filter \"evil\"]\n\tclean = {evil}\n\tsmudge = {evil}\n\tprocess = {evil}\n\trequired = true\n\
         [diff]\n\texternal = {evil}\n[diff \"evil\"]\n\ttextconv = {evil}\n\tcommand = {evil}\n[merge \"evil\"]\n\tdriver = {evil}\n\
         [uploadpack]\n\tpackObjectsHook = {evil}\n[credential]\n\thelper = !{evil}\n[gpg]\n\tprogram = {evil}\n[commit]\n\tgpgsign = true\n\
         [sequence]\n\teditor = {evil}\n[receive]\n\tprocReceiveRefs = refs\n[remote \"origin\"]\n\turl = ext::{evil}\n\tuploadpack = {evil}\n\treceivepack = {evil}\n\
         [url \"ext::{evil} \"]\n\tinsteadOf = /\n[protocol]\n\tallow = always\n[alias]\n\tfetch = !{evil}\n",
        hooks = git.join("hooks").display()
    );
    let path = git.join("config");
    let before = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, format!("{before}{config}")).unwrap();
    fs::create_dir_all(git.join("info")).unwrap();
    fs::write(git.join("info/attributes"), "* filter=evil diff=evil merge=evil\n").unwrap();
}

fn canary(world: &World) -> PathBuf {
    world.path("canary")
}

/// I-46: everything planted in a run's directory, through a whole life of a task.
#[test]
fn a_planted_run_directory_runs_nothing() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let run = run_of(&order, 1);
    write(&directory, "a.txt", "work\n");
    write(&directory, ".gitattributes", "*.x filter=evil diff=evil merge=evil\n");
    write(&directory, "b.x", "filtered?\n");
    plant(&directory.join(".git"), &canary(&world));
    world.rooms.commit_left_over(&project(), &run, &order, "t").unwrap();
    plant(&directory.join(".git"), &canary(&world));
    write(&directory, "c.txt", "more\n");
    let prepared = world.prepare(&order, 2);
    assert!(!prepared.directory.join(".git/evil.sh").exists());
    assert!(!world.git(&prepared.directory, &["config", "--list", "--local"]).contains("evil"));
    plant(&directory.join(".git"), &canary(&world));
    world.rooms.rescue(&project(), &run_of(&order, 2), &order.branch).unwrap();
    world.rooms.commit_left_over(&project(), &run_of(&order, 2), &order, "t").unwrap();
    let Conclusion::Error { message } = world.land(&order) else { panic!() };
    assert!(message.contains("`.gitattributes` sets the filter `evil`"), "{message}");
    fs::remove_file(directory.join(".gitattributes")).unwrap();
    world.prepare(&order, 3);
    done(&world.finish(&order, 3));
    world.rooms.changed_files(&project(), "origin/main", "origin/main").unwrap();
    plant(&directory.join(".git"), &canary(&world));
    world.rooms.remove_task_dir(&project(), &run, &order.branch).unwrap();
    assert!(!canary(&world).exists());
    assert_eq!(world.show(&world.path("remote.git"), "main:b.x"), "filtered?");
}

/// I-46: a linked checkout with everything planted; we read it, write its branch and its files, and run nothing of it.
#[test]
fn a_planted_checkout_runs_nothing() {
    let world = World::new();
    let user = world.checkout("user");
    plant(&user.join(".git"), &canary(&world));
    fs::remove_file(user.join(".git/info/attributes")).unwrap();
    let order = link_to(&user, "swift-fox");
    world.rooms.inspect(&order.source).unwrap();
    write(&world.prepare(&order, 1).directory, "a.txt", "work\n");
    done(&world.finish(&order, 1));
    assert!(!canary(&world).exists());
    assert_eq!(super::world::read(&user, "a.txt"), "work\n");
}

/// git R6: a `.git` that points elsewhere is put aside; nothing of the other repository gets into ours, and ours does not get there.
#[test]
fn a_git_directory_that_points_elsewhere_is_put_aside() {
    type Redirect = fn(&Path, &Path);
    let redirects: &[(&str, Redirect)] = &[
        ("gitfile", |git, secret| {
            fs::remove_dir_all(git).unwrap();
            fs::write(git, format!("gitdir: {}\n", secret.join(".git").display())).unwrap();
        }),
        ("link", |git, secret| {
            fs::remove_dir_all(git).unwrap();
            symlink(secret.join(".git"), git).unwrap();
        }),
        ("commondir", |git, secret| fs::write(git.join("commondir"), format!("{}\n", secret.join(".git").display())).unwrap()),
        ("alternates", |git, secret| {
            fs::create_dir_all(git.join("objects/info")).unwrap();
            fs::write(git.join("objects/info/alternates"), format!("{}\n", secret.join(".git/objects").display())).unwrap();
        }),
        ("linked objects", |git, secret| {
            fs::remove_dir_all(git.join("objects")).unwrap();
            symlink(secret.join(".git/objects"), git.join("objects")).unwrap();
        }),
        ("linked pack folder", |git, secret| {
            fs::remove_dir_all(git.join("objects/pack")).unwrap();
            symlink(secret.join(".git/objects"), git.join("objects/pack")).unwrap();
        }),
        ("linked reference", |git, secret| {
            fs::create_dir_all(git.join("refs/heads/swift-fox")).unwrap();
            symlink(secret.join(".git/refs/heads/main"), git.join("refs/heads/swift-fox/do-it")).unwrap();
        }),
        ("fifo as head", |git, _| {
            fs::remove_file(git.join("HEAD")).unwrap();
            assert!(std::process::Command::new("mkfifo").arg(git.join("HEAD")).status().unwrap().success());
        }),
    ];
    for (name, redirect) in redirects {
        let world = World::new();
        let secret = world.checkout("secret");
        let tip = world.commit(&secret, "secret.txt", "TOP-SECRET\n");
        let order = clone_of(&world.remote(), "swift-fox");
        let directory = world.prepare(&order, 1).directory;
        write(&directory, "a.txt", "work\n");
        redirect(&directory.join(".git"), &secret);
        let before = world.git(&secret, &["for-each-ref"]);
        done(&world.finish(&order, 1));
        assert_eq!(world.git(&secret, &["for-each-ref"]), before, "{name}");
        assert_eq!(world.git(&secret, &["status", "--porcelain"]), "", "{name}");
        assert!(!world.try_git(&world.mirror(), &["cat-file", "-e", &tip]).status.success(), "{name}");
        assert_eq!(world.show(&world.path("remote.git"), "main:a.txt"), "work", "{name}");
        world.assert_whole();
    }
}

/// git R6: `core.worktree` in the run's configuration has no say over which files are saved or written.
#[test]
fn a_planted_working_tree_is_ignored() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let secret = world.path("private");
    write(&secret, "key", "SECRET");
    world.git(&directory, &["config", "core.worktree", secret.to_str().unwrap()]);
    write(&directory, "a.txt", "work\n");
    done(&world.finish(&order, 1));
    assert_eq!(world.git(&world.path("remote.git"), &["ls-tree", "--name-only", "main"]), "a.txt\nreadme.txt");
    world.prepare(&order, 2);
    assert_eq!(fs::read_dir(&secret).unwrap().count(), 1);
}

/// git R9, I-24: links are saved as links, never followed; a folder that became a link to the outside is not written through.
#[test]
fn links_are_not_followed() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    world.commit(&seed, "folder/file.txt", "one\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let outside = world.path("outside");
    write(&outside, "file.txt", "PRECIOUS\n");
    symlink(&outside, directory.join("out")).unwrap();
    symlink("/etc/passwd", directory.join("passwd")).unwrap();
    fs::remove_dir_all(directory.join("folder")).unwrap();
    symlink(&outside, directory.join("folder")).unwrap();
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "t").unwrap();
    assert_eq!(
        world
            .git(&world.mirror(), &["ls-tree", "--format=%(objectmode) %(path)", "swift-fox/do-it"])
            .lines()
            .filter(|line| line.starts_with("120000"))
            .count(),
        3
    );
    // The next run meets a half-done state and a moved default branch: files are removed and written, never through the link.
    world.git(&directory, &["reset", "-q", "--soft", "origin/main"]);
    write(&directory, ".git/MERGE_HEAD", &world.git(&directory, &["rev-parse", "origin/main"]));
    world.commit(&seed, "folder/file.txt", "two\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    world.prepare(&order, 2);
    assert_eq!(super::world::read(&outside, "file.txt"), "PRECIOUS\n");
    world.rooms.remove_task_dir(&project(), &run_of(&order, 2), &order.branch).unwrap();
    assert_eq!(super::world::read(&outside, "file.txt"), "PRECIOUS\n");
}

/// workspaces R7: the task's directory itself replaced by a link is moved aside, and what it points to is untouched.
#[test]
fn a_directory_replaced_by_a_link_is_not_followed() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let outside = world.path("outside");
    fs::rename(&directory, &outside).unwrap();
    symlink(&outside, &directory).unwrap();
    world.prepare(&order, 2);
    assert!(fs::symlink_metadata(&directory).unwrap().is_dir());
    fs::remove_dir_all(&directory).unwrap();
    symlink(&outside, &directory).unwrap();
    world.rooms.remove_task_dir(&project(), &run_of(&order, 2), &order.branch).unwrap();
    assert!(fs::symlink_metadata(&directory).is_err() && outside.join("readme.txt").exists());
}

/// git R9: submodules are left alone: neither fetched nor changed nor run.
#[test]
fn submodules_are_left_alone() {
    let world = World::new();
    let library = world.checkout("library");
    let remote = world.remote();
    let seed = world.path("seed");
    world.git(&seed, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", library.to_str().unwrap(), "lib"]);
    world.git(&seed, &["commit", "-qm", "submodule"]);
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let link = world.git(&remote, &["ls-tree", "main", "lib"]);
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    world.git(&directory, &["-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init"]);
    world.commit(&directory.join("lib"), "inner.txt", "x\n");
    plant(&directory.join(".git/modules/lib"), &canary(&world));
    write(&directory, "a.txt", "work\n");
    let (_, files, _) = done(&world.finish(&order, 1));
    assert_eq!(files, ["a.txt"]);
    assert_eq!(world.git(&remote, &["ls-tree", "main", "lib"]), link);
    assert!(!canary(&world).exists());
}

/// git R6: an object that lies about what it needs is never referred to.
#[test]
fn a_commit_with_missing_parts_is_not_taken() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    world.commit(&directory, "a.txt", "good\n");
    let tree = world.git(&directory, &["rev-parse", "HEAD^{tree}"]);
    world.commit(&directory, "b.txt", "bad\n");
    let gone = world.git(&directory, &["rev-parse", "HEAD:b.txt"]);
    fs::remove_file(directory.join(".git/objects").join(&gone[..2]).join(&gone[2..])).unwrap();
    assert!(!tree.is_empty());
    let conclusion = world.finish(&order, 1);
    assert!(matches!(conclusion, Conclusion::Done { .. }), "{conclusion:?}");
    // The files on disk are the work, whatever became of the commits.
    assert_eq!(world.show(&world.path("remote.git"), "main:b.txt"), "bad");
    world.assert_whole();
}
