//! How far the accounts' windows are used, and which share each project had against the share that its weight gives it.

use aq_proto::v1 as pb;

use super::plan::{Body, COLOURS, Chart, Row, Series, percent, short};
use crate::text::{one_line, plural};

/// Most rows of either half.
const WINDOWS: usize = 6;
const PROJECTS: usize = 8;

/// The chart of limits and shares.
pub(crate) fn limits(answer: &pb::ListLimitWindowsResponse, projects: &[pb::Project]) -> Chart {
    let known: Vec<(&pb::LimitWindow, f64)> = answer.windows.iter().filter_map(|window| Some((window, window.used?))).collect();
    let mut rows = Vec::new();
    let mut series = Vec::new();
    if !known.is_empty() {
        let held = known.iter().filter(|(window, _)| window.gates).count();
        let open = known.len() - held;
        // Every window has one of two colours; only those that occur are explained.
        let mut indices = [0, 0];
        for (at, (count, name, colour)) in
            [(open, "in use", COLOURS.first()), (held, "holds work back", COLOURS.get(4))].into_iter().enumerate()
        {
            if let (true, Some(colour), Some(index)) = (count > 0, colour, indices.get_mut(at)) {
                *index = series.len();
                series.push(Series { name: name.to_owned(), value: plural(count as u64, "window"), colour: *colour });
            }
        }
        rows.push(Row::Head("Usage windows of the accounts".to_owned()));
        for (window, used) in known.iter().take(WINDOWS) {
            let family = if window.model_family.is_empty() { String::new() } else { format!(" ({})", one_line(&window.model_family)) };
            let name = format!("{} · {}{family}", one_line(&window.account_id), one_line(&window.window).replace('_', " "));
            let index = if window.gates { indices[1] } else { indices[0] };
            rows.push(Row::Bars(name, vec![(index, used.clamp(0.0, 1.0), percent(*used))]));
        }
    }
    let note = share(projects, &mut rows, &mut series);
    let title = "Limits and shares".to_owned();
    if rows.is_empty() {
        let why = "No usage window is known yet, and no project has used anything.".to_owned();
        return Chart { title, note: why.clone(), series, body: Body::Empty(why) };
    }
    Chart { title, note, series, body: Body::Rows(rows) }
}

/// Adds the rows of the projects, largest first. Weights count among those that used something or have work that could run: that is among whom
/// the server shares.
#[expect(clippy::cast_precision_loss, reason = "a bar has some hundred pixels")]
fn share(projects: &[pb::Project], rows: &mut Vec<Row>, series: &mut Vec<Series>) -> String {
    let works = |project: &&pb::Project| {
        let open = |count: &pb::TaskStatusCount| count.status() != pb::TaskStatus::Completed && count.count > 0;
        project.window_tokens > 0 || project.task_counts.iter().any(open)
    };
    let mut found: Vec<&pb::Project> = projects.iter().filter(works).collect();
    let used: u64 = found.iter().map(|project| project.window_tokens).sum();
    let weight: f64 = found.iter().map(|project| project.credit_weight).sum();
    if used == 0 || weight <= 0.0 {
        return "No project has used anything in the budget window.".to_owned();
    }
    found.sort_by(|a, b| b.window_tokens.cmp(&a.window_tokens).then_with(|| a.id.cmp(&b.id)));
    let had = series.len();
    for (name, value, colour) in [("used", short(used), COLOURS.get(1)), ("due by weight", format!("weight {weight}"), COLOURS.get(2))] {
        series.extend(colour.map(|colour| Series { name: name.to_owned(), value, colour: *colour }));
    }
    rows.push(Row::Head("Projects: what each used, and what its weight is due".to_owned()));
    for project in found.iter().take(PROJECTS) {
        let (part, fair) = (project.window_tokens as f64 / used as f64, project.credit_weight / weight);
        let bars = vec![(had, part, percent(part)), (had + 1, fair, percent(fair))];
        rows.push(Row::Bars(one_line(&project.id), bars));
    }
    let more = found.len().saturating_sub(PROJECTS);
    let more = if more > 0 { format!(", {more} smaller ones not shown") } else { String::new() };
    format!("{} tokens in the budget window by {}{more}", short(used), plural(found.len() as u64, "project"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(id: &str, weight: f64, window_tokens: u64) -> pb::Project {
        pb::Project { id: id.into(), credit_weight: weight, window_tokens, ..Default::default() }
    }

    /// Charts R5: what a project used stands against the share of its weight; who neither used nor could use anything does not count.
    #[test]
    fn shares_against_weights() {
        let projects = [project("site", 1.0, 250), project("app", 3.0, 750), project("idle", 9.0, 0)];
        let made = limits(&pb::ListLimitWindowsResponse::default(), &projects);
        let Body::Rows(rows) = &made.body else { panic!("{made:?}") };
        let bars = |part: f64, figure: &str| vec![(0, part, figure.to_owned()), (1, part, figure.to_owned())];
        assert_eq!(rows[1..], [Row::Bars("app".into(), bars(0.75, "75 %")), Row::Bars("site".into(), bars(0.25, "25 %"))]);
        assert_eq!(made.note, "1 k tokens in the budget window by 2 projects");
    }

    /// Charts R5: every window with a known part is a bar; one that holds work back has a colour of its own.
    #[test]
    fn windows_are_bars() {
        let window = |name: &str, used: Option<f64>, gates: bool| pb::LimitWindow {
            account_id: "claude".into(),
            window: name.into(),
            used,
            gates,
            ..Default::default()
        };
        let windows = vec![window("five_hour", Some(0.97), true), window("weekly", Some(0.4), false), window("other", None, false)];
        let made = limits(&pb::ListLimitWindowsResponse { windows, ..Default::default() }, &[project("app", 1.0, 10)]);
        let Body::Rows(rows) = &made.body else { panic!("{made:?}") };
        assert_eq!(rows[1], Row::Bars("claude · five hour".into(), vec![(1, 0.97, "97 %".into())]));
        assert_eq!(rows[2], Row::Bars("claude · weekly".into(), vec![(0, 0.4, "40 %".into())]));
        assert_eq!(rows.len(), 5);
        assert_eq!(made.series.len(), 4);
    }

    /// Charts R6: nothing known is said, not drawn.
    #[test]
    fn nothing_known() {
        let made = limits(&pb::ListLimitWindowsResponse::default(), &[project("app", 1.0, 0)]);
        assert!(matches!(&made.body, Body::Empty(why) if why.starts_with("No usage window")));
    }
}
