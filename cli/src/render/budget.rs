//! Budgets: one bar for each.

use aq_proto::v1::{Budget, BudgetScope, ListBudgetsResponse};

use super::limits::bar;
use super::table::{Cell, table};
use super::{amount, time};
use crate::look::{Look, Tone};
use crate::words;

fn name(budget: &Budget) -> String {
    match BudgetScope::try_from(budget.scope) {
        Ok(BudgetScope::Run) => "each run".to_owned(),
        Ok(BudgetScope::TaskTree) => "each task tree".to_owned(),
        Ok(BudgetScope::Project) if budget.project_id.is_empty() => "each project".to_owned(),
        Ok(BudgetScope::Project) => format!("project {}", budget.project_id),
        Ok(BudgetScope::Global) => "everything".to_owned(),
        Ok(BudgetScope::Unspecified) | Err(_) => words::phrase::<BudgetScope>(budget.scope),
    }
}

fn limit(budget: &Budget) -> String {
    budget.limit_tokens.map_or_else(|| "none".to_owned(), amount::tokens)
}

/// The sentence after a budget was set.
#[must_use]
pub(crate) fn told(budget: &Budget) -> String {
    let source = if budget.is_set { "set" } else { "as configured" };
    format!("budget of {}: {} ({source})", name(budget), limit(budget))
}

#[expect(clippy::cast_precision_loss, reason = "a bar has twenty steps")]
fn part(budget: &Budget) -> Option<f64> {
    let limit = budget.limit_tokens.filter(|limit| *limit > 0)?;
    budget.counted_from.as_ref()?;
    Some(budget.used_tokens.saturating_add(budget.reserved_tokens) as f64 / limit as f64)
}

fn state(look: &Look, budget: &Budget) -> (String, Tone) {
    if budget.exhausted {
        let opens = time::relative(look, budget.opens_at.as_ref());
        return (if opens.is_empty() { "used up; raise it".to_owned() } else { format!("used up, opens {opens}") }, Tone::Bad);
    }
    match (budget.told_percent, budget.counted_from.is_some()) {
        (0, true) => ("open".to_owned(), Tone::Good),
        (0, false) => (String::new(), Tone::Plain),
        (level, _) => (format!("over {level} %"), Tone::Warn),
    }
}

/// All budgets.
#[must_use]
pub(crate) fn budgets(look: &Look, answer: &ListBudgetsResponse) -> String {
    table(
        look,
        &["BUDGET", "", "USED", "RESERVED", "LIMIT", "FROM", "STATE"],
        answer.budgets.iter().map(|budget| {
            let windowed = budget.counted_from.is_some();
            let (state, tone) = state(look, budget);
            vec![
                Cell::new(name(budget)),
                Cell::new(if windowed { bar(part(budget)) } else { String::new() }).tone(tone),
                Cell::number(if windowed { amount::tokens(budget.used_tokens) } else { String::new() }),
                Cell::number(if windowed { amount::tokens(budget.reserved_tokens) } else { String::new() }),
                Cell::number(limit(budget)),
                Cell::new(if budget.is_set { "set" } else { "configuration" }),
                Cell::new(state).tone(tone),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rendering R5, F-049, F-050: each budget with its bar; one that is used up says when it opens.
    #[test]
    fn budgets_are_bars() {
        let at = |seconds: i64| Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() + seconds, nanos: 0 });
        let run = Budget { scope: BudgetScope::Run.into(), limit_tokens: Some(20_000_000), ..Default::default() };
        let global = Budget {
            scope: BudgetScope::Global.into(),
            limit_tokens: Some(500_000_000),
            used_tokens: 390_000_000,
            reserved_tokens: 10_000_000,
            told_percent: 75,
            counted_from: at(-86_400),
            is_set: true,
            ..Default::default()
        };
        let project = Budget {
            scope: BudgetScope::Project.into(),
            project_id: "web".into(),
            limit_tokens: Some(1_000_000),
            used_tokens: 1_000_000,
            reserved_tokens: 0,
            exhausted: true,
            opens_at: at(7_200),
            ..global
        };
        let free = Budget { limit_tokens: None, exhausted: false, told_percent: 0, is_set: false, ..project.clone() };
        assert_eq!(told(&global), "budget of everything: 500.0M (set)");
        let text = budgets(&Look::plain(), &ListBudgetsResponse { budgets: vec![run, global, project, free] });
        for part in
            ["each run", "20.0M", "everything", "390.0M", "10.0M", "500.0M", "over 75 %", "project web", "used up, opens in 2h", "none"]
        {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
    }
}
