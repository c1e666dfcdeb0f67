//! What must never be in the rows, asked in SQL: each question gives the offences, at most a hundred.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::dialect::queries;
use super::error::StoreError;

/// A row that breaks a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// What it is about, for example `task swift-falcon`.
    pub subject: String,
    /// What was found.
    pub message: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = BigInt)]
    have: i64,
    #[diesel(sql_type = BigInt)]
    want: i64,
}

fn told(rows: Vec<Row>, sentence: impl Fn(i64, i64) -> String) -> Vec<Offence> {
    rows.into_iter().map(|row| Offence { message: sentence(row.have, row.want), subject: row.subject }).collect()
}

queries! {
    /// Tasks whose number of unmet dependencies is not what their edges say.
    pub fn wrong_unmet(connection) -> Result<Vec<Offence>, StoreError> {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT 'task ' || t.id AS subject, CAST(t.unmet_deps AS BIGINT) AS have, \
               (SELECT COUNT(*) FROM task_dependencies d JOIN tasks u ON u.key = d.depends_on_key \
                 WHERE d.task_key = t.key AND u.status <> 'COMPLETED') AS want \
             FROM tasks t WHERE t.deleted_at IS NULL AND t.unmet_deps <> \
               (SELECT COUNT(*) FROM task_dependencies d JOIN tasks u ON u.key = d.depends_on_key \
                 WHERE d.task_key = t.key AND u.status <> 'COMPLETED') ORDER BY t.key LIMIT 100",
        )
        .load(connection)?;
        Ok(told(rows, |have, want| format!("counts {have} unmet dependencies and has {want}")))
    }

    /// READY tasks that wait for something, and DEFINED ones that wait for nothing.
    pub fn wrong_waits(connection) -> Result<Vec<Offence>, StoreError> {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT 'task ' || id AS subject, CAST(unmet_deps AS BIGINT) AS have, CAST(CASE status WHEN 'READY' THEN 0 ELSE 1 END AS BIGINT) AS want \
             FROM tasks WHERE deleted_at IS NULL AND ((status = 'READY' AND unmet_deps > 0) OR (status = 'DEFINED' AND unmet_deps = 0)) \
             ORDER BY key LIMIT 100",
        )
        .load(connection)?;
        Ok(told(rows, |have, want| {
            if want == 0 { format!("is READY and waits for {have} tasks") } else { "is DEFINED and waits for nothing".to_owned() }
        }))
    }

    /// Tasks that wait for themselves through others: two tasks that reach each other.
    pub fn cycles(connection) -> Result<Vec<Offence>, StoreError> {
        let rows: Vec<Row> = diesel::sql_query(
            "WITH RECURSIVE waits(start, key) AS (\
               SELECT d.task_key, d.depends_on_key FROM task_dependencies d JOIN tasks t ON t.key = d.task_key \
                 WHERE t.status = 'DEFINED' AND t.deleted_at IS NULL \
                   AND EXISTS (SELECT 1 FROM task_dependencies b WHERE b.depends_on_key = d.task_key) \
               UNION SELECT w.start, d.depends_on_key FROM waits w JOIN task_dependencies d ON d.task_key = w.key \
                 JOIN tasks t ON t.key = w.key WHERE t.status = 'DEFINED' AND w.key <> w.start) \
             SELECT 'task ' || t.id AS subject, t.key AS have, t.key AS want FROM waits w JOIN tasks t ON t.key = w.start \
             WHERE w.key = w.start ORDER BY t.key LIMIT 100",
        )
        .load(connection)?;
        Ok(told(rows, |_, _| "waits for itself through other tasks".to_owned()))
    }

    /// Runs whose tokens are not the sum of their ledger entries.
    pub fn wrong_tokens(connection) -> Result<Vec<Offence>, StoreError> {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT 'run ' || r.task_id || '/' || r.number AS subject, \
               r.tokens_input + r.tokens_output + r.tokens_cache_read + r.tokens_cache_write AS have, CAST(COALESCE(l.tokens, 0) AS BIGINT) AS want \
             FROM runs r LEFT JOIN (SELECT task_key, run_number, SUM(input + output + cache_read + cache_write) AS tokens \
               FROM token_ledger GROUP BY task_key, run_number) l ON l.task_key = r.task_key AND l.run_number = r.number \
             WHERE r.tokens_input + r.tokens_output + r.tokens_cache_read + r.tokens_cache_write <> COALESCE(l.tokens, 0) \
             ORDER BY r.task_key, r.number LIMIT 100",
        )
        .load(connection)?;
        Ok(told(rows, |have, want| format!("has {have} tokens and its ledger {want}")))
    }

    /// Tasks whose runs are not 1, 2, … up to the newest that the task knows.
    pub fn wrong_numbers(connection) -> Result<Vec<Offence>, StoreError> {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT 'task ' || t.id AS subject, r.runs AS have, CAST(t.run_number AS BIGINT) AS want FROM tasks t \
             JOIN (SELECT task_key, COUNT(*) AS runs, MAX(number) AS newest FROM runs GROUP BY task_key) r ON r.task_key = t.key \
             WHERE r.runs <> t.run_number OR r.newest <> t.run_number ORDER BY t.key LIMIT 100",
        )
        .load(connection)?;
        Ok(told(rows, |have, want| format!("has {have} runs and knows of {want}")))
    }

    /// Open questions of runs that are over, but for those that a paused task waits for.
    pub fn stale_questions(connection) -> Result<Vec<Offence>, StoreError> {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT 'run ' || r.task_id || '/' || r.number AS subject, COUNT(*) AS have, CAST(0 AS BIGINT) AS want FROM questions q \
             JOIN runs r ON r.task_key = q.task_key AND r.number = q.run_number JOIN tasks t ON t.key = q.task_key \
             WHERE q.closed_at IS NULL AND r.state = 'ENDED' AND NOT (t.status = 'PAUSED' AND t.run_number = r.number) GROUP BY r.task_id, r.number ORDER BY 1 LIMIT 100",
        )
        .load(connection)?;
        Ok(told(rows, |have, _| format!("is over and has {have} open questions")))
    }

    /// Holes in the numbers of the events.
    pub fn event_holes(connection) -> Result<Vec<Offence>, StoreError> {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT 'events' AS subject, COUNT(*) AS have, CAST(COALESCE(MAX(seq) - MIN(seq) + 1, 0) AS BIGINT) AS want FROM events",
        )
        .load(connection)?;
        Ok(told(rows.into_iter().filter(|row| row.have != row.want).collect(), |have, want| {
            format!("there are {have} of them within {want} numbers")
        }))
    }
}
