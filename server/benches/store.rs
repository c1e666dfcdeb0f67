//! How fast a task can be claimed and completed through the store's functions, against the same statements on bare rusqlite.
//!
//! `cargo bench -p aq-server --bench store --profile dev -- [tasks] [rounds] [folder] [postgres-url]`; ours and bare take turns within one
//! run, each round on a fresh database, and the medians are printed. Durability: WAL, synchronous=FULL.
//!
//! Spec: specs/decisions/0001-one-store-for-two-databases.md

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has nothing to say")]

use std::path::{Path, PathBuf};

use aq_core::event::{Event, EventKind};
use aq_core::ids::{AgentId, ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::output::TokenUsage;
use aq_core::project::Project;
use aq_core::run::{Run, RunEnd, RunResult, RunState};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{Task, TaskStatus};
use aq_core::time::Timestamp;
use aq_server::store::events::NewEvent;
use aq_server::store::{
    Connection, DatabaseUrl, LedgerEntry, RunRecord, TaskRecord, dependents, events, ledger, open_migrated, projects, runs, tasks,
};
use rusqlite::params;

/// Commands that share a commit.
const BATCHES: [usize; 2] = [1, 64];

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn task(key: i64) -> TaskRecord {
    let description = "Describe the work in about two hundred characters. ".repeat(4);
    let mut task = Task::new(
        TaskId::from_trusted(&format!("task-{key:08}")),
        ProjectId::from_trusted("app"),
        "A task title of forty characters or so..",
        description,
        at(0),
    );
    task.status = TaskStatus::Ready;
    TaskRecord { key, parent_key: None, unmet: 0, failure: None, deleted_at: None, task }
}

fn event(seq: &mut u64, kind: EventKind, task: &TaskRecord) -> NewEvent {
    *seq += 1;
    let event = Event {
        seq: *seq,
        at: at(1),
        kind,
        project: Some(task.task.project.clone()),
        task: Some(task.task.id.clone()),
        run: Some(1),
        agent: Some(AgentId::from_trusted("nova")),
        payload: serde_json::json!({"title": task.task.title}),
    };
    NewEvent::new(event, Some(task.key))
}

/// A database with `count` READY tasks.
fn filled(url: &DatabaseUrl, folder: &Path, count: i64) -> Connection {
    let (mut db, _) = open_migrated(url, folder, at(0)).unwrap();
    db.batch("BEGIN").unwrap();
    projects::insert(&mut db, &Project::new(ProjectId::from_trusted("app"), "App", at(0))).unwrap();
    for key in 1..=count {
        tasks::insert(&mut db, &task(key)).unwrap();
    }
    db.batch("COMMIT").unwrap();
    db
}

fn claim(db: &mut Connection, key: i64, seq: &mut u64) {
    let mut record = task(key);
    record.task.status = TaskStatus::InProgress;
    record.task.assigned_agent = Some(AgentId::from_trusted("nova"));
    record.task.run_number = 1;
    assert!(tasks::compare_and_set(db, &record, TaskStatus::Ready, 0).unwrap());
    runs::insert(db, &run(&record)).unwrap();
    let told = [event(seq, EventKind::TaskAssigned, &record), event(seq, EventKind::TaskStarted, &record)];
    events::insert(db, &told).unwrap();
}

fn run(record: &TaskRecord) -> RunRecord {
    RunRecord {
        task_key: record.key,
        pid: None,
        output_bytes: 0,
        run: Run::new(
            RunRef { task: record.task.id.clone(), number: 1 },
            record.task.project.clone(),
            AgentId::from_trusted(&format!("agent-{}", record.key)),
            RuntimeKind::Scripted,
            WorkspaceId::from_trusted(&format!("ws-{}", record.key)),
            at(1),
        ),
    }
}

fn complete(db: &mut Connection, key: i64, seq: &mut u64) {
    let mut record = task(key);
    record.task.status = TaskStatus::Completed;
    record.task.run_number = 1;
    let mut run = run(&record);
    run.run.state = RunState::Ended;
    run.run.ended_at = Some(at(2));
    run.run.end = Some(RunEnd { result: RunResult::Done, class: None, message: String::new() });
    runs::update(db, &run).unwrap();
    assert!(tasks::compare_and_set(db, &record, TaskStatus::InProgress, 1).unwrap());
    ledger::insert(
        db,
        &LedgerEntry {
            task_key: key,
            run_number: 1,
            message_id: "m".to_owned(),
            at: at(2),
            project: record.task.project.clone(),
            agent: AgentId::from_trusted("nova"),
            account: None,
            model: "m".to_owned(),
            tokens: TokenUsage { input: 1_000, ..TokenUsage::default() },
            cost_micros: None,
        },
    )
    .unwrap();
    assert!(dependents::release(db, key, at(2), |promoted| promoted.is_empty()).unwrap());
    let told = [event(seq, EventKind::RunEnded, &record), event(seq, EventKind::TaskCompleted, &record)];
    events::insert(db, &told).unwrap();
}

/// The same rows and statements, without our types: prepared once and held.
struct Bare<'c> {
    db: &'c rusqlite::Connection,
    claim: rusqlite::Statement<'c>,
    run: rusqlite::Statement<'c>,
    event: rusqlite::Statement<'c>,
    end: rusqlite::Statement<'c>,
    complete: rusqlite::Statement<'c>,
    spend: rusqlite::Statement<'c>,
    release: rusqlite::Statement<'c>,
    seq: i64,
}

