//! The bare side of a lifecycle: one thread, one connection with prepared statements, group commit, and the same rows in the same number of
//! acknowledgements. It checks nothing, tells nobody and speaks no protocol.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::{Connection, Statement, params};
use tokio::sync::oneshot;

use super::fill::PROJECTS;
use super::sample::{nanos, now, rate};

/// Commands that share a commit at most: as many as the server's.
const MAX_BATCH: usize = 512;

/// What an agent wants to have written. Its answer leaves after the commit.
enum Step {
    /// The next task, for this agent.
    Claim(usize),
    Prepared(i64),
    Started(i64),
    Tokens(i64, usize),
    /// The agent's part is over, and it takes the next task.
    Finished(i64, usize),
    Concluded(i64),
}

struct Wanted {
    step: Step,
    answer: oneshot::Sender<Option<i64>>,
}

const TITLE: &str = "A task title of forty characters or so..";

struct Rows<'c> {
    moved: Statement<'c>,
    run: Statement<'c>,
    prepared: Statement<'c>,
    started: Statement<'c>,
    tokens: Statement<'c>,
    ledger: Statement<'c>,
    finished: Statement<'c>,
    ended: Statement<'c>,
    questions: Statement<'c>,
    dependents: Statement<'c>,
    key: Statement<'c>,
    revoked: Statement<'c>,
    event: Statement<'c>,
    seq: i64,
    ready: Vec<BTreeSet<(i64, i64)>>,
    used: Vec<f64>,
}

impl<'c> Rows<'c> {
    fn new(db: &'c Connection) -> rusqlite::Result<Self> {
        let mut ready = vec![BTreeSet::new(); usize::try_from(PROJECTS).unwrap_or(1)];
        let mut heads = db.prepare("SELECT key, priority FROM tasks WHERE status = 'READY'")?;
        let heads = heads.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        for head in heads {
            let (key, priority) = head?;
            if let Some(project) = ready.get_mut(usize::try_from(key % PROJECTS).unwrap_or(0)) {
                project.insert((priority, key));
            }
        }
        Ok(Self {
            moved: db.prepare(
                "UPDATE tasks SET status = ?2, agent_id = ?3, run_number = ?4, retry_count = 0, branch = ?5, session_id = ?6, \
                 updated_at = ?7 WHERE key = ?1 AND +status = ?8 AND run_number = ?9",
            )?,
            run: db.prepare(
                "INSERT INTO runs (task_key, number, task_id, project_id, agent_id, runtime, workspace_id, state, result, failure_class, \
                 message, summary, files_changed, commit_id, session_id, directory, base_commit, pid, exit_code, reserved_tokens, \
                 tokens_input, tokens_output, tokens_cache_read, tokens_cache_write, output_items, output_bytes, started_at, ended_at, \
                 pushed) VALUES (?1, 1, ?2, ?3, ?4, 'scripted', ?5, 'STARTING', NULL, NULL, '', '', '[]', '', ?6, '', '', NULL, \
                 NULL, 0, 0, 0, 0, 0, 0, 0, ?7, NULL, FALSE)",
            )?,
            prepared: db.prepare("UPDATE runs SET directory = ?2, base_commit = ?3 WHERE task_key = ?1 AND number = 1")?,
            started: db.prepare("UPDATE runs SET state = 'RUNNING', pid = 1 WHERE task_key = ?1 AND number = 1")?,
            tokens: db.prepare("UPDATE runs SET tokens_input = 800, tokens_output = 200 WHERE task_key = ?1 AND number = 1")?,
            ledger: db.prepare(
                "INSERT INTO token_ledger (task_key, run_number, message_id, at, project_id, agent_id, account_id, model, input, output, \
                 cache_read, cache_write, cost_micros) VALUES (?1, 1, 'm1', ?2, ?3, ?4, NULL, 'scripted', 800, 200, 0, 0, NULL)",
            )?,
            finished: db.prepare(
                "UPDATE runs SET state = 'CONCLUDING', summary = 'Done', exit_code = 0, output_items = 0, output_bytes = 0 \
                 WHERE task_key = ?1 AND number = 1",
            )?,
            ended: db.prepare(
                "UPDATE runs SET state = 'ENDED', result = 'done', commit_id = ?2, files_changed = '[\"a.txt\"]', ended_at = ?3 \
                 WHERE task_key = ?1 AND number = 1",
            )?,
            questions: db.prepare("UPDATE questions SET closed_at = ?2 WHERE task_key = ?1 AND run_number = 1 AND closed_at IS NULL")?,
            dependents: db.prepare(
                "UPDATE tasks SET unmet_deps = unmet_deps - 1 \
                 WHERE key IN (SELECT task_key FROM task_dependencies WHERE depends_on_key = ?1)",
            )?,
            key: db.prepare(
                "INSERT INTO api_keys (kid, hash, name, role, projects, task_id, run_number, created_at, expires_at, revoked_at, \
                 last_used_at) VALUES (?1, ?2, ?3, 'run', ?4, ?5, 1, ?6, ?7, NULL, NULL)",
            )?,
            revoked: db.prepare("UPDATE api_keys SET revoked_at = ?2 WHERE task_id = ?1 AND run_number = 1 AND revoked_at IS NULL")?,
            event: db.prepare(
                "INSERT INTO events (seq, at, kind, project_id, task_id, run_number, agent_id, payload, task_key) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8)",
            )?,
            seq: 0,
            ready,
            used: vec![0.0; usize::try_from(PROJECTS).unwrap_or(1)],
        })
    }

