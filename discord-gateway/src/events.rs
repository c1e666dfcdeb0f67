//! Following the server's events: one line each, on standard output.
//!
//! Spec: specs/discord-gateway/README.md

use std::io::Write;
use std::sync::Arc;

use aq_proto::client::Connection;
use aq_proto::resume::{ResumeError, ResumeOptions, watch_events};
use aq_proto::v1::watch_events_response::Event as Message;
use aq_proto::v1::{Event, WatchEventsRequest};
use tokio::sync::watch;

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The server refuses, and trying again would not help.
    #[error("the server refuses: {0}")]
    Refused(#[from] ResumeError),
    /// Nobody reads our output any more.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
}

/// Writes each event from now on as one line, across restarts of the server. `following` is true while the stream stands.
pub(crate) async fn follow(
    connection: &Connection,
    following: Arc<watch::Sender<bool>>,
    mut output: impl Write,
) -> Result<(), FollowError> {
    let interrupted = Arc::clone(&following);
    let options = ResumeOptions {
        on_interruption: Some(Arc::new(move |interruption| {
            let before = interrupted.send_replace(false);
            // Said once for each outage, not for each attempt.
            if before || interruption.attempt == 0 {
                tracing::warn!(reason = interruption.status.message(), "the server is not reachable; trying again");
            }
        })),
        ..ResumeOptions::default()
    };
    let request = WatchEventsRequest { follow: true, ..WatchEventsRequest::default() };
    let mut stream = watch_events(connection.events(), request, options);
    while let Some(message) = stream.next().await {
        match message?.event {
            Some(Message::Started(started)) => {
                following.send_replace(true);
                tracing::info!(after_seq = started.after_seq, "following events");
            }
            Some(Message::Item(event)) => writeln!(output, "{}", line(&event))?,
            Some(Message::Gap(gap)) => tracing::warn!(to_seq = gap.to_seq, "events are missing: the server no longer keeps them"),
            Some(Message::End(_)) | Some(Message::Heartbeat(_)) | None => {}
        }
    }
    Ok(())
}

/// An event as one line: number, type, what it is about, and its sentence.
fn line(event: &Event) -> String {
    let about: Vec<&str> =
        [&event.project_id, &event.task_id, &event.agent_id].into_iter().map(String::as_str).filter(|id| !id.is_empty()).collect();
    let text = format!("{} {} {} {}", event.seq, event.r#type, about.join("/"), event.summary);
    // A summary quotes titles people and agents wrote; they must not be able to move the cursor of a terminal.
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gateway R5: one line per event, whatever its text holds.
    #[test]
    fn an_event_is_one_line() {
        let event = Event {
            seq: 7,
            r#type: "task.completed".to_owned(),
            project_id: "web".to_owned(),
            task_id: "calm-owl".to_owned(),
            summary: "done\n\u{1b}[2Jevil".to_owned(),
            ..Event::default()
        };
        assert_eq!(line(&event), "7 task.completed web/calm-owl done  [2Jevil");
    }
}
