//! When tasks are expected to start and to end.

use aq_proto::v1::{ForecastTasksResponse, TaskForecast, TaskStatus};
use prost_types::Timestamp;

use super::table::{Cell, table};
use super::{amount, time};
use crate::look::{Look, Tone};
use crate::words;

/// `14:05` today, with the day on others; a day further than a week away as a date.
fn moment(look: &Look, at: Option<&Timestamp>) -> String {
    let Some(instant) = time::instant(at) else { return String::new() };
    let (then, now) = (instant.to_zoned(look.zone.clone()), look.now.to_zoned(look.zone.clone()));
    let away = instant.as_second().saturating_sub(look.now.as_second());
    match away {
        ..=30 => "now".to_owned(),
        _ if then.date() == now.date() => then.strftime("%H:%M").to_string(),
        _ if away < 6 * 86_400 => then.strftime("%a %H:%M").to_string(),
        _ => then.strftime("%Y-%m-%d").to_string(),
    }
}

/// `14:05 (13:50 – 15:20)`; only the moment where the three are the same. An open end is told as such.
fn range(look: &Look, low: Option<&Timestamp>, likely: Option<&Timestamp>, high: Option<&Timestamp>) -> String {
    let [low, likely, high] = [low, likely, high].map(|at| moment(look, at));
    if likely.is_empty() || (low == likely && high == likely) {
        return likely;
    }
    let high = if high.is_empty() { "later".to_owned() } else { high };
    format!("{likely} ({low} – {high})")
}

fn row(look: &Look, task: &TaskForecast) -> Vec<Cell> {
    let foreseen = task.starts_likely.is_some();
    let starts = range(look, task.starts_low.as_ref(), task.starts_likely.as_ref(), task.starts_high.as_ref());
    let ends = range(look, task.ends_low.as_ref(), task.ends_likely.as_ref(), task.ends_high.as_ref());
    vec![
        Cell::new(&task.task_id),
        Cell::new(&task.project_id),
        Cell::new(words::upper::<TaskStatus>(task.status)),
        Cell::new(if foreseen { starts } else { "unknown".to_owned() }).tone(if foreseen { Tone::Plain } else { Tone::Warn }),
        Cell::new(ends),
        Cell::new(&task.title),
        Cell::new(if foreseen { "" } else { &task.reason }).tone(Tone::Dim),
    ]
}

/// All of it, with what it rests on below.
#[must_use]
pub(crate) fn forecast(look: &Look, answer: &ForecastTasksResponse) -> String {
    let rows = table(
        look,
        &["TASK", "PROJECT", "STATUS", "STARTS", "ENDS", "TITLE", "WHY UNKNOWN"],
        answer.tasks.iter().map(|task| row(look, task)),
    );
    if rows.is_empty() {
        return rows;
    }
    let basis = match answer.past_runs {
        0 => "nothing can be said before a first run has ended well".to_owned(),
        runs => format!("likely (earliest – latest), from {} and if nothing fails", amount::count(u64::from(runs), "past run")),
    };
    let more = if answer.truncated { "; more tasks wait than are shown" } else { "" };
    format!("{rows}\n{}", look.paint(Tone::Dim, &format!("{basis}{more}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rendering R5, schedule R13: ranges are told as ranges, and what cannot be foreseen with its reason.
    #[test]
    fn forecasts_are_ranges() {
        let at = |minutes: i64| Some(Timestamp { seconds: Look::plain().now.as_second() + minutes * 60, nanos: 0 });
        let soon = TaskForecast {
            task_id: "swift-falcon".into(),
            title: "Fix the login".into(),
            project_id: "web".into(),
            status: TaskStatus::Ready.into(),
            starts_low: at(0),
            starts_likely: at(0),
            starts_high: at(0),
            ends_low: at(8),
            ends_likely: at(15),
            ends_high: at(40),
            reason: String::new(),
        };
        let later = TaskForecast {
            task_id: "calm-river".into(),
            starts_likely: at(15),
            starts_high: None,
            ends_high: None,
            ends_likely: at(1_500),
            ..soon.clone()
        };
        let unknown = TaskForecast {
            task_id: "keen-reef".into(),
            status: TaskStatus::Defined.into(),
            reason: "Waits for bold-fox (BLOCKED). Skip, restart or remove what cannot complete.".into(),
            title: "Paint".into(),
            project_id: "web".into(),
            ..Default::default()
        };
        let answer = ForecastTasksResponse { tasks: vec![soon, later, unknown], past_runs: 12, truncated: true };
        let text = forecast(&Look::plain(), &answer);
        for part in [
            "swift-falcon",
            "03:19 (03:12 – 03:44)",
            "03:19 (now – later)",
            "Sat 04:04 (03:12 – later)",
            "unknown",
            "Waits for bold-fox (BLOCKED).",
            "likely (earliest – latest), from 12 past runs and if nothing fails; more tasks wait than are shown",
        ] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        assert_eq!(forecast(&Look::plain(), &ForecastTasksResponse::default()), "");
    }
}
