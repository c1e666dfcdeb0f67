//! What is old goes, and nothing else does: with a clock that is told.

use std::sync::Arc;

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::{OutputBody, OutputItem};
use aq_core::runner_link::{RunOutcome, RunReport, RunnerLink, RunnerOrder};
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_runner::git::{GitProgram, Identity, Rooms};
use aq_server::app::{Condition, Keeper};
use aq_server::clock::Clock;
use aq_server::commands::{self, CommandError};
use aq_server::config::sections::Retention;
use aq_server::lifecycle::Figures;
use aq_server::store::{DatabaseUrl, Reader, events};

use crate::harness::Harness;

const DAY: i64 = 86_400_000;

fn keeper(server: &Harness, change: impl FnOnce(&mut Retention)) -> Keeper {
    let mut kept = Retention {
        output_days: 30,
        output_bytes: 1 << 30,
        run_output_bytes: 1 << 20,
        events_days: 90,
        audit_days: 730,
        workspace_days: 7,
        workspaces_bytes: 1 << 30,
        rescue_refs_days: 90,
        backups: 2,
        disk_reserve_bytes: 0,
    };
    change(&mut kept);
    let clock: Arc<dyn Clock> = Arc::clone(&server.clock) as _;
    let identity = Identity { name: "Test".into(), email: "test@localhost".into() };
    let git_clock = Arc::new(|| Timestamp::from_millis(0));
    Keeper {
        condition: Condition { engine: server.engine.clone(), clock, wake: server.wake.clone() },
        reader: server.reader.clone(),
        hub: server.hub.clone(),
        link: Arc::clone(&server.link) as Arc<dyn RunnerLink>,
        rooms: Rooms::new(server.home.path().to_owned(), identity, GitProgram::default(), git_clock),
        home: server.home.path().to_owned(),
        database: DatabaseUrl::sqlite(&server.home.path().join("db/agent-queue.db")),
        kept,
    }
}

async fn says(server: &Harness, run: &RunRef, text: &str) {
    let body = OutputBody::Text { text: text.to_owned() };
    server.report(run, RunReport::Output { items: vec![OutputItem { seq: 1, at: server.clock.now(), body }] }).await;
}

/// Retention R1: output goes after its days, and before them when all of it takes too much; that of open runs stays.
#[tokio::test]
async fn old_output_goes_and_new_output_stays() {
    let server = Harness::start().await;
    server.agents(3).await;
    let project = server.project("App", 3).await;
    let mut runs = Vec::new();
    for title in ["old", "new", "open"] {
        server.task(&project, title, &[]).await;
        let order = server.start_order().await;
        says(&server, &order.run, &"x".repeat(1000)).await;
        if title != "open" {
            server.succeed(&order.run).await;
        }
        runs.push(order.run);
        server.clock.advance(20 * DAY);
    }
    let stored = |server: &Harness| server.hub.log().stored().unwrap().len();
    // "old" ended 60 days ago, "new" 40, "open" is 20 days old.
    assert_eq!(keeper(&server, |kept| kept.output_days = 70).output().await.unwrap(), []);
    assert_eq!(keeper(&server, |kept| kept.output_days = 50).output().await.unwrap(), [runs[0].clone()]);
    assert_eq!(stored(&server), 2);
    assert_eq!(server.hub.log().read(&runs[1], 0, 10, u64::MAX).unwrap().len(), 1);
    let small = |kept: &mut Retention| (kept.output_days, kept.output_bytes) = (365, 1_100);
    assert_eq!(keeper(&server, small).output().await.unwrap(), [runs[1].clone()], "the quota");
    assert_eq!(keeper(&server, |kept| kept.output_bytes = 1).output().await.unwrap(), [], "the open run's stays");
    assert_eq!(stored(&server), 1);
}

/// Retention R3: events and kept answers go after their time, in parts, and the newest event stays so that numbers go on.
#[tokio::test]
async fn old_events_go() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    server.task(&project, "a", &[]).await;
    let count = |server: &Harness| {
        let reader = server.reader.clone();
        async move { reader.read(|db| events::after(db, 0, 1000)).await.unwrap().len() }
    };
    let all = count(&server).await;
    assert_eq!(keeper(&server, |_| ()).records().await.unwrap().0, 0);
    server.clock.advance(89 * DAY);
    assert_eq!(keeper(&server, |_| ()).records().await.unwrap().0, 0);
    server.clock.advance(2 * DAY);
    assert_eq!(keeper(&server, |_| ()).records().await.unwrap().0, all - 1);
    assert_eq!(count(&server).await, 1);
}

