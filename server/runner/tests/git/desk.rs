//! The desk: what people see of repositories and do in them, and what is refused (F-104, F-111, F-115, F-167).

use std::fs;
use std::path::Path;

use aq_core::git_link::{ChangesFrom, Comparison, FileState, GitLink as _, GitPlace, GitRefusal, Merged};
use aq_core::runner_link::{WorkspaceOrder, WorkspaceSource};
use aq_runner::git::{Desk, GitProgram, Rooms};

use super::world::{World, clone_of, done, project, read, run_of, write};

fn place(source: WorkspaceSource) -> GitPlace {
    GitPlace { project: project(), source, default_branch: String::new() }
}

fn remote_place(path: &Path) -> GitPlace {
    place(WorkspaceSource::Clone { url: path.to_str().unwrap().to_owned() })
}

fn checkout_place(path: &Path) -> GitPlace {
    place(WorkspaceSource::Link { path: path.to_str().unwrap().to_owned() })
}

fn desk(world: &World) -> Desk {
    Desk::new(world.rooms.clone())
}

fn task_of(order: &WorkspaceOrder, live: bool) -> Comparison {
    Comparison::Task { task: run_of(order, 1).task, branch: order.branch.clone(), live }
}

/// Desk R9, F-169: text files are those of the default branch, in folders too; links and other files are none.
#[tokio::test]
async fn texts_of_a_folder_come_from_the_default_branch() {
    let world = World::new();
    let remote = world.remote();
    let (seed, desk) = (world.path("seed"), desk(&world));
    let specs = async || desk.texts(remote_place(&remote), "specs".into(), ".md", 10).await.unwrap();
    assert!(specs().await.is_empty(), "there is no such folder");
    world.commit(&seed, "specs/api.md", "# The API\n");
    world.commit(&seed, "specs/deep/store.md", "text\n");
    world.commit(&seed, "specs/picture.png", "x\n");
    std::os::unix::fs::symlink("/etc/passwd", seed.join("specs/link.md")).unwrap();
    world.git(&seed, &["add", "-A"]);
    world.git(&seed, &["commit", "-qm", "a link"]);
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let _fetched = desk.status(remote_place(&remote), None, true).await.unwrap();
    let found = specs().await;
    let told: Vec<_> = found.iter().map(|text| (text.path.as_str(), text.size, text.head.as_str())).collect();
    assert_eq!(told, [("api.md", 10, "# The API\n"), ("deep/store.md", 5, "text\n")]);
    assert_eq!(desk.texts(remote_place(&remote), "specs".into(), ".md", 1).await.unwrap().len(), 1);
    for odd in ["../specs", "specs/api.md", "/specs", ""] {
        assert!(desk.texts(remote_place(&remote), odd.into(), ".md", 10).await.is_ok_and(|found| found.is_empty()), "{odd}");
    }
}

/// Desk R10: one file by its path, and all of them written into a folder, as the default branch of the mirror has them; what leads elsewhere is none of them.
#[tokio::test]
async fn files_are_those_of_the_default_branch() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let remote = world.remote();
    let (seed, desk) = (world.path("seed"), desk(&world));
    world.commit(&seed, "deep/down/notes.txt", "one\ntwo\n");
    write(&seed, "run.sh", "#!/bin/sh\n");
    fs::set_permissions(seed.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", seed.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc", seed.join("deep/folder")).unwrap();
    world.git(&seed, &["add", "-A"]);
    world.git(&seed, &["commit", "-qm", "more"]);
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let text = async |path: &str, most: usize| desk.text(remote_place(&remote), path.into(), most).await.unwrap();
    assert_eq!(text("deep/down/notes.txt", 100).await.as_deref(), Some("one\ntwo\n"));
    assert_eq!(text("deep/down/notes.txt", 3).await.as_deref(), Some("one"));
    for none in ["none.txt", "deep", "link", "deep/folder/passwd", "../secret", "/etc/passwd", ""] {
        assert_eq!(text(none, 100).await, None, "{none}");
    }
    let folder = world.path("out");
    fs::create_dir(&folder).unwrap();
    desk.export(&remote_place(&remote), &folder).unwrap();
    assert_eq!(read(&folder, "deep/down/notes.txt"), "one\ntwo\n");
    assert_eq!(fs::metadata(folder.join("run.sh")).unwrap().permissions().mode() & 0o111, 0o111);
    assert!(!folder.join("link").is_symlink() && !folder.join("deep/folder").exists() && !folder.join(".git").exists());
    // A folder that is not empty is not written over.
    assert!(desk.export(&remote_place(&remote), &folder).is_err());
}