impl<'c> Bare<'c> {
    fn new(db: &'c rusqlite::Connection) -> Self {
        let prepare = |sql: &str| db.prepare(sql).unwrap();
        Self {
            db,
            claim: prepare(
                "UPDATE tasks SET status = 'IN_PROGRESS', agent_id = 'nova', run_number = 1, updated_at = 1 \
                 WHERE key = ?1 AND status = 'READY' AND run_number = 0",
            ),
            run: prepare(
                "INSERT INTO runs (task_key, number, task_id, project_id, agent_id, runtime, workspace_id, state, result, failure_class, \
                 message, summary, files_changed, commit_id, session_id, directory, base_commit, pid, exit_code, reserved_tokens, \
                 tokens_input, tokens_output, tokens_cache_read, tokens_cache_write, output_items, output_bytes, started_at, ended_at, \
                 pushed) VALUES (?1, 1, ?2, 'app', ?3, 'scripted', ?4, 'STARTING', NULL, NULL, '', '', '[]', '', NULL, '', '', NULL, \
                 NULL, 0, 0, 0, 0, 0, 0, 0, 1, NULL, FALSE)",
            ),
            event: prepare(
                "INSERT INTO events (seq, at, kind, project_id, task_id, run_number, agent_id, payload, task_key) \
                 VALUES (?1, 1, ?2, 'app', ?3, 1, 'nova', ?4, ?5)",
            ),
            end: prepare("UPDATE runs SET state = 'ENDED', result = 'done', ended_at = 2 WHERE task_key = ?1 AND number = 1"),
            complete: prepare(
                "UPDATE tasks SET status = 'COMPLETED', agent_id = NULL, updated_at = 2 \
                 WHERE key = ?1 AND status = 'IN_PROGRESS' AND run_number = 1",
            ),
            spend: prepare(
                "INSERT INTO token_ledger (task_key, run_number, message_id, at, project_id, agent_id, account_id, model, input, output, \
                 cache_read, cache_write, cost_micros) VALUES (?1, 1, 'm', 2, 'app', 'nova', NULL, 'm', 1000, 0, 0, 0, NULL) \
                 ON CONFLICT DO NOTHING",
            ),
            release: prepare(
                "UPDATE tasks SET unmet_deps = unmet_deps - 1 \
                 WHERE key IN (SELECT task_key FROM task_dependencies WHERE depends_on_key = ?1)",
            ),
            seq: 0,
        }
    }

    fn tell(&mut self, key: i64, kind: &str) {
        self.seq += 1;
        let payload = r#"{"title":"A task title of forty characters or so.."}"#;
        self.event.execute(params![self.seq, kind, format!("task-{key:08}"), payload, key]).unwrap();
    }

    fn claim(&mut self, key: i64) {
        assert_eq!(self.claim.execute([key]).unwrap(), 1);
        self.run.execute(params![key, format!("task-{key:08}"), format!("agent-{key}"), format!("ws-{key}")]).unwrap();
        self.tell(key, "task.assigned");
        self.tell(key, "task.started");
    }

    fn complete(&mut self, key: i64) {
        for statement in [&mut self.end, &mut self.complete, &mut self.spend, &mut self.release] {
            statement.execute([key]).unwrap();
        }
        self.tell(key, "run.ended");
        self.tell(key, "task.completed");
    }
}

/// Tasks per second: claims in batches of `size`, each followed by the completions.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn per_second(count: i64, size: usize, mut batch: impl FnMut(&[i64], bool)) -> f64 {
    let keys: Vec<i64> = (1..=count).collect();
    let start = std::time::Instant::now();
    for part in keys.chunks(size) {
        batch(part, false);
        batch(part, true);
    }
    f64::from(u32::try_from(count).unwrap()) / start.elapsed().as_secs_f64()
}

fn ours(url: &DatabaseUrl, folder: &Path, count: i64, size: usize) -> f64 {
    let mut db = filled(url, folder, count);
    let mut seq = 0;
    per_second(count, size, |keys, done| {
        db.batch("BEGIN").unwrap();
        for key in keys {
            if done { complete(&mut db, *key, &mut seq) } else { claim(&mut db, *key, &mut seq) }
        }
        db.batch("COMMIT").unwrap();
    })
}

fn bare(folder: &Path, count: i64, size: usize) -> f64 {
    let file = folder.join("bare.db");
    drop(filled(&DatabaseUrl::sqlite(&file), folder, count));
    let db = rusqlite::Connection::open(file).unwrap();
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16384")
        .unwrap();
    let mut bare = Bare::new(&db);
    per_second(count, size, |keys, done| {
        bare.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        for key in keys {
            if done { bare.complete(*key) } else { bare.claim(*key) }
        }
        bare.db.execute_batch("COMMIT").unwrap();
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn main() {
    // `cargo bench` adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |index: usize, default: i64| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(default);
    let (count, rounds) = (number(0, 2_000), number(1, 5));
    let folder = words.get(2).map_or_else(std::env::temp_dir, PathBuf::from);
    for size in BATCHES {
        let (mut our, mut their, mut remote) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let fresh = tempfile::tempdir_in(&folder).unwrap();
            our.push(ours(&DatabaseUrl::sqlite(&fresh.path().join("ours.db")), fresh.path(), count, size));
            their.push(bare(fresh.path(), count, size));
            if let Some(url) = words.get(3) {
                let schema = format!("aq_bench_{size}_{round}");
                let (mut admin, _) = open_migrated(&DatabaseUrl::parse(url), fresh.path(), at(0)).unwrap();
                admin.batch(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")).unwrap();
                let own = DatabaseUrl::parse(&format!("{url}?options=-csearch_path%3D{schema}"));
                remote.push(ours(&own, fresh.path(), count, size));
                admin.batch(&format!("DROP SCHEMA {schema} CASCADE")).unwrap();
            }
        }
        let (our, their) = (median(our), median(their));
        println!("store batch={size} ours={our:.0}/s bare={their:.0}/s ratio={:.2} postgres={:.0}/s", our / their, median(remote));
    }
}
