//! The output of a run, item by item (rendering R8).

use aq_proto::v1::output_item::Body;
use aq_proto::v1::stream_run_output_response::Event;
use aq_proto::v1::{LimitStatus, LineStream, OutputItem, RunOutcome, StreamRunOutputResponse};

use super::{amount, question, run, time, tone};
use crate::clean;
use crate::look::{Look, Tone};
use crate::words;

/// How much of the output is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail {
    /// True: tool inputs and results are shown whole.
    pub(crate) full: bool,
    /// True: every piece begins with the time of day.
    pub(crate) times: bool,
}

/// Longest folded line, in characters, where the output is no terminal.
const FOLDED: usize = 160;

/// The text of one message of the stream; empty for what shows nothing.
#[must_use]
pub(crate) fn message(look: &Look, detail: Detail, message: &StreamRunOutputResponse) -> String {
    match &message.event {
        Some(Event::Item(piece)) => item(look, detail, piece),
        Some(Event::Gap(gap)) => {
            let count = gap.to_seq.saturating_sub(gap.from_seq).saturating_add(1);
            look.paint(Tone::Warn, &clean::line(&format!("… {count} items are missing: {}", gap.reason)))
        }
        Some(Event::RunEnded(ended)) => ended.run.as_ref().map(|run| end(look, run)).unwrap_or_default(),
        Some(Event::Heartbeat(_) | Event::End(_)) | None => String::new(),
    }
}

fn end(look: &Look, ended: &aq_proto::v1::Run) -> String {
    let took = time::span(look, ended.started_at.as_ref(), ended.ended_at.as_ref());
    let tokens = ended.usage.as_ref().map(|usage| format!(", {} tokens", amount::tokens(amount::total(usage)))).unwrap_or_default();
    let text = format!("■ run {} {} after {took}{tokens}", ended.number, run::state(ended));
    // A success has told its story in the output; anything else needs its reason.
    let told = matches!(RunOutcome::try_from(ended.outcome), Ok(RunOutcome::Succeeded | RunOutcome::NothingToDo));
    let reason = if told || ended.message.is_empty() { String::new() } else { format!(": {}", ended.message) };
    look.paint(tone::run(ended.state, ended.outcome), &clean::line(&(text + &reason)))
}

fn item(look: &Look, detail: Detail, item: &OutputItem) -> String {
    let Some(body) = &item.body else { return String::new() };
    let text = body_text(look, detail, body);
    if text.is_empty() || !detail.times {
        return text;
    }
    let prefix = look.paint(Tone::Dim, &time::clock(look, item.time.as_ref()));
    text.lines().map(|line| if line.is_empty() { prefix.clone() } else { format!("{prefix} {line}") }).collect::<Vec<_>>().join("\n")
}

