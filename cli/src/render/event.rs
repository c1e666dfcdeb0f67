//! Events, a line each.

use aq_proto::v1::{Event, ListEventsResponse, StreamGap};

use super::time;
use crate::clean;
use crate::look::{Look, Tone};

/// An event on one line: time, type, what it is about, the sentence.
#[must_use]
pub(crate) fn line(look: &Look, event: &Event) -> String {
    let at = look.paint(Tone::Dim, &time::clock(look, event.time.as_ref()));
    let kind = look.paint(kind_tone(&event.r#type), &format!("{:<20}", clean::line(&event.r#type)));
    let subject = match (event.task_id.as_str(), event.project_id.as_str(), event.run_number) {
        ("", "", _) => clean::line(&event.agent_id),
        ("", project, _) => clean::line(project),
        (task, _, 0) => clean::line(task),
        (task, _, run) => clean::line(&format!("{task}/{run}")),
    };
    let by = if matches!(event.actor.as_str(), "" | "server") { String::new() } else { clean::line(&format!(" ({})", event.actor)) };
    format!("{at} {kind} {} {}{}", look.paint(Tone::Strong, &subject), clean::line(&event.summary), look.paint(Tone::Dim, &by))
        .trim_end()
        .to_owned()
}

fn kind_tone(kind: &str) -> Tone {
    match kind.rsplit('.').next() {
        Some("completed" | "merged") => Tone::Good,
        Some("failed" | "blocked" | "conflict" | "push_failed" | "error" | "exhausted" | "stuck") => Tone::Bad,
        Some("waiting_input" | "awaiting_approval" | "paused" | "limited" | "warning" | "question") => Tone::Warn,
        Some("started" | "assigned" | "verifying") => Tone::Active,
        _ => Tone::Plain,
    }
}

/// A page of events in the order they happened; the server lists the newest first.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListEventsResponse) -> String {
    page.events.iter().rev().map(|event| line(look, event)).collect::<Vec<_>>().join("\n")
}

/// What is said about events that are no longer kept.
#[must_use]
pub(crate) fn gap(gap: &StreamGap) -> String {
    format!("events {} to {} are no longer kept: {}", gap.from_seq, gap.to_seq, gap.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-152: events in the order they happened, and nobody's control characters.
    #[test]
    fn a_page_of_events() {
        let event = |seq, kind: &str, task: &str, run, summary: &str| Event {
            seq,
            time: Some(prost_types::Timestamp { seconds: Look::plain().now.as_second(), nanos: 0 }),
            r#type: kind.into(),
            project_id: "web".into(),
            task_id: task.into(),
            run_number: run,
            actor: if seq == 1 { "admin".into() } else { "server".into() },
            summary: summary.into(),
            ..Default::default()
        };
        let page = ListEventsResponse {
            events: vec![
                event(3, "task.blocked", "swift-falcon", 2, "Blocked: \u{1b}[5mboom\u{7}"),
                event(2, "task.started", "swift-falcon", 2, "orion works on it."),
                event(1, "project.paused", "", 0, "web is paused."),
            ],
            next_page_token: String::new(),
        };
        insta::assert_snapshot!(list(&Look::plain(), &page));
    }
}
