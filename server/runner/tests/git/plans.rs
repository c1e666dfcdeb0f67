//! Plans of agents: only what this task wrote, and never on the default branch.

use std::fs;

use aq_core::runner_link::PlanSearch;
use aq_runner::git::WrittenPlan;

use super::world::{World, clone_of, done, project, run_of, write};

const PLAN: &str = "## Phase 1: Add it\n\nThis is what is to be done first.\n";

fn search(anywhere: bool) -> PlanSearch {
    PlanSearch { patterns: aq_core::plan::PATTERNS.iter().map(|pattern| (*pattern).to_owned()).collect(), anywhere }
}

fn find(world: &World, order: &aq_core::runner_link::WorkspaceOrder, number: u32, anywhere: bool) -> Option<WrittenPlan> {
    world.rooms.find_plan(&project(), &run_of(order, number), order, &search(anywhere)).unwrap()
}

/// F-117, D-53, runner plans R2: a plan that the repository holds is nobody's, however new the file; changed by the task, it is the task's.
#[test]
fn only_what_the_task_wrote_is_its_plan() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    world.commit(&seed, "docs/plans/old.md", PLAN);
    world.git(&seed, &["push", "-q", "origin", "HEAD:main"]);
    let order = clone_of(&remote, "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    // Written again with the same bytes: newer than the run, and still not its work.
    write(&directory, "docs/plans/old.md", PLAN);
    assert_eq!(find(&world, &order, 1, true), None);
    write(&directory, "docs/plans/old.md", &format!("{PLAN}\n## Phase 2: More\n\nAnd more of what is to be done.\n"));
    assert_eq!(find(&world, &order, 1, false).unwrap().path, "docs/plans/old.md");
    write(&directory, ".aq/plan.md", PLAN);
    let plan = find(&world, &order, 1, false).unwrap();
    assert_eq!((plan.path.as_str(), plan.text.as_str(), plan.truncated), (".aq/plan.md", PLAN, false));
}

/// F-117, D-52, runner plans R6: the plan is not in what lands, also when the agent committed it; what the repository had is as it was.
#[test]
fn plans_never_land() {
    let world = World::new();
    let remote = world.remote();
    let seed = world.path("seed");
    world.commit(&seed, "docs/plan.md", "the plan of the house\n");
    world.git(&seed, &["push", "-q", "origin", "HEAD:main"]);
    for (task, path, landed) in [("swift-fox", "plan.md", None), ("calm-river", "docs/plan.md", Some("the plan of the house"))] {
        let order = clone_of(&remote, task);
        let directory = world.prepare(&order, 1).directory;
        write(&directory, &format!("{task}.txt"), "work\n");
        world.commit(&directory, path, PLAN);
        let plan = find(&world, &order, 1, false).unwrap();
        assert_eq!(plan.path, path);
        for _ in 0..2 {
            world.rooms.take_plan_out(&project(), &run_of(&order, 1), &plan.path).unwrap();
        }
        let (commit, files, _) = done(&world.finish(&order, 1));
        assert_eq!(files, [format!("{task}.txt")]);
        let shown = world.try_git(&remote, &["show", &format!("{commit}:{path}")]);
        assert_eq!(shown.status.success().then(|| String::from_utf8_lossy(&shown.stdout).trim().to_owned()).as_deref(), landed);
        assert_eq!(find(&world, &order, 1, true), None, "settled work has no plan any more");
    }
    world.assert_whole();
}

/// F-116, runner plans R3, R4: links are not followed, other documents count only where planning was the task, and the newest counts.
#[test]
fn other_documents_count_only_when_asked_for() {
    let world = World::new();
    let order = clone_of(&world.remote(), "swift-fox");
    let directory = world.prepare(&order, 1).directory;
    let secret = world.path("secret.md");
    fs::write(&secret, PLAN).unwrap();
    std::os::unix::fs::symlink(&secret, directory.join("plan.md")).unwrap();
    std::os::unix::fs::symlink(world.path(""), directory.join("plans")).unwrap();
    write(&directory, "node_modules/x/readme.md", PLAN);
    write(&directory, ".hidden/plan.md", PLAN);
    write(&directory, "notes/other.md", "# Nothing of interest\n");
    assert_eq!(find(&world, &order, 1, true), None);
    write(&directory, "notes/thoughts.md", PLAN);
    assert_eq!(find(&world, &order, 1, false), None);
    assert_eq!(find(&world, &order, 1, true).unwrap().path, "notes/thoughts.md");
    for (name, age) in [("a", 50), ("b", 10), ("c", 90)] {
        let path = format!("docs/plans/{name}.md");
        write(&directory, &path, &format!("{PLAN}{name}\n"));
        let then = fs::metadata(directory.join("notes/other.md")).unwrap().modified().unwrap() - std::time::Duration::from_secs(age);
        fs::File::options().write(true).open(directory.join(&path)).unwrap().set_modified(then).unwrap();
    }
    assert_eq!(find(&world, &order, 1, false).unwrap().path, "docs/plans/b.md");
    assert_eq!(fs::read_to_string(&secret).unwrap(), PLAN);
}
