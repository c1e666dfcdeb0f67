//! The token ledger: append-only, one row per message of a run, independent of what happens to the task later.

use aq_core::ids::{AccountId, AgentId, ProjectId};
use aq_core::output::TokenUsage;
use aq_core::time::Timestamp;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::token_ledger;

/// The key of no task: what a model used beside runs.
pub const NO_TASK: i64 = 0;

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    /// Key of the task.
    pub task_key: i64,
    /// Number of the run.
    pub run_number: u32,
    /// Names the message within the run; a repeated report of it counts once.
    pub message_id: String,
    /// When the tokens were spent.
    pub at: Timestamp,
    /// The project.
    pub project: ProjectId,
    /// The agent.
    pub agent: AgentId,
    /// The account, when the agent draws from one.
    pub account: Option<AccountId>,
    /// The model, when known.
    pub model: String,
    /// How many, by kind.
    pub tokens: TokenUsage,
    /// Cost in millionths of a US dollar, when stated.
    pub cost_micros: Option<u64>,
}

#[derive(Insertable)]
#[diesel(table_name = token_ledger, treat_none_as_default_value = false)]
struct Row<'a> {
    task_key: i64,
    run_number: i32,
    message_id: &'a str,
    at: i64,
    project_id: &'a str,
    agent_id: &'a str,
    account_id: Option<&'a str>,
    model: &'a str,
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write: i64,
    cost_micros: Option<i64>,
}

queries! {
    /// Adds an entry; false when the message was recorded before.
    pub fn insert(connection, entry: &LedgerEntry) -> Result<bool, StoreError> {
        let entry = diesel::insert_into(token_ledger::table)
            .values(Row {
                task_key: entry.task_key,
                run_number: columns::int(entry.run_number),
                message_id: &entry.message_id,
                at: entry.at.as_millis(),
                project_id: entry.project.as_str(),
                agent_id: entry.agent.as_str(),
                account_id: entry.account.as_ref().map(AccountId::as_str),
                model: &entry.model,
                input: columns::big(entry.tokens.input),
                output: columns::big(entry.tokens.output),
                cache_read: columns::big(entry.tokens.cache_read),
                cache_write: columns::big(entry.tokens.cache_write),
                cost_micros: entry.cost_micros.map(columns::big),
            })
            .on_conflict_do_nothing();
        Ok(entry.execute(connection)? == 1)
    }

    /// Tokens by project and instant from `since` on (inclusive), oldest first: what rebuilds the usage windows.
    pub fn since(connection, since: Timestamp) -> Result<Vec<(String, i64, u64)>, StoreError> {
        let rows: Vec<(String, i64, i64, i64, i64, i64)> = token_ledger::table
            .filter(token_ledger::at.ge(since.as_millis()))
            .order(token_ledger::at)
            .select((
                token_ledger::project_id,
                token_ledger::at,
                token_ledger::input,
                token_ledger::output,
                token_ledger::cache_read,
                token_ledger::cache_write,
            ))
            .load(connection)?;
        rows.into_iter()
            .map(|(project, at, input, output, read, write)| {
                Ok((project, at, columns::count("token_ledger", input + output + read + write)?))
            })
            .collect()
    }

    /// Sums of all tokens of an account from `since` on (inclusive), by model.
    pub fn of_account(connection, account: &AccountId, since: Timestamp) -> Result<Vec<(String, u64)>, StoreError> {
        let rows: Vec<(String, Option<i64>)> = token_ledger::table
            .filter(token_ledger::account_id.eq(account.as_str()).and(token_ledger::at.ge(since.as_millis())))
            .group_by(token_ledger::model)
            .select((token_ledger::model, sql::<Nullable<BigInt>>("CAST(SUM(input + output + cache_read + cache_write) AS BIGINT)")))
            .load(connection)?;
        rows.into_iter().map(|(model, sum)| Ok((model, columns::count("token_ledger", sum.unwrap_or(0))?))).collect()
    }

    /// Which models agents spoke to from `since` on (inclusive): agent, model, when last; the latest last.
    pub fn models(connection, since: Timestamp) -> Result<Vec<(String, String, i64)>, StoreError> {
        let mut rows: Vec<(String, String, Option<i64>)> = token_ledger::table
            .filter(token_ledger::at.ge(since.as_millis()).and(token_ledger::task_key.ne(NO_TASK)))
            .group_by((token_ledger::agent_id, token_ledger::model))
            .select((token_ledger::agent_id, token_ledger::model, diesel::dsl::max(token_ledger::at)))
            .load(connection)?;
        rows.sort_by_key(|(_, _, at)| *at);
        Ok(rows.into_iter().map(|(agent, model, at)| (agent, model, at.unwrap_or(0))).collect())
    }

    /// Sum of all tokens of a project from `since` on (inclusive).
    pub fn project_total(connection, project: &ProjectId, since: Timestamp) -> Result<u64, StoreError> {
        let total: Option<i64> = token_ledger::table
            .filter(token_ledger::project_id.eq(project.as_str()).and(token_ledger::at.ge(since.as_millis())))
            .select(sql::<Nullable<BigInt>>("CAST(SUM(input + output + cache_read + cache_write) AS BIGINT)"))
            .first(connection)?;
        columns::count("token_ledger", total.unwrap_or(0))
    }
}