/// F-115, D-46: the diff of a task is its own work against its base: while the agent works the files in its directory, then the branch, after
/// landing what landed; whatever is checked out and however far the default branch went on.
#[tokio::test]
async fn a_task_is_compared_with_its_base_whatever_is_checked_out() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    let (desk, place) = (desk(&world), remote_place(&remote));
    let directory = world.prepare(&order, 1).directory;
    world.commit(&directory, "a.txt", "COMMITTED\n");
    write(&directory, "b.txt", "UNTRACKED\n");
    write(&directory, "readme.txt", "CHANGED\n");
    // Another branch is checked out, and the default branch goes on elsewhere.
    world.git(&directory, &["checkout", "-q", "-b", "aside"]);
    let seed = world.path("seed");
    world.commit(&seed, "theirs.txt", "THEIRS\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);

    let before = world.git(&directory, &["status", "--porcelain"]);
    let live = desk.changes(place.clone(), task_of(&order, true), 1 << 20).await.unwrap();
    assert_eq!(live.from, ChangesFrom::Directory);
    for mark in ["+COMMITTED", "+UNTRACKED", "+CHANGED", "-hello"] {
        assert!(live.text.contains(mark), "{mark}: {}", live.text);
    }
    assert!(!live.text.contains("THEIRS") && !live.cut);
    assert_eq!(live.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a.txt", "b.txt", "readme.txt"]);
    assert_eq!(world.git(&directory, &["status", "--porcelain"]), before, "looking changed the directory");
    let short = desk.changes(place.clone(), task_of(&order, true), 40).await.unwrap();
    assert!(short.cut && short.text.len() <= 40);

    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "t").unwrap();
    let kept = desk.changes(place.clone(), task_of(&order, false), 1 << 20).await.unwrap();
    assert_eq!(kept.from, ChangesFrom::Branch);
    assert!(kept.text.contains("+UNTRACKED") && !kept.text.contains("THEIRS"), "{}", kept.text);
    done(&world.land(&order));
    let landed = desk.changes(place, task_of(&order, false), 1 << 20).await.unwrap();
    assert_eq!(landed.from, ChangesFrom::Landed);
    assert!(landed.text.contains("+COMMITTED") && !landed.text.contains("THEIRS"), "{}", landed.text);
}

/// F-104, F-167: status, branches, history and comparisons of a repository on the network.
#[tokio::test]
async fn a_repository_is_looked_at() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    world.git(&seed, &["checkout", "-q", "-b", "feature"]);
    let tip = world.commit(&seed, "f.txt", "feature\n");
    world.git(&seed, &["push", "-q", "origin", "feature"]);
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    write(&directory, "new.txt", "x\n");
    let (desk, place) = (desk(&world), remote_place(&remote));

    let look = desk.status(place.clone(), Some(run_of(&order, 1).task), true).await.unwrap();
    assert_eq!((look.default_branch.as_str(), look.has_remote, look.stale.as_str()), ("main", true, ""));
    assert!(look.checkout.is_none());
    let own = look.task.unwrap();
    assert_eq!((own.branch.as_str(), own.files.len(), own.files[0].state), ("swift-fox/do-it", 1, FileState::Untracked));

    let branches = desk.branches(place.clone(), false).await.unwrap();
    let names: Vec<_> = branches.iter().map(|branch| (branch.name.as_str(), branch.is_ours, branch.ahead)).collect();
    assert_eq!(names, [("feature", false, 1), ("main", false, 0), ("swift-fox/do-it", true, 0)]);

    let (commits, more) = desk.log(place.clone(), "feature".into(), String::new(), 1).await.unwrap();
    assert_eq!((commits[0].id.as_str(), commits[0].message.as_str(), more), (tip.as_str(), "change f.txt\n", true));
    let (rest, more) = desk.log(place.clone(), "feature".into(), tip.clone(), 10).await.unwrap();
    assert_eq!((rest.len(), more), (1, false));

    let between = Comparison::Between { base: String::new(), head: "feature".into() };
    let changes = desk.changes(place.clone(), between, 1000).await.unwrap();
    assert!(changes.text.contains("+feature"));
    let unknown = desk.log(place, "nowhere".into(), String::new(), 1).await.unwrap_err();
    assert_eq!(unknown.kind, GitRefusal::NotFound);
}

