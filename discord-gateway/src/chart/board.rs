//! The queue over time: what was open, what is done, and when the rest is expected to be done.

use aq_proto::v1 as pb;

use super::plan::{Body, COLOURS, Chart, Line, MOST_SERIES, Scale, Series};
use super::slots::times;
use crate::text::{one_line, plural};

/// The least and the most time that is shown on each side of the present, in seconds.
const LEAST: i64 = 3600;
const MOST: i64 = 7 * 86_400;
const _: () = assert!(MOST_SERIES >= 3);

fn seconds(time: Option<&prost_types::Timestamp>) -> Option<i64> {
    time.map(|time| time.seconds)
}

/// The chart of these tasks, finished ones among them, and of what is expected of those that wait. `more`: there are others, changed longer ago.
pub(crate) fn board(tasks: &[pb::Task], more: bool, forecast: &[pb::TaskForecast], about: &str, now_ms: i64, zone: &str) -> Chart {
    let now = now_ms / 1000;
    let title = format!("Queue · {}", one_line(about));
    let lives: Vec<(i64, Option<i64>)> = tasks
        .iter()
        .filter_map(|task| {
            let done = task.status() == pb::TaskStatus::Completed;
            // A task that was opened again is open, whenever it was done before.
            Some((seconds(task.created_at.as_ref())?, seconds(task.finished_at.as_ref()).filter(|_| done)))
        })
        .collect();
    let Some(first) = lives.iter().map(|(made, _)| *made).min() else {
        let why = "There are no tasks yet.".to_owned();
        return Chart { title, note: why.clone(), series: Vec::new(), body: Body::Empty(why) };
    };
    let past = (now - first).clamp(LEAST, MOST);
    let from = now - past;
    let done_before = |at: i64| lives.iter().filter(|(_, done)| done.is_some_and(|done| done <= at)).count();
    let made_before = |at: i64| lives.iter().filter(|(made, _)| *made <= at).count();
    let open_now = lives.iter().filter(|(_, done)| done.is_none()).count();
    let done_in = lives.iter().filter(|(_, done)| done.is_some_and(|done| done >= from)).count();
    let mut changes: Vec<i64> =
        lives.iter().flat_map(|(made, done)| [Some(*made), *done]).flatten().filter(|at| (from..now).contains(at)).collect();
    changes.sort_unstable();
    changes.dedup();
    let before = done_before(from - 1);
    let open = stepped(from, now, &changes, |at| made_before(at).saturating_sub(done_before(at)));
    let done = stepped(from, now, &changes, |at| done_before(at) - before);
    let mut ends: Vec<i64> = forecast.iter().filter_map(|task| seconds(task.ends_likely.as_ref())).map(|at| at.max(now)).collect();
    ends.sort_unstable();
    ends.retain(|at| *at <= now + past.max(LEAST));
    let until = ends.last().copied().unwrap_or(now);
    let expected = stepped(now, until, &ends, |at| open_now.saturating_sub(ends.iter().filter(|end| **end <= at).count()));
    let most = [&open, &done].into_iter().flatten().map(|(_, height)| *height).fold(0.0, f64::max);
    let mut series = Vec::new();
    let mut lines = Vec::new();
    let mut add = |name: &str, value: String, points: Vec<(f64, f64)>, dashed: bool, filled: bool| {
        let Some(colour) = COLOURS.get([1, 2, 0].get(series.len()).copied().unwrap_or(0)) else { return };
        lines.push(Line { series: series.len(), points, dashed, filled });
        series.push(Series { name: name.to_owned(), value, colour: *colour });
    };
    add("open", open_now.to_string(), open, false, true);
    add("done in this time", done_in.to_string(), done, false, false);
    if !ends.is_empty() {
        add("expected to be done", plural(ends.len() as u64, "task"), expected, true, false);
    }
    let of = if more { format!(" · only the {} last changed", plural(tasks.len() as u64, "task")) } else { String::new() };
    let note = format!("{} open, {} done in the time shown{of}", plural(open_now as u64, "task"), done_in);
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
    let (span, present) = ((from as f64, until as f64), now as f64);
    Chart {
        title,
        note,
        series,
        body: Body::Lines { span, lines, scale: Scale::up_to(most), times: times(from, until, zone), now: present },
    }
}

