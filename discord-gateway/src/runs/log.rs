//! The whole log of a run as a file in its thread.

use aq_proto::v1 as pb;
use pb::output_item::Body;
use pb::stream_run_output_response::Event;
use tonic::Status;

use crate::backend::RunRecord;
use crate::bridge::Bridge;
use crate::message::Message;
use crate::outbound::Known;

/// Longest file, in bytes; of more the end is kept.
const LONGEST: usize = 7 * 1024 * 1024;

/// How much more is read before the beginning is let go, in bytes.
const SLACK: usize = 1024 * 1024;

/// An item as lines of the file.
fn lines(body: &Body) -> Option<String> {
    Some(match body {
        Body::Note(note) => format!("# {}", note.text),
        Body::Text(text) => text.text.clone(),
        Body::Thinking(text) => format!("(thinking) {}", text.text),
        Body::ToolCall(call) => format!("> {} {}\n{}", call.name, call.summary, call.input),
        Body::ToolResult(result) => format!("< {}{}", if result.is_error { "failed: " } else { "" }, result.text),
        Body::Line(line) => line.text.clone(),
        Body::Error(error) => format!("! {}", error.text),
        Body::Question(question) => format!("? {}", question.text),
        Body::QuestionClosed(closed) => format!("= {}", closed.answer),
        Body::Result(result) => format!("# result: {}", result.text),
        Body::Gap(gap) => format!("# missing: {}", gap.reason),
        Body::Limit(limit) => format!("# limit: {}", limit.window),
        Body::SessionStarted(_) | Body::Usage(_) | Body::Delivered(_) => return None,
    })
}

/// Attaches the log once.
pub(super) async fn attach(bridge: &Bridge, task: &str, run: u32, record: &RunRecord) -> Result<(), Status> {
    // One after the other: logs are the only large things here.
    let _turn = bridge.log_turn().await;
    let request = pb::StreamRunOutputRequest { task_id: task.to_owned(), run_number: run, ..Default::default() };
    let mut stream = bridge
        .server
        .patiently(|connection| {
            let request = request.clone();
            async move { connection.runs().stream_run_output(request).await.map(tonic::Response::into_inner) }
        })
        .await?;
    let mut text = String::new();
    let mut cut = false;
    // A log that breaks off is better than none: what was read is attached.
    while let Ok(Some(message)) = stream.message().await {
        let Some(Event::Item(item)) = message.event else { continue };
        if let Some(more) = item.body.as_ref().and_then(lines) {
            text.push_str(&more);
            text.push('\n');
        }
        if text.len() > LONGEST + SLACK {
            let from = (text.len() - LONGEST..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.drain(..from);
            cut = true;
        }
    }
    if text.trim().is_empty() {
        return Ok(());
    }
    if text.len() > LONGEST {
        let from = (text.len() - LONGEST..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.drain(..from);
        cut = true;
    }
    // It is posted behind the last of the pages.
    let mark = format!("log of {task} run {run}");
    let what = if cut { "The end of the log" } else { "The whole log" };
    let message = Message { silent: true, ..Message::text(format!("📎 {what}.\n-# {mark}")) };
    let message = message.with_file(format!("{task}-run-{run}.log"), text.into_bytes());
    if let Err(error) = bridge.out.post(record.thread, &message, Known::Mark(&mark, record.posted.saturating_mul(1000)), true).await {
        tracing::warn!(task, run, %error, "the log could not be attached");
    }
    Ok(())
}