/// F-167, desk R5: a person's checkout is switched and committed in, never over uncommitted changes, and no hook of it runs.
#[tokio::test]
async fn a_checkout_is_switched_and_committed_in() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let path = world.checkout("mine");
    let canary = world.path("ran");
    let hook = path.join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", canary.display())).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    world.git(&path, &["config", "user.email", ""]);
    let (desk, place) = (desk(&world), checkout_place(&path));
    assert_eq!(desk.commit(place.clone(), "nothing".into()).await.unwrap(), None, "nothing needs no name");
    write(&path, "readme.txt", "mine\n");
    let nameless = desk.commit(place.clone(), "whose?".into()).await.unwrap_err();
    assert!(nameless.message.contains("user.email"), "{nameless}");
    assert_eq!(world.git(&path, &["diff", "--cached", "--name-only"]), "");
    world.git(&path, &["checkout", "--quiet", "readme.txt"]);
    world.git(&path, &["config", "user.name", "Me"]);
    world.git(&path, &["config", "user.email", "me@example.com"]);

    let made = desk.create_branch(place.clone(), "side".into(), String::new()).await.unwrap();
    assert_eq!(made, world.git(&path, &["rev-parse", "side"]));
    assert_eq!(desk.create_branch(place.clone(), "side".into(), String::new()).await.unwrap(), made, "repeating is harmless");
    let look = desk.switch(place.clone(), "side".into()).await.unwrap();
    assert_eq!((look.branch.as_str(), world.git(&path, &["branch", "--show-current"]).as_str()), ("side", "side"));

    write(&path, "readme.txt", "mine\n");
    let refused = desk.switch(place.clone(), "main".into()).await.unwrap_err();
    assert_eq!(refused.kind, GitRefusal::State);
    assert_eq!(read(&path, "readme.txt"), "mine\n");
    write(&path, "more.txt", "more\n");
    let commit = desk.commit(place.clone(), "my words".into()).await.unwrap().unwrap();
    assert_eq!(world.git(&path, &["log", "-1", "--format=%H %an %s"]), format!("{commit} Me my words"));
    assert_eq!(world.git(&path, &["status", "--porcelain"]), "");
    assert_eq!(desk.commit(place.clone(), "again".into()).await.unwrap(), None);
    assert!(!canary.exists(), "a hook ran");

    // What cannot be honoured is refused, and nothing is staged.
    write(&path, ".gitattributes", "*.bin filter=lfs\n");
    assert_eq!(desk.commit(place.clone(), "x".into()).await.unwrap_err().kind, GitRefusal::State);
    assert_eq!(world.git(&path, &["status", "--porcelain"]), "?? .gitattributes");
    fs::remove_file(path.join(".gitattributes")).unwrap();
    fs::write(path.join(".git/MERGE_HEAD"), format!("{made}\n")).unwrap();
    let busy = desk.commit(place, "x".into()).await.unwrap_err();
    assert!(busy.message.contains("merge is in progress"), "{busy}");
    let clone = desk_refusal(&world).await;
    assert_eq!(clone, GitRefusal::State);
}

/// A repository on the network has no checkout of a person.
async fn desk_refusal(world: &World) -> GitRefusal {
    let remote = world.remote();
    desk(world).commit(remote_place(&remote), "x".into()).await.unwrap_err().kind
}

/// F-107, D-43, desk R7: a merge that conflicts changes nothing and is told apart from a branch that is not there; a clean one is pushed.
#[tokio::test]
async fn a_branch_is_merged_or_nothing_changes() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    world.git(&seed, &["checkout", "-q", "-b", "clean"]);
    world.commit(&seed, "clean.txt", "clean\n");
    world.git(&seed, &["checkout", "-q", "-b", "clash", "main"]);
    world.commit(&seed, "readme.txt", "theirs\n");
    world.git(&seed, &["checkout", "-q", "main"]);
    world.commit(&seed, "readme.txt", "ours\n");
    world.git(&seed, &["push", "-q", "origin", "main", "clean", "clash"]);
    let before = world.git(&remote, &["rev-parse", "main"]);
    let (desk, place) = (desk(&world), remote_place(&remote));

    let forecast = desk.forecast(place.clone(), "clash".into(), false).await.unwrap();
    assert_eq!((forecast.conflicts.as_slice(), forecast.contained), (&["readme.txt".to_owned()][..], false));
    let clash = desk.merge(place.clone(), "clash".into()).await.unwrap();
    assert_eq!(clash, Merged::Conflict { files: vec!["readme.txt".into()] });
    assert_eq!(world.git(&remote, &["rev-parse", "main"]), before);
    assert_eq!(desk.merge(place.clone(), "gone".into()).await.unwrap_err().kind, GitRefusal::NotFound);

    let Merged::Done { commit, pushed } = desk.merge(place.clone(), "clean".into()).await.unwrap() else { panic!("not merged") };
    assert!(pushed);
    assert_eq!(world.git(&remote, &["rev-parse", "main"]), commit);
    assert_eq!(world.show(&remote, "main:clean.txt"), "clean");
    assert_eq!(desk.merge(place.clone(), "clean".into()).await.unwrap(), Merged::Nothing);
    assert!(desk.forecast(place, "clean".into(), false).await.unwrap().contained);
}

