//! Work directories of tasks that are over, cleared away on order.

use std::time::Duration;

use aq_core::runner_link::{RunnerLink, RunnerOrder};

use crate::world::{World, begin, project, run};

async fn gone(path: &std::path::Path) {
    let wait = async {
        while path.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap();
}

/// Service R17: a directory that a killed server left behind goes, and what was not on the branch is under a rescue reference first.
#[tokio::test(flavor = "multi_thread")]
async fn a_leftover_directory_is_rescued_and_removed() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("write a.txt hello\ncommit Add a"));
    memory.finished().await;
    service.shutdown().await;
    // The server dies before it lets go of the run; the next one finds no open run and removes the run's folder.
    std::fs::write(world.directory().join("later.txt"), "uncommitted").unwrap();
    std::fs::remove_dir_all(world.home().join("runs")).unwrap();
    let home = world.home().join("workspaces/shop/swift-fox.home");
    assert!(home.is_dir());

    let (service, _memory) = world.service();
    service.order(RunnerOrder::Clear { run: run(), project: project(), branch: "swift-fox/write-a-note".to_owned() });
    gone(&home).await;
    assert!(!world.directory().exists());
    let rescues = service.rooms().list_rescues(&project()).unwrap();
    assert_eq!(rescues.len(), 1, "{rescues:?}");
    let mirror = service.rooms().mirror_directory(&project());
    let saved = world.git(&["--git-dir", &mirror.to_string_lossy(), "ls-tree", "--name-only", &rescues[0].commit]);
    assert!(saved.contains("later.txt") && saved.contains("a.txt"), "{saved}");
    assert!(!world.home().join("quarantine").exists());
    service.shutdown().await;
}

/// A task writes many files, and what it left is cleared away by an order; waits until the directory has gone and the mirror is packed.
async fn packed_after(order: impl FnOnce(&World) -> RunnerOrder) {
    use std::fmt::Write as _;

    let world = World::new();
    let (service, memory) = world.service();
    let mut script = String::new();
    for number in 0..250 {
        writeln!(script, "write f{number}.txt {number}").unwrap();
    }
    begin(&service, world.start(&format!("{script}commit Add many")));
    memory.finished().await;
    let packs = service.rooms().mirror_directory(&project()).join("objects/pack");
    service.order(order(&world));
    gone(&world.directory()).await;
    let packed = async {
        let is_index = |path: &std::path::Path| path.extension().is_some_and(|kind| kind == "idx");
        while !std::fs::read_dir(&packs).unwrap().flatten().any(|entry| is_index(&entry.path())) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), packed).await.expect("the mirror stays as many files as it was");
    service.shutdown().await;
}

/// Service R13, R17, workspaces R8: when the directory of a task that is over has gone, the mirror is packed where it has become many files.
#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_packed_when_a_directory_goes() {
    packed_after(|_| RunnerOrder::Clear { run: run(), project: project(), branch: "swift-fox/write-a-note".to_owned() }).await;
}

/// Service R19, workspaces R8: also when its work was merged elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_packed_when_work_was_merged_elsewhere() {
    packed_after(|world| RunnerOrder::Retire { run: run(), project: project(), workspace: world.start("").workspace }).await;
}

/// Service R17: while another run of the task is in hand, its directory stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_use_stays() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("say ready\nwait-file gate\nwrite a.txt hello"));
    memory.said("ready").await;
    let earlier = aq_core::ids::RunRef { number: 9, ..run() };
    service.order(RunnerOrder::Clear { run: earlier, project: project(), branch: "swift-fox/write-a-note".to_owned() });
    world.open_gate();
    memory.finished().await;
    service.shutdown().await;
    assert!(world.directory().join("a.txt").exists());
}