    fn tell(&mut self, key: i64, kind: &str, agent: Option<usize>) -> rusqlite::Result<()> {
        self.seq += 1;
        let payload = format!(r#"{{"title":"{TITLE}","from":"READY","status":"{kind}","trigger":"{kind}","actor":"system"}}"#);
        let agent = agent.map(|number| format!("agent-{number}"));
        let project = format!("project-{}", key % PROJECTS);
        self.event.execute(params![self.seq, millis(), kind, project, format!("task-{key:08}"), agent, payload, key]).map(drop)
    }

    fn moves(&mut self, key: i64, from: (&str, i64), to: (&str, i64), agent: Option<usize>) -> rusqlite::Result<()> {
        let agent = agent.map(|number| format!("agent-{number}"));
        let (branch, session) = (format!("task-{key:08}/a-task-title"), "c0ffee00-0000-4000-8000-000000000000");
        self.moved.execute(params![key, to.0, agent, to.1, branch, session, millis(), from.0, from.1]).map(drop)
    }

    fn claim(&mut self, agent: usize) -> rusqlite::Result<Option<i64>> {
        let least = self.ready.iter().enumerate().filter(|(_, heads)| !heads.is_empty()).map(|(place, _)| place);
        let least = least.min_by(|a, b| self.used.get(*a).unwrap_or(&0.0).total_cmp(self.used.get(*b).unwrap_or(&0.0)));
        let Some(place) = least else { return Ok(None) };
        if let Some(used) = self.used.get_mut(place) {
            *used += 1000.0 / f64::from(u32::try_from(place + 1).unwrap_or(1));
        }
        let Some((_, key)) = self.ready.get_mut(place).and_then(BTreeSet::pop_first) else { return Ok(None) };
        self.moves(key, ("READY", 0), ("ASSIGNED", 1), Some(agent))?;
        let (name, project) = (format!("task-{key:08}"), format!("project-{}", key % PROJECTS));
        let workspace = format!("ws-{key}");
        let session = "c0ffee00-0000-4000-8000-000000000000";
        self.run.execute(params![key, name, project, format!("agent-{agent}"), workspace, session, millis()])?;
        self.tell(key, "task.assigned", Some(agent))?;
        let (kid, hash) = (format!("{key:010}"), "ab".repeat(32));
        let scope = format!("[\"{project}\"]");
        self.key.execute(params![kid, hash, format!("run {name}/1"), scope, name, millis(), millis() + 86_400_000])?;
        Ok(Some(key))
    }

    fn write(&mut self, step: &Step) -> rusqlite::Result<Option<i64>> {
        match *step {
            Step::Claim(agent) => return self.claim(agent),
            Step::Prepared(key) => {
                self.prepared.execute(params![key, format!("/nowhere/task-{key:08}/1"), "0".repeat(40)])?;
            }
            Step::Started(key) => {
                self.moves(key, ("ASSIGNED", 1), ("IN_PROGRESS", 1), Some(0))?;
                self.tell(key, "task.started", Some(0))?;
                self.started.execute([key])?;
            }
            Step::Tokens(key, agent) => {
                let (project, agent) = (format!("project-{}", key % PROJECTS), format!("agent-{agent}"));
                self.ledger.execute(params![key, millis(), project, agent])?;
                self.tokens.execute([key])?;
            }
            Step::Finished(key, agent) => {
                self.tell(key, "run.finished", Some(agent))?;
                self.moves(key, ("IN_PROGRESS", 1), ("VERIFYING", 1), Some(agent))?;
                self.tell(key, "task.verifying", Some(agent))?;
                self.finished.execute([key])?;
                return self.claim(agent);
            }
            Step::Concluded(key) => {
                self.tell(key, "git.merged", None)?;
                self.moves(key, ("VERIFYING", 1), ("COMPLETED", 1), None)?;
                self.tell(key, "task.completed", None)?;
                self.dependents.execute([key])?;
                self.questions.execute(params![key, millis()])?;
                self.revoked.execute(params![format!("task-{key:08}"), millis()])?;
                self.ended.execute(params![key, "1".repeat(40), millis()])?;
                self.tell(key, "run.ended", None)?;
            }
        }
        Ok(None)
    }
}

fn millis() -> i64 {
    i64::try_from(nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn writer(file: &Path, wanted: &mpsc::Receiver<Wanted>, ready: oneshot::Sender<()>) -> rusqlite::Result<()> {
    let db = Connection::open(file)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864; \
         PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384",
    )?;
    let mut rows = Rows::new(&db)?;
    // Nobody waits any more: the measurement was given up.
    let _ = ready.send(());
    let (mut begin, mut commit) = (db.prepare("BEGIN IMMEDIATE")?, db.prepare("COMMIT")?);
    while let Ok(first) = wanted.recv() {
        begin.execute([])?;
        let mut answers = Vec::new();
        let mut next = Some(first);
        while let Some(one) = next.take() {
            answers.push((one.answer, rows.write(&one.step)?));
            if answers.len() < MAX_BATCH {
                next = wanted.try_recv().ok();
            }
        }
        commit.execute([])?;
        for (answer, said) in answers {
            // An agent whose time is over does not wait for it.
            let _gone = answer.send(said);
        }
    }
    Ok(())
}

/// Lifecycles per second of `agents` agents on the database `file`, for `span` or until nothing is ready.
pub(crate) fn measure(runtime: &tokio::runtime::Runtime, file: &Path, agents: usize, tokens: bool, span: Duration) -> Result<f64, String> {
    let (sender, receiver) = mpsc::channel();
    let (ready, is_ready) = oneshot::channel();
    let file = file.to_owned();
    let thread = std::thread::spawn(move || writer(&file, &receiver, ready).map_err(|error| error.to_string()));
    let measured = runtime.block_on(async move {
        is_ready.await.map_err(|error| error.to_string())?;
        let begin = now();
        let mut crowd = tokio::task::JoinSet::new();
        for agent in 0..agents {
            let sender = sender.clone();
            crowd.spawn(async move {
                let ask = |step: Step| {
                    let (answer, answered) = oneshot::channel();
                    let sent = sender.send(Wanted { step, answer }).is_ok();
                    async move { if sent { answered.await.ok().flatten() } else { None } }
                };
                let mut landing = tokio::task::JoinSet::new();
                let mut done = 0_u64;
                let mut next = ask(Step::Claim(agent)).await;
                while let Some(key) = next {
                    ask(Step::Prepared(key)).await;
                    ask(Step::Started(key)).await;
                    if tokens {
                        ask(Step::Tokens(key, agent)).await;
                    }
                    next = ask(Step::Finished(key, agent)).await;
                    // The agent goes on while its work is being landed.
                    landing.spawn(ask(Step::Concluded(key)));
                    while landing.try_join_next().is_some() {
                        done += 1;
                    }
                    if begin.elapsed() >= span {
                        break;
                    }
                }
                while landing.join_next().await.is_some() {
                    done += 1;
                }
                done
            });
        }
        drop(sender);
        let mut done = 0;
        while let Some(count) = crowd.join_next().await {
            done += count.unwrap_or(0);
        }
        Ok::<_, String>(rate(done, begin.elapsed()))
    });
    let ended = thread.join().map_err(|_| "the bare writer broke".to_owned())?;
    ended.and(measured)
}
