//! What was spent, added up by the database: by agent of a task, by task of a project, by project.
//!
//! Sums for the usage windows of hot decisions are kept in memory (`lifecycle`); these are for people.

use aq_core::ids::{AgentId, ProjectId};
use aq_core::output::TokenUsage;
use aq_core::time::Timestamp;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::token_ledger;

/// Sums of one group of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageLine {
    /// The project; set when the lines are by project.
    pub project: Option<ProjectId>,
    /// Key of the task; set when the lines are by task.
    pub task_key: Option<i64>,
    /// The agent; set when the lines are by agent.
    pub agent: Option<AgentId>,
    /// The model; set when the lines are by model.
    pub model: Option<String>,
    /// When the quarter of an hour began; set when the lines are by time.
    pub quarter: Option<Timestamp>,
    /// Tokens by kind.
    pub tokens: TokenUsage,
    /// Stated cost in millionths of a US dollar.
    pub cost_micros: u64,
    /// How many entries.
    pub entries: u64,
}

/// A breakdown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The lines, most tokens first.
    pub lines: Vec<UsageLine>,
    /// Everything together, also what the lines had to leave out.
    pub total: UsageLine,
}

/// The sums of a group, in the order of [`SUMS`].
pub(super) type Sums = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, i64);

/// The sums that every breakdown selects. PostgreSQL adds BIGINTs up to a NUMERIC, so the result is cast back.
macro_rules! sums {
    () => {
        (
            sql::<Nullable<BigInt>>("CAST(SUM(input) AS BIGINT)"),
            sql::<Nullable<BigInt>>("CAST(SUM(output) AS BIGINT)"),
            sql::<Nullable<BigInt>>("CAST(SUM(cache_read) AS BIGINT)"),
            sql::<Nullable<BigInt>>("CAST(SUM(cache_write) AS BIGINT)"),
            sql::<Nullable<BigInt>>("CAST(SUM(cost_micros) AS BIGINT)"),
            count_star(),
        )
    };
}

pub(super) use sums;

/// Most tokens first; ties by the group's first column, so that two readings look the same.
pub(super) const MOST_FIRST: &str = "SUM(input + output + cache_read + cache_write) DESC, 1";

pub(super) fn line((input, output, read, write, cost, entries): Sums) -> Result<UsageLine, StoreError> {
    let count = |value: Option<i64>| columns::count("token_ledger", value.unwrap_or(0));
    Ok(UsageLine {
        tokens: TokenUsage { input: count(input)?, output: count(output)?, cache_read: count(read)?, cache_write: count(write)? },
        cost_micros: count(cost)?,
        entries: columns::count("token_ledger", entries)?,
        ..UsageLine::default()
    })
}

queries! {
    /// What a task used from `since` on and before `until`, by agent.
    pub fn of_task(connection, task: i64, since: Timestamp, until: Timestamp, limit: i64) -> Result<Usage, StoreError> {
        let wanted = token_ledger::task_key.eq(task)
            .and(token_ledger::at.ge(since.as_millis()))
            .and(token_ledger::at.lt(until.as_millis()));
        let rows: Vec<(String, Sums)> = token_ledger::table
            .filter(wanted)
            .group_by(token_ledger::agent_id)
            .select((token_ledger::agent_id, sums!()))
            .order(sql::<BigInt>(MOST_FIRST))
            .limit(limit)
            .load(connection)?;
        let total = line(token_ledger::table.filter(wanted).select(sums!()).first(connection)?)?;
        let lines = rows.into_iter().map(|(agent, sums)| {
            Ok(UsageLine { task_key: Some(task), agent: Some(AgentId::from_trusted(&agent)), ..line(sums)? })
        });
        Ok(Usage { lines: lines.collect::<Result<_, StoreError>>()?, total })
    }

    /// What a project used from `since` on and before `until`, by task and agent.
    pub fn of_project(connection, project: &ProjectId, since: Timestamp, until: Timestamp, limit: i64) -> Result<Usage, StoreError> {
        let wanted = token_ledger::project_id.eq(project.as_str())
            .and(token_ledger::at.ge(since.as_millis()))
            .and(token_ledger::at.lt(until.as_millis()));
        let rows: Vec<(i64, String, Sums)> = token_ledger::table
            .filter(wanted)
            .group_by((token_ledger::task_key, token_ledger::agent_id))
            .select((token_ledger::task_key, token_ledger::agent_id, sums!()))
            .order(sql::<BigInt>(MOST_FIRST))
            .limit(limit)
            .load(connection)?;
        let total = line(token_ledger::table.filter(wanted).select(sums!()).first(connection)?)?;
        let lines = rows.into_iter().map(|(task, agent, sums)| {
            Ok(UsageLine { task_key: Some(task), agent: Some(AgentId::from_trusted(&agent)), ..line(sums)? })
        });
        Ok(Usage { lines: lines.collect::<Result<_, StoreError>>()?, total })
    }

    /// What these projects used from `since` on and before `until`, by project; `None`: all of them.
    pub fn by_project(
        connection,
        projects: Option<&[ProjectId]>,
        since: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Usage, StoreError> {
        let wanted = token_ledger::at.ge(since.as_millis()).and(token_ledger::at.lt(until.as_millis()));
        let mut groups = token_ledger::table
            .filter(wanted)
            .group_by(token_ledger::project_id)
            .select((token_ledger::project_id, sums!()))
            .order(sql::<BigInt>(MOST_FIRST))
            .limit(limit)
            .into_boxed();
        let mut all = token_ledger::table.filter(wanted).select(sums!()).into_boxed();
        if let Some(projects) = projects {
            groups = groups.filter(token_ledger::project_id.eq_any(projects.iter().map(ProjectId::as_str)));
            all = all.filter(token_ledger::project_id.eq_any(projects.iter().map(ProjectId::as_str)));
        }
        let rows: Vec<(String, Sums)> = groups.load(connection)?;
        let total = line(all.first(connection)?)?;
        let lines =
            rows.into_iter().map(|(project, sums)| Ok(UsageLine { project: Some(ProjectId::from_trusted(&project)), ..line(sums)? }));
        Ok(Usage { lines: lines.collect::<Result<_, StoreError>>()?, total })
    }
}
