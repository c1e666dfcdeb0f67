//! How far the accounts' windows are used, and which share each project had against the share that its weight gives it.

use aq_proto::v1 as pb;

use super::plan::{Body, COLOURS, Chart, Row, Series, short};
use crate::text::{one_line, percent, plural};

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
    let note = shares(projects, &mut rows, &mut series);
    let title = "Limits and shares".to_owned();
    if rows.is_empty() {
        let why = "No usage window is known yet, and no project has used anything.".to_owned();
        return Chart { title, note: why.clone(), series, body: Body::Empty(why) };
    }
    Chart { title, note, series, body: Body::Rows(rows) }
}

/// What a project had of all work, and what its weight is due, as the server says, 0.0 to 1.0; `None`: it takes no part at present.
pub(crate) fn share(project: &pb::Project) -> Option<(f64, f64)> {
    let due = project.due_share?;
    Some(((due - project.deficit?).clamp(0.0, 1.0), due))
}

/// Adds the rows of the projects among which the server shares, largest first.
fn shares(projects: &[pb::Project], rows: &mut Vec<Row>, series: &mut Vec<Series>) -> String {
    let mut found: Vec<_> = projects.iter().filter_map(|project| Some((project, share(project)?))).collect();
    let used: u64 = found.iter().map(|(project, _)| project.window_tokens).sum();
    if used == 0 {
        return "No project has used anything in the budget window.".to_owned();
    }
    let weight: f64 = found.iter().map(|(project, _)| project.credit_weight).sum();
    found.sort_by(|(a, _), (b, _)| b.window_tokens.cmp(&a.window_tokens).then_with(|| a.id.cmp(&b.id)));
    let had = series.len();
    for (name, value, colour) in [("used", short(used), COLOURS.get(1)), ("due by weight", format!("weight {weight}"), COLOURS.get(2))] {
        series.extend(colour.map(|colour| Series { name: name.to_owned(), value, colour: *colour }));
    }
    rows.push(Row::Head("Projects: what each used, and what its weight is due".to_owned()));
    for (project, (part, due)) in found.iter().take(PROJECTS) {
        let bars = vec![(had, *part, percent(*part)), (had + 1, *due, percent(*due))];
        rows.push(Row::Bars(one_line(&project.id), bars));
    }
    let more = found.len().saturating_sub(PROJECTS);
    let more = if more > 0 { format!(", {more} smaller ones not shown") } else { String::new() };
    format!("{} tokens in the budget window by {}{more}", short(used), plural(found.len() as u64, "project"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(id: &str, window_tokens: u64, share: Option<(f64, f64)>) -> pb::Project {
        let (due_share, deficit) = share.unzip();
        pb::Project { id: id.into(), credit_weight: 1.0, window_tokens, due_share, deficit, ..Default::default() }
    }

    /// Charts R5: what a project used stands against what it is due; of whom the server says nothing does not count.
    #[test]
    fn shares_against_weights() {
        let projects = [project("site", 250, Some((0.25, 0.0))), project("app", 750, Some((0.5, -0.25))), project("idle", 0, None)];
        let made = limits(&pb::ListLimitWindowsResponse::default(), &projects);
        let Body::Rows(rows) = &made.body else { panic!("{made:?}") };
        let bars = |used: f64, due: f64| vec![(0, used, percent(used)), (1, due, percent(due))];
        assert_eq!(rows[1..], [Row::Bars("app".into(), bars(0.75, 0.5)), Row::Bars("site".into(), bars(0.25, 0.25))]);
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
        let made = limits(&pb::ListLimitWindowsResponse { windows, ..Default::default() }, &[project("app", 10, Some((1.0, 0.0)))]);
        let Body::Rows(rows) = &made.body else { panic!("{made:?}") };
        assert_eq!(rows[1], Row::Bars("claude · five hour".into(), vec![(1, 0.97, "97 %".into())]));
        assert_eq!(rows[2], Row::Bars("claude · weekly".into(), vec![(0, 0.4, "40 %".into())]));
        assert_eq!(rows.len(), 5);
        assert_eq!(made.series.len(), 4);
    }

    /// Charts R6: nothing known is said, not drawn.
    #[test]
    fn nothing_known() {
        let made = limits(&pb::ListLimitWindowsResponse::default(), &[project("app", 0, Some((1.0, 1.0)))]);
        assert!(matches!(&made.body, Body::Empty(why) if why.starts_with("No usage window")));
    }
}