fn body_text(look: &Look, detail: Detail, body: &Body) -> String {
    match body {
        Body::Note(note) => look.paint(Tone::Dim, &clean::line(&format!("· {}", note.text))),
        Body::SessionStarted(started) => {
            let model = if started.model.is_empty() { String::new() } else { format!(" with {}", started.model) };
            look.paint(Tone::Dim, &clean::line(&format!("· session {}{model}", started.session_id)))
        }
        Body::Text(text) => paragraph(look, Tone::Plain, "", &text.text),
        Body::Thinking(thinking) => paragraph(look, Tone::Dim, "  ", &thinking.text),
        Body::ToolCall(call) => {
            let head = fold(look, &format!("⚙ {} {}", call.name, call.summary));
            let head = look.paint(Tone::Active, &head);
            if detail.full { join(head, paragraph(look, Tone::Dim, "    ", &call.input)) } else { head }
        }
        Body::ToolResult(result) if detail.full || result.is_error => {
            let (tone, mark) = if result.is_error { (Tone::Bad, "  ✗ failed") } else { (Tone::Dim, "  ↳") };
            join(look.paint(tone, mark), paragraph(look, tone, "    ", &result.text))
        }
        Body::ToolResult(result) => {
            let cleaned = clean::block(&result.text);
            let mut lines = cleaned.lines().filter(|line| !line.trim().is_empty());
            let first = lines.next().unwrap_or("(nothing)");
            let more = lines.count();
            let more = if more > 0 { format!(" … {more} more lines") } else { String::new() };
            look.paint(Tone::Dim, &format!("{}{more}", fold(look, &format!("  ↳ {first}"))))
        }
        Body::Line(line) => {
            let cut = if line.truncated { " …" } else { "" };
            let tone = if line.stream == i32::from(LineStream::Stderr) { Tone::Warn } else { Tone::Plain };
            paragraph(look, tone, "", &format!("{}{cut}", line.text))
        }
        Body::Usage(_) => String::new(),
        Body::Limit(limit) => {
            let tone = match LimitStatus::try_from(limit.status) {
                Ok(LimitStatus::Rejected) => Tone::Bad,
                Ok(LimitStatus::Warning) => Tone::Warn,
                _ if !detail.full => return String::new(),
                _ => Tone::Dim,
            };
            let reset = time::relative(look, limit.resets_at.as_ref());
            let reset = if reset.is_empty() { reset } else { format!(", opens {reset}") };
            let status = words::phrase::<LimitStatus>(limit.status);
            look.paint(tone, &clean::line(&format!("⏱ limit {}: {status} {}{reset}", limit.window, amount::part(limit.used))))
        }
        Body::Question(asked) => paragraph(look, Tone::Warn, "? ", &question::text(asked)),
        Body::QuestionClosed(closed) => look.paint(Tone::Dim, &clean::line(&format!("· answered: {}", closed.answer))),
        Body::Delivered(_) => look.paint(Tone::Dim, "· your message was delivered"),
        Body::Error(error) => paragraph(look, Tone::Bad, "! ", &error.text),
        Body::Result(result) => {
            let (tone, mark) = if result.success { (Tone::Good, "✓ ") } else { (Tone::Bad, "✗ ") };
            paragraph(look, tone, mark, &result.text)
        }
        Body::Gap(gap) => look.paint(Tone::Warn, &clean::line(&format!("… {} bytes of output are missing: {}", gap.bytes, gap.reason))),
    }
}

fn join(head: String, rest: String) -> String {
    if rest.is_empty() { head } else { format!("{head}\n{rest}") }
}

/// Foreign text of several lines, each behind `indent` and in `tone`.
fn paragraph(look: &Look, tone: Tone, indent: &str, text: &str) -> String {
    let text = clean::block(text);
    let lines = text.trim_start_matches('\n').trim_end().lines().map(|line| look.paint(tone, &format!("{indent}{line}")));
    lines.collect::<Vec<_>>().join("\n")
}

