//! Forty planted configurations, one at a time: each runs a program when git meets it, and none when we do (G23, I-46).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aq_core::git_link::{Comparison, GitLink as _, GitPlace};
use aq_core::runner_link::WorkspaceSource;
use aq_runner::git::Desk;

use super::world::{World, clone_of, project, run_of, write};

/// Settings whose value is a program.
const SETTINGS: [&str; 24] = [
    "core.fsmonitor",
    "core.sshCommand",
    "core.pager",
    "core.editor",
    "core.askPass",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "diff.external",
    "diff.evil.textconv",
    "diff.evil.command",
    "merge.evil.driver",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "uploadpack.packObjectsHook",
    "credential.helper",
    "gpg.program",
    "gpg.ssh.program",
    "sequence.editor",
    "trailer.x.command",
    "interactive.diffFilter",
    "remote.origin.uploadpack",
    "remote.origin.receivepack",
    "submodule.lib.update",
];

/// Hooks.
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
    "pre-merge-commit",
];

fn script(world: &World) -> String {
    let path = world.path("evil.sh");
    fs::write(&path, format!("#!/bin/sh\ntouch '{}'\ncat\n", world.path("canary").display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn configure(git: &Path, name: &str, value: &str) {
    let (section, key) = name.rsplit_once('.').unwrap();
    let section = match section.split_once('.') {
        Some((section, sub)) => format!("[{section} \"{sub}\"]"),
        None => format!("[{section}]"),
    };
    let path = git.join("config");
    let before = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, format!("{before}{section}\n\t{key} = {value}\n")).unwrap();
}

fn plant_setting(world: &World, git: &Path, name: &str) {
    let evil = script(world);
    configure(git, name, &if name == "submodule.lib.update" { format!("!{evil}") } else { evil });
    fs::create_dir_all(git.join("info")).unwrap();
    fs::write(git.join("info/attributes"), "* filter=evil diff=evil merge=evil\n").unwrap();
}

fn plant_hook(world: &World, git: &Path, name: &str) {
    let evil = script(world);
    fs::create_dir_all(git.join("hooks")).unwrap();
    fs::copy(&evil, git.join("hooks").join(name)).unwrap();
}

/// Everything that we ever do with a run's directory, and every look that a person may take.
fn live_through(world: &World, name: &str, plant: &dyn Fn(&World, &Path)) {
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    world.commit(&directory, "a.txt", "work\n");
    write(&directory, "readme.txt", "changed\n");
    plant(world, &directory.join(".git"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let desk = Desk::new(world.rooms.clone());
    let place = GitPlace {
        project: project(),
        source: WorkspaceSource::Clone { url: remote.display().to_string() },
        default_branch: String::new(),
    };
    let task = run_of(&order, 1).task;
    runtime.block_on(async {
        desk.status(place.clone(), Some(task.clone()), true).await.unwrap();
        let what = Comparison::Task { task, branch: order.branch.clone(), live: true };
        assert!(desk.changes(place.clone(), what, 1 << 16).await.unwrap().text.contains("+changed"), "{name}");
        desk.branches(place.clone(), true).await.unwrap();
    });
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "t").unwrap();
    plant(world, &directory.join(".git"));
    world.prepare(&order, 2);
    plant(world, &directory.join(".git"));
    write(&directory, "b.txt", "more\n");
    world.rooms.rescue(&project(), &run_of(&order, 2), &order.branch).unwrap();
    super::world::done(&world.finish(&order, 2));
    plant(world, &directory.join(".git"));
    world.rooms.remove_task_dir(&project(), &run_of(&order, 2), &order.branch).unwrap();
    assert!(!world.path("canary").exists(), "{name} ran a program");
    assert_eq!(world.show(&remote, "main:readme.txt"), "changed", "{name}");
}

/// G23: forty configurations, none of which runs anything in a whole life of a task.
#[test]
fn forty_planted_configurations_run_nothing() {
    let mut names = BTreeSet::new();
    for name in SETTINGS {
        let world = World::new();
        live_through(&world, name, &|world, git| plant_setting(world, git, name));
        names.insert(name.to_owned());
    }
    for name in HOOKS {
        let world = World::new();
        live_through(&world, name, &|world, git| plant_hook(world, git, name));
        names.insert(name.to_owned());
    }
    let world = World::new();
    live_through(&world, "core.hooksPath", &|world, git| {
        plant_hook(world, git, "reference-transaction");
        configure(git, "core.hooksPath", &git.join("hooks").display().to_string());
    });
    names.insert("core.hooksPath".to_owned());
    let world = World::new();
    live_through(&world, "include.path", &|world, git| {
        let other = git.join("other-config");
        fs::write(&other, format!("[core]\n\tfsmonitor = {}\n", script(world))).unwrap();
        configure(git, "include.path", &other.display().to_string());
    });
    names.insert("include.path".to_owned());
    assert_eq!(names.len(), 40);
    println!("score: hostile repositories: 0 programs run; {} configurations", names.len());
}

/// The canary works: what git itself does with such a directory runs the program, or the test above would prove nothing.
#[test]
fn the_planted_program_is_live() {
    for name in ["core.fsmonitor", "filter.evil.clean", "diff.external"] {
        let world = World::new();
        let path = world.checkout("victim");
        plant_setting(&world, &path.join(".git"), name);
        write(&path, "readme.txt", "changed\n");
        drop(world.try_git(&path, &["diff"]));
        assert!(world.path("canary").exists(), "{name}");
    }
}