/// A line that changes at once where something changes.
#[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact, and tasks are few")]
fn stepped(from: i64, until: i64, changes: &[i64], height: impl Fn(i64) -> usize) -> Vec<(f64, f64)> {
    let mut last = height(from - 1) as f64;
    let mut made = vec![(from as f64, last)];
    for at in changes {
        made.push((*at as f64, last));
        last = height(*at) as f64;
        made.push((*at as f64, last));
    }
    made.push((until as f64, last));
    made.dedup();
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds: NOW + seconds, nanos: 0 })
    }

    fn task(made: i64, done: Option<i64>) -> pb::Task {
        let status = if done.is_some() { pb::TaskStatus::Completed } else { pb::TaskStatus::Ready };
        pb::Task { status: status.into(), created_at: at(made), finished_at: done.and_then(at), ..Default::default() }
    }

    fn lines(chart: &Chart) -> Vec<Vec<(i64, f64)>> {
        let Body::Lines { lines, .. } = &chart.body else { panic!("{chart:?}") };
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
        let near = |line: &Line| line.points.iter().map(|(at, height)| (*at as i64 - NOW, *height)).collect();
        lines.iter().map(near).collect()
    }

    /// Charts R5: a task is open from the moment it is made until it is done; what is expected goes on from the present.
    #[test]
    fn the_queue_burns_down() {
        let tasks = [task(-7200, Some(-3000)), task(-7200, Some(-1000)), task(-4000, None)];
        let forecast = [pb::TaskForecast { ends_likely: at(600), ..Default::default() }];
        let made = board(&tasks, false, &forecast, "app", NOW * 1000, "UTC");
        let [open, done, expected] = &lines(&made)[..] else { panic!("{made:?}") };
        let flat =
            [(-7200, 0.0), (-7200, 2.0), (-4000, 2.0), (-4000, 3.0), (-3000, 3.0), (-3000, 2.0), (-1000, 2.0), (-1000, 1.0), (0, 1.0)];
        assert_eq!(open[..], flat);
        assert_eq!(done[..], [(-7200, 0.0), (-4000, 0.0), (-3000, 0.0), (-3000, 1.0), (-1000, 1.0), (-1000, 2.0), (0, 2.0)]);
        assert_eq!(expected[..], [(0, 1.0), (600, 1.0), (600, 0.0)]);
        assert_eq!(made.note, "1 task open, 2 done in the time shown");
    }

    /// Charts R5: a task that was opened again is open, and what was done before the time shown is not counted.
    #[test]
    fn old_and_reopened_tasks() {
        let again = pb::Task { status: pb::TaskStatus::Ready.into(), created_at: at(-50), finished_at: at(-20), ..Default::default() };
        let made = board(&[task(-MOST * 3, Some(-MOST * 2)), again], false, &[], "app", NOW * 1000, "UTC");
        assert_eq!((made.series[0].value.as_str(), made.series[1].value.as_str(), made.series.len()), ("1", "0", 2));
        let Body::Lines { span, .. } = &made.body else { panic!("{made:?}") };
        assert!((span.1 - span.0 - 604_800.0).abs() < 1.0);
    }

    /// Charts R5: that there are more tasks than were looked at is said on the picture.
    #[test]
    fn more_tasks_are_told() {
        let tasks: Vec<pb::Task> = (0..2000).map(|n| task(-7200 - n, None)).collect();
        assert!(!board(&tasks, false, &[], "app", NOW * 1000, "UTC").note.contains("only"));
        let made = board(&tasks, true, &[], "app", NOW * 1000, "UTC");
        assert_eq!(made.note, "2,000 tasks open, 0 done in the time shown · only the 2,000 tasks last changed");
    }

    /// Charts R6: no tasks are said, not drawn.
    #[test]
    fn no_tasks() {
        assert!(matches!(board(&[], false, &[], "app", NOW * 1000, "UTC").body, Body::Empty(_)));
    }
}