/// Foreign text on one line of the terminal.
fn fold(look: &Look, text: &str) -> String {
    let text = clean::line(text);
    let most = look.width.map_or(FOLDED, usize::from).max(20);
    if text.chars().count() <= most {
        return text;
    }
    let cut: String = text.chars().take(most.saturating_sub(2)).collect();
    format!("{} …", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::{StreamGap, output_item};
    use proptest::prelude::*;

    use super::*;
    use crate::render::run::tests::example as example_run;

    fn piece(body: Body) -> StreamRunOutputResponse {
        let time = Some(prost_types::Timestamp { seconds: Look::plain().now.as_second(), nanos: 0 });
        StreamRunOutputResponse { run_number: 1, event: Some(Event::Item(OutputItem { seq: 1, time, body: Some(body) })) }
    }

    fn story() -> Vec<StreamRunOutputResponse> {
        let text = |text: &str| text.to_owned();
        vec![
            piece(Body::Note(output_item::Note { text: text("workspace prepared") })),
            piece(Body::SessionStarted(output_item::SessionStarted { session_id: text("s1"), model: text("opus"), version: text("2") })),
            piece(Body::Thinking(output_item::Thinking { text: text("Let me look.\nThen act.") })),
            piece(Body::Text(output_item::Text { text: text("I will add the page.\n\nFirst the route.\n") })),
            piece(Body::ToolCall(output_item::ToolCall {
                call_id: text("c"),
                name: text("Bash"),
                summary: text("cargo test"),
                input: text("{\"command\":\"cargo test\"}"),
            })),
            piece(Body::ToolResult(output_item::ToolResult { call_id: text("c"), is_error: false, text: text("\nok 1\nok 2\nok 3") })),
            piece(Body::ToolResult(output_item::ToolResult { call_id: text("c"), is_error: true, text: text("exit 101\nboom") })),
            piece(Body::Line(output_item::Line {
                stream: LineStream::Stderr.into(),
                text: text("\u{1b}[31mwarn\u{1b}[0m"),
                truncated: true,
            })),
            piece(Body::Usage(output_item::Usage::default())),
            piece(Body::Limit(aq_proto::v1::LimitNotice {
                window: text("five_hour"),
                status: LimitStatus::Rejected.into(),
                used: Some(1.0),
                resets_at: Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() + 3700, nanos: 0 }),
                source: text("event"),
            })),
            piece(Body::Error(output_item::Error { text: text("overloaded") })),
            piece(Body::Gap(output_item::Gap { bytes: 12, reason: text("disk full") })),
            piece(Body::Result(output_item::Result { success: true, text: text("Done.") })),
            StreamRunOutputResponse {
                run_number: 1,
                event: Some(Event::Gap(StreamGap { from_seq: 3, to_seq: 7, reason: text("retention") })),
            },
            StreamRunOutputResponse {
                run_number: 1,
                event: Some(Event::RunEnded(aq_proto::v1::stream_run_output_response::RunEnded { run: Some(example_run()) })),
            },
        ]
    }

    fn render(detail: Detail) -> String {
        let look = Look::plain();
        story().iter().map(|part| message(&look, detail, part)).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// F-238, rendering R8: folded, whole, and with times.
    #[test]
    fn a_run_tells_its_story() {
        insta::assert_snapshot!(render(Detail::default()));
        insta::assert_snapshot!(render(Detail { full: true, times: true }));
    }

    /// rendering R8: a tool call takes one line of the terminal.
    #[test]
    fn tool_calls_are_folded() {
        let look = Look { width: Some(40), ..Look::plain() };
        let call = output_item::ToolCall { name: "Bash".into(), summary: "word ".repeat(40), ..Default::default() };
        let text = message(&look, Detail::default(), &piece(Body::ToolCall(call)));
        assert!(text.chars().count() <= 40 && text.ends_with('…'), "{text}");
    }

    proptest! {
        /// I-49, rendering R2: whatever an agent writes, and with any detail, no control character reaches the terminal.
        #[test]
        fn output_is_clean(text in "(\\PC|\\pC|[\\x00-\\x9f]|\u{1b}\\[){0,80}", full in any::<bool>(), times in any::<bool>()) {
            let look = Look::plain();
            let bodies = [
                Body::Note(output_item::Note { text: text.clone() }),
                Body::Text(output_item::Text { text: text.clone() }),
                Body::Thinking(output_item::Thinking { text: text.clone() }),
                Body::ToolCall(output_item::ToolCall { name: text.clone(), summary: text.clone(), input: text.clone(), ..Default::default() }),
                Body::ToolResult(output_item::ToolResult { text: text.clone(), is_error: full != times, ..Default::default() }),
                Body::Line(output_item::Line { text: text.clone(), ..Default::default() }),
                Body::Question(aq_proto::v1::Question { text: text.clone(), tool: text.clone(), detail: text.clone(), kind: 2, ..Default::default() }),
                Body::QuestionClosed(output_item::QuestionClosed { answer: text.clone(), ..Default::default() }),
                Body::Error(output_item::Error { text: text.clone() }),
                Body::Result(output_item::Result { success: full, text: text.clone() }),
                Body::Limit(aq_proto::v1::LimitNotice { window: text.clone(), status: 3, ..Default::default() }),
                Body::SessionStarted(output_item::SessionStarted { session_id: text.clone(), model: text.clone(), version: text.clone() }),
                Body::Gap(output_item::Gap { bytes: 1, reason: text }),
            ];
            for body in bodies {
                let rendered = message(&look, Detail { full, times }, &piece(body));
                prop_assert!(!rendered.chars().any(|c| c != '\n' && clean::is_unsafe(c)), "{rendered:?}");
            }
        }
    }
}
