//! Section `budgets`: how much may be spent before the server stops and says so.
//!
//! Keys: `period` and, in model tokens and in US dollars, `run_*`, `task_tree_*`, `project_day_*`, `day_*`.
//! Every default is finite; `null` lifts one on purpose and is told as a warning.

use serde::{Serialize, Serializer};

use crate::config::reader::Reader;

/// Millionths of a US dollar, the unit in which money is counted.
const MICROS: f64 = 1_000_000.0;

/// What may be spent at each level. `None` means without limit, which only an explicit `null` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Budgets {
    /// Over which time project and day budgets count.
    pub period: BudgetPeriod,
    /// Model tokens of one run.
    pub run_tokens: Option<u64>,
    /// Model tokens of a task and everything that came out of its plan.
    pub task_tree_tokens: Option<u64>,
    /// Model tokens of one project per period.
    pub project_day_tokens: Option<u64>,
    /// Model tokens of everything per period; also written `global_token_budget_daily`.
    pub day_tokens: Option<u64>,
    /// Millionths of a US dollar of one run.
    #[serde(rename = "run_usd", serialize_with = "usd")]
    pub run_usd_micros: Option<u64>,
    /// Millionths of a US dollar of a task and everything that came out of its plan.
    #[serde(rename = "task_tree_usd", serialize_with = "usd")]
    pub task_tree_usd_micros: Option<u64>,
    /// Millionths of a US dollar of one project per period.
    #[serde(rename = "project_day_usd", serialize_with = "usd")]
    pub project_day_usd_micros: Option<u64>,
    /// Millionths of a US dollar of everything per period.
    #[serde(rename = "day_usd", serialize_with = "usd")]
    pub day_usd_micros: Option<u64>,
}

/// Over which time the budgets of a project and of the day count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// The scheduler's rolling window, the default.
    Rolling,
    /// The calendar day in UTC.
    CalendarDay,
}

impl Budgets {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let period = reader.choice(
            "period",
            &[("rolling", BudgetPeriod::Rolling), ("calendar_day", BudgetPeriod::CalendarDay)],
            BudgetPeriod::Rolling,
        );
        let read = Self {
            period,
            run_tokens: tokens(&mut reader, "run_tokens", 20_000_000),
            task_tree_tokens: tokens(&mut reader, "task_tree_tokens", 100_000_000),
            project_day_tokens: tokens(&mut reader, "project_day_tokens", 200_000_000),
            day_tokens: tokens(&mut reader, "day_tokens", 500_000_000),
            run_usd_micros: money(&mut reader, "run_usd", 25.0),
            task_tree_usd_micros: money(&mut reader, "task_tree_usd", 100.0),
            project_day_usd_micros: money(&mut reader, "project_day_usd", 200.0),
            day_usd_micros: money(&mut reader, "day_usd", 500.0),
        };
        reader.finish();
        read
    }
}

fn tokens(reader: &mut Reader<'_>, key: &'static str, default: u64) -> Option<u64> {
    let limit = reader.optional_count(key, 1..=i64::MAX.unsigned_abs(), Some(default));
    warn_unlimited(reader, key, limit)
}

fn money(reader: &mut Reader<'_>, key: &'static str, default: f64) -> Option<u64> {
    let limit = if reader.is_null(key) { reader.optional_count(key, 0..=0, None) } else { Some(micros(reader.number(key, 0.01, default))) };
    warn_unlimited(reader, key, limit)
}

fn warn_unlimited(reader: &Reader<'_>, key: &str, limit: Option<u64>) -> Option<u64> {
    if limit.is_none() {
        reader.warning(key, "is null: nothing stops spending at this level", Some("set a number you would not mind losing".to_owned()));
    }
    limit
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is at least 0.01 and the cast saturates")]
fn micros(dollars: f64) -> u64 {
    ((dollars * MICROS).round() as u64).min(i64::MAX.unsigned_abs())
}

#[expect(clippy::cast_precision_loss, reason = "only for showing")]
fn usd<S: Serializer>(limit: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match limit {
        Some(micros) => serializer.serialize_f64(*micros as f64 / MICROS),
        None => serializer.serialize_none(),
    }
}
