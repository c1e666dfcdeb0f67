//! Section `budgets`: how much may be spent before the server stops and says so.
//!
//! Keys: `period`, `time_zone` and, in model tokens, `run_tokens`, `task_tree_tokens`, `project_day_tokens`, `day_tokens`.
//! Every default is finite; `null` lifts one on purpose and is told as a warning.

use aq_core::budget::Budgets as Defaults;
use aq_core::limits::read_zone;
use serde::Serialize;

use crate::config::reader::Reader;

/// What may be spent at each level. `None` means without limit, which only an explicit `null` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Budgets {
    /// Over which time project and day budgets count.
    pub period: BudgetPeriod,
    /// Name of the time zone of the calendar day.
    pub time_zone: String,
    /// Model tokens of one run.
    pub run_tokens: Option<u64>,
    /// Model tokens of a task and everything that came out of its plan.
    pub task_tree_tokens: Option<u64>,
    /// Model tokens of one project per period.
    pub project_day_tokens: Option<u64>,
    /// Model tokens of everything per period; also written `global_token_budget_daily`.
    pub day_tokens: Option<u64>,
}

/// Over which time the budgets of a project and of the day count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// The scheduler's rolling window, the default.
    Rolling,
    /// The calendar day in `time_zone`.
    CalendarDay,
}

impl Budgets {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let period = reader.choice(
            "period",
            &[("rolling", BudgetPeriod::Rolling), ("calendar_day", BudgetPeriod::CalendarDay)],
            BudgetPeriod::Rolling,
        );
        let zone = reader.parsed("time_zone", read_zone);
        for key in ["run_usd", "task_tree_usd", "project_day_usd", "day_usd"] {
            let remedy = format!(
                "set `{}` of the same level; what providers say that runs cost is shown by `aqctl usage`",
                key.replace("_usd", "_tokens")
            );
            reader.refused(
                key,
                "is not kept: budgets count tokens, since a subscription has no price per token and not every agent states a cost",
                &remedy,
            );
        }
        let defaults = Defaults::default();
        let read = Self {
            period,
            time_zone: zone.and_then(|zone| zone.iana_name().map(ToOwned::to_owned)).unwrap_or_else(|| "UTC".to_owned()),
            run_tokens: tokens(&mut reader, "run_tokens", defaults.run),
            task_tree_tokens: tokens(&mut reader, "task_tree_tokens", defaults.task_tree),
            project_day_tokens: tokens(&mut reader, "project_day_tokens", defaults.project),
            day_tokens: tokens(&mut reader, "day_tokens", defaults.global),
        };
        reader.finish();
        read
    }
}

fn tokens(reader: &mut Reader<'_>, key: &'static str, default: Option<u64>) -> Option<u64> {
    let limit = reader.optional_count(key, 1..=i64::MAX.unsigned_abs(), default);
    warn_unlimited(reader, key, limit)
}

fn warn_unlimited(reader: &Reader<'_>, key: &str, limit: Option<u64>) -> Option<u64> {
    if limit.is_none() {
        reader.warning(key, "is null: nothing stops spending at this level", Some("set a number you would not mind losing".to_owned()));
    }
    limit
}
