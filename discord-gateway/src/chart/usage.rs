//! Model tokens over time: a column for each hour or day, a colour for each project, task, agent or model.

use std::collections::BTreeMap;

use aq_proto::v1 as pb;

use super::plan::{Body, COLOURS, Chart, MOST_SERIES, OTHERS, Scale, Series, largest, short};
use super::slots::{Over, Slot};
use crate::render::total;
use crate::text::one_line;

fn tokens(usage: Option<&pb::TokenUsage>) -> u64 {
    usage.map_or(0, total)
}

/// What a line of a report is about: whatever it was asked by, else the task, else the project.
fn name(entry: &pb::TokenUsageEntry, by: pb::UsageGroup) -> String {
    let name = match by {
        pb::UsageGroup::Agent => &entry.agent_id,
        pb::UsageGroup::Model => &entry.model,
        _ if entry.task_id.is_empty() => &entry.project_id,
        _ => &entry.task_id,
    };
    if name.is_empty() { "unknown".to_owned() } else { one_line(name) }
}

/// The chart of reports, one for each piece of time.
#[expect(clippy::cast_precision_loss, reason = "a column has some hundred pixels")]
pub(crate) fn usage(reports: &[(Slot, pb::GetTokenUsageResponse)], by: pb::UsageGroup, about: &str, over: Over) -> Chart {
    let columns: Vec<BTreeMap<String, u64>> = reports
        .iter()
        .map(|(_, report)| {
            let mut column = BTreeMap::new();
            for entry in &report.entries {
                *column.entry(name(entry, by)).or_default() += tokens(entry.tokens.as_ref());
            }
            column
        })
        .collect();
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (name, figure) in columns.iter().flatten() {
        *sums.entry(name.clone()).or_default() += figure;
    }
    let all: u64 = reports.iter().map(|(_, report)| tokens(report.total.as_ref())).sum();
    let title = format!("Model tokens · {}", one_line(about));
    if all == 0 {
        let note = format!("Nothing was used in {}.", over.words());
        return Chart { title, note: note.clone(), series: Vec::new(), body: Body::Empty(note) };
    }
    let (names, more) = largest(sums.iter().map(|(name, figure)| (name.clone(), *figure)).collect());
    let mut series: Vec<Series> = names
        .iter()
        .zip(COLOURS)
        .map(|(name, colour)| Series { name: name.clone(), value: short(sums.get(name).copied().unwrap_or(0)), colour })
        .collect();
    // Reports that had to be cut name less than they count: the rest is nobody's in particular.
    let named: u64 = names.iter().filter_map(|name| sums.get(name)).sum();
    let rest = (more || all > named) && series.len() < MOST_SERIES;
    if rest {
        series.push(Series { name: "others".to_owned(), value: short(all.saturating_sub(named)), colour: OTHERS });
    }
    let column = |((slot, report), column): (&(Slot, pb::GetTokenUsageResponse), &BTreeMap<String, u64>)| {
        let figures: Vec<u64> = names.iter().map(|name| column.get(name).copied().unwrap_or(0)).collect();
        let whole = tokens(report.total.as_ref());
        let left = rest.then(|| whole.saturating_sub(figures.iter().sum()));
        (slot.label.clone(), figures.into_iter().chain(left).map(|figure| figure as f64).collect::<Vec<f64>>())
    };
    let columns: Vec<(String, Vec<f64>)> = reports.iter().zip(&columns).map(column).collect();
    let most = columns.iter().map(|(_, figures)| figures.iter().sum()).fold(0.0, f64::max);
    let note = format!("{} in {}", short(all), over.words());
    Chart { title, note, series, body: Body::Columns { columns, scale: Scale::up_to(most) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(entries: &[(&str, u64)]) -> pb::GetTokenUsageResponse {
        let tokens = |output| Some(pb::TokenUsage { output, ..Default::default() });
        pb::GetTokenUsageResponse {
            entries: entries
                .iter()
                .map(|(name, figure)| pb::TokenUsageEntry { project_id: (*name).into(), tokens: tokens(*figure), ..Default::default() })
                .collect(),
            total: tokens(entries.iter().map(|(_, figure)| figure).sum()),
            ..Default::default()
        }
    }

    fn slot(label: &str) -> Slot {
        Slot { from: 0, until: 1, label: label.to_owned() }
    }

    /// Charts R5: each column is the tokens of its time, stacked by project, largest project first, and the legend has the sums.
    #[test]
    fn a_column_for_each_day() {
        let reports = [
            (slot("Mon 1"), report(&[("app", 100), ("site", 300)])),
            (slot("Tue 2"), report(&[])),
            (slot("Wed 3"), report(&[("app", 1000)])),
        ];
        let made = usage(&reports, pb::UsageGroup::Unspecified, "everything", Over::Week);
        let legend: Vec<(&str, &str)> = made.series.iter().map(|series| (series.name.as_str(), series.value.as_str())).collect();
        assert_eq!(legend, [("app", "1.1 k"), ("site", "300")]);
        let Body::Columns { columns, scale } = &made.body else { panic!("{made:?}") };
        let expected = [("Mon 1", [100.0, 300.0]), ("Tue 2", [0.0, 0.0]), ("Wed 3", [1000.0, 0.0])];
        assert!(columns.iter().zip(expected).all(|(column, (label, figures))| column.0 == label && column.1 == figures), "{columns:?}");
        assert_eq!((columns.len(), scale.top), (3, 1000.0));
        assert_eq!(made.words(), "Model tokens · everything. 1.4 k in the last 7 days. app 1.1 k, site 300.");
    }

    /// Charts R2: of many, five have a colour; the others are one, and nothing is lost.
    #[test]
    fn many_become_others() {
        let names: Vec<String> = (0..30).map(|n| format!("p{n:02}")).collect();
        let figures: Vec<(&str, u64)> = names.iter().zip(1..).map(|(name, figure)| (name.as_str(), figure)).collect();
        let made = usage(&[(slot("x"), report(&figures))], pb::UsageGroup::Unspecified, "everything", Over::Day);
        assert_eq!(made.series.len(), MOST_SERIES);
        assert_eq!(made.series[5].name, "others");
        let Body::Columns { columns, .. } = &made.body else { panic!("{made:?}") };
        assert_eq!(columns[0].1, [30.0, 29.0, 28.0, 27.0, 26.0, 325.0]);
    }

    /// Charts R6: nothing used is said, not drawn.
    #[test]
    fn nothing_used() {
        let made = usage(&[(slot("x"), report(&[]))], pb::UsageGroup::Agent, "app", Over::Day);
        assert_eq!(made.body, Body::Empty("Nothing was used in the last 24 hours.".to_owned()));
    }
}