/// Retention R2: directories of tasks that are over go, those left by a killed server too; those of tasks that may go on never do.
#[tokio::test]
async fn directories_of_ended_tasks_go() {
    let server = Harness::start().await;
    server.agents(3).await;
    let project = server.project("App", 3).await;
    let mut tasks = Vec::new();
    for title in ["done", "blocked", "paused"] {
        let task = server.task(&project, title, &[]).await;
        let order = server.start_order().await;
        std::fs::create_dir_all(server.home.path().join(format!("workspaces/{project}/{task}"))).unwrap();
        match title {
            "done" => server.succeed(&order.run).await,
            "blocked" => {
                let stop = task.clone();
                server.command(move |tx, context| commands::control::stop(tx, context, &stop, "").map(drop)).await.unwrap();
                let outcome = RunOutcome::Stopped { reason: aq_core::runner_link::StopReason::Operator };
                server.report(&order.run, RunReport::Finished { outcome, exit_code: None }).await;
            }
            _ => {
                server.running(&order.run).await;
                let outcome = RunOutcome::Limited {
                    window: "w".into(),
                    resets_at: Some(Timestamp::from_millis(i64::MAX / 2)),
                    message: String::new(),
                };
                server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
            }
        }
        tasks.push(task);
    }
    std::fs::create_dir_all(server.home.path().join("workspaces/stranger/some-folder")).unwrap();
    server.until(&tasks[2], TaskStatus::Paused).await;
    assert_eq!(keeper(&server, |_| ()).work_directories().await.unwrap(), [tasks[0].clone()]);
    let done = tasks[0].clone();
    server.ordered(move |order| matches!(order, RunnerOrder::Clear { run, .. } if run.task == done).then_some(())).await;
    server.clock.advance(8 * DAY);
    let mut gone = keeper(&server, |_| ()).work_directories().await.unwrap();
    gone.sort();
    let mut wanted = tasks[..2].to_vec();
    wanted.sort();
    assert_eq!(gone, wanted);
}

/// Retention R4, R13: what a mirror notes of a task goes when the task has been over for long, and what it rescued goes with it; a task that a person may still take
/// up keeps both, and one that nobody knows keeps its notes.
#[tokio::test]
async fn notes_and_rescues_of_tasks_that_were_over_long_ago_go() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let mirror = git2::Repository::init_bare(server.home.path().join(format!("mirrors/{project}.git"))).unwrap();
    let tree = mirror.find_tree(mirror.treebuilder(None).unwrap().write().unwrap()).unwrap();
    let commit = |seconds| {
        let somebody = git2::Signature::new("A", "a@localhost", &git2::Time::new(seconds, 0)).unwrap();
        mirror.commit(None, &somebody, &somebody, "work", &tree, &[]).unwrap()
    };
    let (oldest, old) = (commit(0), commit(1));
    let keep = |name: String, commit| drop(mirror.reference(&name, commit, false, "").unwrap());
    let (done, open) = (server.task(&project, "done", &[]).await, server.task(&project, "open", &[]).await);
    for _ in 0..2 {
        let order = server.start_order().await;
        if order.run.task == done {
            server.succeed(&order.run).await;
        }
    }
    for task in [done.as_str(), open.as_str(), "some-stranger"] {
        for name in [format!("base/{task}"), format!("held/{task}"), format!("landed/{task}/tip"), format!("concluded/{task}/1")] {
            keep(format!("refs/aq/{name}"), old);
        }
    }
    // The newest ten stay, whosever they are.
    (1..=12).for_each(|number| keep(format!("refs/aq/rescue/{done}/{number}"), old));
    keep(format!("refs/aq/rescue/{open}/1"), oldest);
    let noted = |task: &str| mirror.references_glob(&format!("refs/aq/*/{task}*")).unwrap().count();
    server.clock.advance(89 * DAY);
    assert_eq!(keeper(&server, |_| ()).mirrors().await.unwrap(), (0, 0), "ninety days are not over");
    server.clock.advance(2 * DAY);
    assert_eq!(keeper(&server, |_| ()).mirrors().await.unwrap(), (2, 1));
    assert_eq!([done.as_str(), open.as_str(), "some-stranger"].map(noted), [10, 5, 4]);
}

/// Retention R5: one copy a day, the newest stay, and each is a sound database.
#[tokio::test]
async fn the_database_is_copied_once_a_day() {
    let server = Harness::start().await;
    let keeper = keeper(&server, |_| ());
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(keeper.copies().await.unwrap().unwrap());
        assert_eq!(keeper.copies().await.unwrap(), None, "one a day");
        server.clock.advance(DAY);
    }
    let kept: Vec<_> = made.iter().map(|path| path.exists()).collect();
    assert_eq!(kept, [false, false, true, true]);
    let copy = Reader::start(&DatabaseUrl::sqlite(&made[3]), 1).unwrap();
    assert_eq!(copy.read(|db| db.quick_check()).await.unwrap(), Vec::<String>::new());
}

