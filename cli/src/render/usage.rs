//! What was spent: a table, and by day a curve beside it.

use aq_proto::v1::{GetTokenUsageResponse, TokenUsageEntry};

use super::amount;
use super::table::{Cell, table};
use crate::look::{Look, Tone};

/// The heights of a curve, lowest first.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Widest curve, in days.
const WIDEST: usize = 60;

/// One character for each number, as high as it is beside the greatest one. Empty for no numbers.
#[must_use]
pub(crate) fn curve(numbers: &[u64]) -> String {
    let Some(most) = numbers.iter().copied().max().filter(|most| *most > 0) else { return String::new() };
    let height = |number: u64| {
        let step = (u128::from(number) * 7).div_ceil(u128::from(most));
        usize::try_from(step).ok().and_then(|step| HEIGHTS.get(step)).copied().unwrap_or(HEIGHTS[7])
    };
    numbers.iter().map(|number| height(*number)).collect()
}

fn total(entry: &TokenUsageEntry) -> u64 {
    amount::total(&entry.tokens.unwrap_or_default())
}

/// The tokens of each day from the first to the last, days without any included; `None` when a day cannot be read.
fn each_day(entries: &[TokenUsageEntry]) -> Option<Vec<u64>> {
    let read = |entry: &TokenUsageEntry| Some((entry.day.parse::<jiff::civil::Date>().ok()?, total(entry)));
    let days = entries.iter().map(read).collect::<Option<Vec<_>>>()?;
    let ((mut day, _), (last, _)) = (*days.first()?, *days.last()?);
    let mut numbers = Vec::new();
    while day <= last && numbers.len() < 4_000 {
        numbers.push(days.iter().find(|(at, _)| *at == day).map_or(0, |(_, tokens)| *tokens));
        day = day.tomorrow().ok()?;
    }
    Some(numbers.split_off(numbers.len().saturating_sub(WIDEST)))
}

/// What a column shows of an entry.
type Column = fn(&TokenUsageEntry) -> &String;

/// What was spent, most first (by day: oldest first), with the sum below.
#[must_use]
pub(crate) fn usage(look: &Look, answer: &GetTokenUsageResponse) -> String {
    let has = |column: Column| answer.entries.iter().any(|entry| !column(entry).is_empty());
    let columns: [(&str, Column); 5] = [
        ("DAY", |entry| &entry.day),
        ("PROJECT", |entry| &entry.project_id),
        ("TASK", |entry| &entry.task_id),
        ("AGENT", |entry| &entry.agent_id),
        ("MODEL", |entry| &entry.model),
    ];
    let shown: Vec<_> = columns.into_iter().filter(|(_, column)| has(*column)).collect();
    let header: Vec<&str> =
        shown.iter().map(|(name, _)| *name).chain(["TOKENS", "IN", "OUT", "CACHE READ", "CACHE WRITE", "COST"]).collect();
    let rows = table(
        look,
        &header,
        answer.entries.iter().map(|entry| {
            let tokens = entry.tokens.unwrap_or_default();
            let numbers = [total(entry), tokens.input, tokens.output, tokens.cache_read, tokens.cache_write];
            let names = shown.iter().map(|(_, column)| Cell::new(column(entry)));
            names
                .chain(numbers.map(|number| Cell::number(amount::tokens(number))))
                .chain([Cell::number(amount::money(entry.cost_micros))])
                .collect()
        }),
    );
    if rows.is_empty() {
        return rows;
    }
    let cost = amount::money(answer.total_cost_micros);
    let cost = if cost.is_empty() { cost } else { format!(", {cost}") };
    let cut = if answer.truncated { " (not all lines are shown)" } else { "" };
    let sum = look.paint(Tone::Strong, &format!("total: {}{cost}{cut}", amount::usage(answer.total.as_ref())));
    let days =
        if has(|entry| &entry.day) { each_day(&answer.entries).map(|numbers| curve(&numbers)).unwrap_or_default() } else { String::new() };
    if days.is_empty() { format!("{rows}\n{sum}") } else { format!("{rows}\n{}\n{sum}", look.paint(Tone::Active, &days)) }
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::TokenUsage;

    use super::*;

    /// F-152: what was spent, with its sum.
    #[test]
    fn spent_tokens() {
        let tokens = TokenUsage { input: 1_000, output: 2_000, cache_read: 30_000, cache_write: 400 };
        let entry =
            TokenUsageEntry { project_id: "web".into(), tokens: Some(tokens), cost_micros: 1_500_000, entries: 3, ..Default::default() };
        let answer = GetTokenUsageResponse { entries: vec![entry], total: Some(tokens), total_cost_micros: 1_500_000, truncated: true };
        insta::assert_snapshot!(usage(&Look::plain(), &answer));
        assert_eq!(usage(&Look::plain(), &GetTokenUsageResponse::default()), "");
    }

    /// F-152: by day with a curve; days without spending are gaps in it.
    #[test]
    fn days_have_a_curve() {
        let day = |day: &str, input| TokenUsageEntry {
            day: day.into(),
            tokens: Some(TokenUsage { input, ..Default::default() }),
            ..Default::default()
        };
        let entries = vec![day("2026-01-01", 700), day("2026-01-02", 100), day("2026-01-04", 350)];
        let answer =
            GetTokenUsageResponse { entries, total: Some(TokenUsage { input: 1_150, ..Default::default() }), ..Default::default() };
        assert!(usage(&Look::plain(), &answer).contains("\n█▂▁▅\n"), "{}", usage(&Look::plain(), &answer));
        assert_eq!((curve(&[]), curve(&[0, 0])), (String::new(), String::new()));
    }
}
