//! What was spent, by agent, by model, or by time, of whatever the caller asks about.
//!
//! The breakdowns by project and task live in `usage`.

use aq_core::ids::{AgentId, ProjectId};
use aq_core::time::Timestamp;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::dialect::queries;
use super::error::StoreError;
use super::schema::token_ledger;
use super::usage::{MOST_FIRST, Sums, Usage, UsageLine, line, sums};

/// The grid of sums by time, in milliseconds: every time zone's midnight lies on it.
const QUARTER_MS: i64 = 900_000;

/// Whose usage is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageOf {
    /// Only this task.
    pub task: Option<i64>,
    /// Only these projects; `None`: all.
    pub projects: Option<Vec<ProjectId>>,
    /// From here on.
    pub since: Timestamp,
    /// Before this instant.
    pub until: Timestamp,
}

/// Keeps to what is asked about.
macro_rules! only {
    ($query:expr, $of:expr) => {{
        let mut query =
            $query.filter(token_ledger::at.ge($of.since.as_millis()).and(token_ledger::at.lt($of.until.as_millis()))).into_boxed();
        if let Some(task) = $of.task {
            query = query.filter(token_ledger::task_key.eq(task));
        }
        if let Some(projects) = &$of.projects {
            query = query.filter(token_ledger::project_id.eq_any(projects.iter().map(ProjectId::as_str)));
        }
        query
    }};
}

queries! {
    /// By agent, most tokens first.
    pub fn by_agent(connection, of: &UsageOf, limit: i64) -> Result<Usage, StoreError> {
        let groups = token_ledger::table.group_by(token_ledger::agent_id).select((token_ledger::agent_id, sums!()));
        let rows: Vec<(String, Sums)> = only!(groups.order(sql::<BigInt>(MOST_FIRST)).limit(limit), of).load(connection)?;
        let lines = rows.into_iter().map(|(agent, sums)| Ok(UsageLine { agent: Some(AgentId::from_trusted(&agent)), ..line(sums)? }));
        Ok(Usage { lines: lines.collect::<Result<_, StoreError>>()?, total: line(only!(token_ledger::table.select(sums!()), of).first(connection)?)? })
    }

    /// By model, most tokens first.
    pub fn by_model(connection, of: &UsageOf, limit: i64) -> Result<Usage, StoreError> {
        let groups = token_ledger::table.group_by(token_ledger::model).select((token_ledger::model, sums!()));
        let rows: Vec<(String, Sums)> = only!(groups.order(sql::<BigInt>(MOST_FIRST)).limit(limit), of).load(connection)?;
        let lines = rows.into_iter().map(|(model, sums)| Ok(UsageLine { model: Some(model), ..line(sums)? }));
        Ok(Usage { lines: lines.collect::<Result<_, StoreError>>()?, total: line(only!(token_ledger::table.select(sums!()), of).first(connection)?)? })
    }

    /// By quarter of an hour, oldest first; the caller adds them up to days of a time zone.
    pub fn by_quarter(connection, of: &UsageOf) -> Result<Usage, StoreError> {
        let quarter = || sql::<BigInt>("at / 900000");
        let groups = token_ledger::table.group_by(quarter()).select((quarter(), sums!()));
        let rows: Vec<(i64, Sums)> = only!(groups.order(sql::<BigInt>("1")), of).load(connection)?;
        let lines = rows.into_iter().map(|(number, sums)| {
            Ok(UsageLine { quarter: Some(Timestamp::from_millis(number.saturating_mul(QUARTER_MS))), ..line(sums)? })
        });
        Ok(Usage { lines: lines.collect::<Result<_, StoreError>>()?, total: line(only!(token_ledger::table.select(sums!()), of).first(connection)?)? })
    }
}