/// Retention R6, R8: what stops all starts is told once, shows as a hold, and ends by itself.
#[tokio::test]
async fn too_little_room_stops_starts_and_says_so() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    std::fs::create_dir_all(server.home.path().join("workspaces/app")).unwrap();
    std::fs::write(server.home.path().join("workspaces/app/big"), vec![1_u8; 1 << 16]).unwrap();
    let full = keeper(&server, |kept| kept.workspaces_bytes = 1024);
    full.room_for_work().await.unwrap();
    full.room_for_work().await.unwrap();
    server.task(&project, "a", &[]).await;
    server.agents(1).await;
    assert!(server.nothing_started().await);
    let holds = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.degraded.clone())).await.unwrap();
    assert!(holds["workspaces"].contains("retention.workspaces_bytes"), "{holds:?}");
    let told = server.reader.read(|db| events::after(db, 0, 1000)).await.unwrap();
    assert_eq!(told.iter().filter(|event| event.kind == EventKind::SystemDegraded).count(), 1);
    keeper(&server, |_| ()).room_for_work().await.unwrap();
    server.start_order().await;
}

/// Retention R7: damage of the database stops all starts and says what to do; a sound look is made once a day.
#[tokio::test]
async fn a_damaged_database_stops_starts() {
    let server = Harness::start().await;
    let keeper = keeper(&server, |_| ());
    assert_eq!(keeper.check_database().await.unwrap(), Vec::<String>::new());
    // A row that points at nothing, written behind the schema's back.
    let file = rusqlite::Connection::open(server.home.path().join("db/agent-queue.db")).unwrap();
    file.execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO task_dependencies VALUES (998, 999)").unwrap();
    assert_eq!(keeper.check_database().await.unwrap(), Vec::<String>::new(), "looked at today");
    server.clock.advance(DAY);
    assert!(!keeper.check_database().await.unwrap().is_empty());
    let holds = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.degraded.clone())).await.unwrap();
    assert!(holds["database"].contains("backups"), "{holds:?}");
    file.execute_batch("DELETE FROM task_dependencies").unwrap();
    assert_eq!(keeper.check_database().await.unwrap(), Vec::<String>::new());
    let holds = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.degraded.len())).await.unwrap();
    assert_eq!(holds, 0);
}

/// Overwrites the first page of a table, where everything that is asked of it begins.
fn damage_page_of(server: &Harness, table: &str) {
    let path = server.home.path().join("db/agent-queue.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let root: i64 = file.query_row("SELECT rootpage FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0)).unwrap();
    let place = usize::try_from(root - 1).unwrap() * 4096;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[place..place + 4096].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
}

/// Retention R7, store R30: a damaged page stops starts and is told, whichever table it belongs to, also that of the events and that of the settings, which the look
/// itself needs. Doctors who meet it are told as well, and callers that what is stored cannot be read.
#[tokio::test]
async fn a_damaged_page_of_any_table_stops_starts() {
    for table in ["tasks", "events", "agents", "settings"] {
        let server = Harness::start().await;
        let project = server.project("App", 1).await;
        server.task(&project, "a", &[]).await;
        let keeper = keeper(&server, |_| ());
        assert_eq!(keeper.check_database().await.unwrap(), Vec::<String>::new());
        server.clock.advance(DAY);
        damage_page_of(&server, table);
        // As after a start, nobody remembers pages.
        let url = DatabaseUrl::sqlite(&server.home.path().join("db/agent-queue.db"));
        let reader = Reader::start(&url, 1).unwrap();
        let asked = format!("SELECT * FROM {table}");
        let refused = reader.read(move |db| db.batch(&asked)).await.map_err(CommandError::from);
        assert!(matches!(refused, Err(CommandError::Damaged(_))), "{table}: {refused:?}");
        let found =
            Keeper { reader: reader.clone(), ..keeper.clone() }.check_database().await.unwrap_or_else(|error| panic!("{table}: {error:?}"));
        assert!(!found.is_empty(), "{table}");
        let holds = server.engine.submit(|tx| Ok::<_, CommandError>(tx.state.degraded.clone())).await.unwrap();
        assert!(holds["database"].contains("aqd restore"), "{table}: {holds:?}");
        let now = server.clock.now();
        let findings = reader.read(move |db| commands::check::check(db, &Figures::default(), now)).await.unwrap();
        // The settings that the check asks for are not there, which their index knows: it needs no page of the table.
        assert!(table == "settings" || findings.iter().any(|finding| finding.subject == "database"), "{table}: {findings:?}");
    }
}