/// Desk R2, orchestrator R34: what others pushed meanwhile counts in a forecast that fetches first.
#[tokio::test]
async fn a_forecast_sees_what_others_pushed() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    world.git(&seed, &["checkout", "-q", "-b", "mine"]);
    world.commit(&seed, "readme.txt", "mine\n");
    world.git(&seed, &["push", "-q", "origin", "mine"]);
    let (desk, place) = (desk(&world), remote_place(&remote));
    assert!(desk.forecast(place.clone(), "mine".into(), true).await.unwrap().conflicts.is_empty());
    world.git(&seed, &["checkout", "-q", "main"]);
    world.commit(&seed, "readme.txt", "theirs\n");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    assert_eq!(desk.forecast(place, "mine".into(), true).await.unwrap().conflicts, ["readme.txt"]);
}

/// F-111, desk R6, R8: a task's branch is pushed with a lease, a foreign commit on it is not overwritten, and no branch is made over another.
#[tokio::test]
async fn pushing_overwrites_nobody() {
    let world = World::new();
    let remote = world.remote();
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let (desk, place) = (desk(&world), remote_place(&remote));
    world.commit(&directory, "a.txt", "one\n");
    world.rooms.commit_left_over(&project(), &run_of(&order, 1), &order, "t").unwrap();
    let pushed = desk.push(place.clone(), order.branch.clone()).await.unwrap();
    assert_eq!(world.git(&remote, &["rev-parse", &order.branch]), pushed);
    // Somebody else pushes to it.
    let seed = world.path("seed");
    world.git(&seed, &["fetch", "-q", "origin"]);
    world.git(&seed, &["checkout", "-q", "-b", "foreign", &format!("origin/{}", order.branch)]);
    let foreign = world.commit(&seed, "foreign.txt", "x\n");
    world.git(&seed, &["push", "-q", "origin", &format!("foreign:{}", order.branch)]);
    world.prepare(&order, 2);
    world.commit(&directory, "a.txt", "two\n");
    world.rooms.commit_left_over(&project(), &run_of(&order, 2), &order, "t").unwrap();
    assert_eq!(desk.push(place.clone(), order.branch.clone()).await.unwrap_err().kind, GitRefusal::Failed);
    assert_eq!(world.git(&remote, &["rev-parse", &order.branch]), foreign);
    // A branch that exists elsewhere is not moved.
    let clash = desk.create_branch(place.clone(), "foreign".into(), "main".into()).await;
    assert!(clash.is_ok(), "a free name is taken: {clash:?}");
    let taken = desk.create_branch(place.clone(), order.branch.clone(), "main".into()).await.unwrap_err();
    assert_eq!(taken.kind, GitRefusal::State);
    assert_eq!(desk.create_branch(place.clone(), "--force".into(), String::new()).await.unwrap_err().kind, GitRefusal::Name);
    assert_eq!(desk.push(place, "refs/heads/main".into()).await.unwrap_err().kind, GitRefusal::Name);
}

/// desk R4: while finished work is being landed, acts are refused at once instead of waiting.
#[tokio::test]
async fn acts_do_not_wait_for_a_landing() {
    let world = World::new();
    let remote = world.remote();
    let (desk, place) = (desk(&world), remote_place(&remote));
    let lane = world.rooms.lane(&project());
    let refused = desk.merge(place.clone(), "main".into()).await.unwrap_err();
    assert!(refused.kind == GitRefusal::State && refused.message.contains("being landed"), "{refused}");
    drop(lane);
    assert_eq!(desk.merge(place, "main".into()).await.unwrap(), Merged::Nothing);
}

/// F-103, desk R2: a remote that cannot be reached makes an answer stale, and one that hangs is a typed refusal.
#[tokio::test]
async fn a_lost_remote_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let remote = world.remote();
    let (own, place) = (desk(&world), remote_place(&remote));
    own.status(place.clone(), None, true).await.unwrap();
    let program = world.path("hangs");
    fs::write(&program, "#!/bin/sh\nsleep 600\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let git = GitProgram { path: program, timeout: std::time::Duration::from_millis(200), environment: Vec::new() };
    let identity = aq_runner::git::Identity { name: "a".into(), email: "a@b".into() };
    let clock = std::sync::Arc::new(|| aq_core::time::Timestamp::from_millis(0));
    let hanging = Desk::new(Rooms::new(world.path("other-home"), identity, git, clock));
    let far = place_of_url("https://localhost:1/x.git");
    assert_eq!(hanging.status(far, None, true).await.unwrap_err().kind, GitRefusal::TimedOut);
}

fn place_of_url(url: &str) -> GitPlace {
    place(WorkspaceSource::Clone { url: url.to_owned() })
}
