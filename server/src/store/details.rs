//! What is shown beside tasks, runs and agents and kept elsewhere: sums over runs, costs, counts of subtasks, unmet dependencies. One
//! query for every 500 rows of a list, never one for each.

use std::collections::BTreeMap;

use aq_core::ids::TaskId;
use aq_core::output::TokenUsage;
use aq_core::run::RunState;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use diesel::dsl::{count_star, max, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::{runs, task_dependencies, tasks, token_ledger};

/// Rows asked for at once; SQLite refuses statements with very many parameters.
const PART: usize = 500;

/// What the runs of a task come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSums {
    /// Model tokens of all of them.
    pub tokens: TokenUsage,
    /// When the first was ordered.
    pub started_at: Option<Timestamp>,
    /// When the last one that is over ended.
    pub ended_at: Option<Timestamp>,
    /// Summary of the newest run that is over, else its message.
    pub result: String,
    /// Number of that run.
    newest: i32,
}

/// What the ledger knows of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunCost {
    /// Stated cost in millionths of a US dollar.
    pub cost_micros: u64,
    /// A model that was used; empty when none was named.
    pub model: String,
    /// The account that paid; empty: none.
    pub account: String,
}

type CostRow = (i64, i32, Option<i64>, Option<String>, Option<String>);
type RunRow = (i64, i32, String, i64, i64, i64, i64, i64, Option<i64>, String, String);

queries! {
    /// What the runs of these tasks come to; tasks without a run are left out.
    pub fn run_sums(connection, keys: &[i64]) -> Result<BTreeMap<i64, RunSums>, StoreError> {
        let mut sums: BTreeMap<i64, RunSums> = BTreeMap::new();
        for part in keys.chunks(PART) {
            let rows: Vec<RunRow> = runs::table
                .filter(runs::task_key.eq_any(part))
                .select((
                    runs::task_key, runs::number, runs::state, runs::tokens_input, runs::tokens_output, runs::tokens_cache_read,
                    runs::tokens_cache_write, runs::started_at, runs::ended_at, runs::summary, runs::message,
                ))
                .load(connection)?;
            for (key, number, state, input, output, read, write, started, ended, summary, message) in rows {
                let sum = sums.entry(key).or_default();
                sum.tokens.input += columns::count("runs.tokens_input", input)?;
                sum.tokens.output += columns::count("runs.tokens_output", output)?;
                sum.tokens.cache_read += columns::count("runs.tokens_cache_read", read)?;
                sum.tokens.cache_write += columns::count("runs.tokens_cache_write", write)?;
                let started = Timestamp::from_millis(started);
                sum.started_at = Some(sum.started_at.map_or(started, |first| first.min(started)));
                sum.ended_at = sum.ended_at.max(columns::instant(ended));
                if state == RunState::Ended.as_str() && number > sum.newest {
                    sum.newest = number;
                    sum.result = if summary.is_empty() { message } else { summary };
                }
            }
        }
        Ok(sums)
    }

    /// What the ledger knows of the runs of these tasks, by task and number of the run.
    pub fn run_costs(connection, keys: &[i64]) -> Result<BTreeMap<(i64, u32), RunCost>, StoreError> {
        let mut costs = BTreeMap::new();
        for part in keys.chunks(PART) {
            let rows: Vec<CostRow> = token_ledger::table
                .filter(token_ledger::task_key.eq_any(part))
                .group_by((token_ledger::task_key, token_ledger::run_number))
                .select((
                    token_ledger::task_key, token_ledger::run_number, sql::<Nullable<BigInt>>("CAST(SUM(cost_micros) AS BIGINT)"),
                    max(token_ledger::model), max(token_ledger::account_id),
                ))
                .load(connection)?;
            for (key, number, cost, model, account) in rows {
                let cost = RunCost {
                    cost_micros: columns::count("token_ledger.cost_micros", cost.unwrap_or(0))?,
                    model: model.unwrap_or_default(),
                    account: account.unwrap_or_default(),
                };
                costs.insert((key, columns::small("token_ledger.run_number", number)?), cost);
            }
        }
        Ok(costs)
    }

    /// Direct subtasks of these tasks: (completed, all), deleted ones left out.
    pub fn subtask_counts(connection, keys: &[i64]) -> Result<BTreeMap<i64, (u32, u32)>, StoreError> {
        let mut counts: BTreeMap<i64, (u32, u32)> = BTreeMap::new();
        for part in keys.chunks(PART) {
            let rows: Vec<(Option<i64>, String, i64)> = tasks::table
                .filter(tasks::parent_key.eq_any(part).and(tasks::deleted_at.is_null()))
                .group_by((tasks::parent_key, tasks::status))
                .select((tasks::parent_key, tasks::status, count_star()))
                .load(connection)?;
            for (parent, status, count) in rows {
                let Some(parent) = parent else { continue };
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                let entry = counts.entry(parent).or_default();
                entry.1 = entry.1.saturating_add(count);
                if status == TaskStatus::Completed.as_str() {
                    entry.0 = entry.0.saturating_add(count);
                }
            }
        }
        Ok(counts)
    }

    /// What these tasks wait for and is not COMPLETED.
    pub fn unmet(connection, keys: &[i64]) -> Result<BTreeMap<i64, Vec<(TaskId, TaskStatus)>>, StoreError> {
        let mut unmet: BTreeMap<i64, Vec<(TaskId, TaskStatus)>> = BTreeMap::new();
        for part in keys.chunks(PART) {
            let rows: Vec<(i64, String, String)> = task_dependencies::table
                .inner_join(tasks::table.on(tasks::key.eq(task_dependencies::depends_on_key)))
                .filter(task_dependencies::task_key.eq_any(part).and(tasks::status.ne(TaskStatus::Completed.as_str())))
                .select((task_dependencies::task_key, tasks::id, tasks::status))
                .load(connection)?;
            for (key, id, status) in rows {
                let status = columns::read("tasks.status", &status, TaskStatus::parse)?;
                unmet.entry(key).or_default().push((TaskId::from_trusted(&id), status));
            }
        }
        Ok(unmet)
    }

    /// Model tokens of all runs of each agent, deleted agents too.
    pub fn tokens_by_agent(connection) -> Result<BTreeMap<String, u64>, StoreError> {
        let sum = "CAST(SUM(tokens_input + tokens_output + tokens_cache_read + tokens_cache_write) AS BIGINT)";
        let rows: Vec<(String, Option<i64>)> = runs::table
            .group_by(runs::agent_id)
            .select((runs::agent_id, sql::<Nullable<BigInt>>(sum)))
            .load(connection)?;
        rows.into_iter().map(|(agent, tokens)| Ok((agent, columns::count("runs.tokens", tokens.unwrap_or(0))?))).collect()
    }
}
