//! Items of a run's output as text: what the agent says in full, what it does in one line, plain lines as a block.

use std::collections::BTreeMap;

use aq_proto::v1 as pb;
use pb::output_item::Body;

use crate::text::{clean, cut, inline, one_line, within_fence};

/// Most tools on one line.
const TOOLS: usize = 6;

/// Turns items into text. What is said together is told together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    /// Tools since something else was said: what they are, and whether they failed.
    tools: Vec<(String, bool)>,
    /// Calls that are under way, by their id: where they stand in `tools`.
    open: BTreeMap<String, usize>,
    /// Plain lines since something else was said.
    lines: Vec<String>,
}

impl Fold {
    /// Takes an item; returns the text that is complete because of it.
    pub(crate) fn item(&mut self, body: &Body) -> String {
        match body {
            Body::ToolCall(call) => {
                let before = self.lines();
                self.open.insert(call.call_id.clone(), self.tools.len());
                let about = if call.summary.is_empty() { String::new() } else { format!(" {}", inline(&cut(&call.summary, 90))) };
                self.tools.push((format!("{}{about}", one_line(&call.name)), false));
                if self.tools.len() > TOOLS { format!("{before}{}", self.tools()) } else { before }
            }
            Body::ToolResult(result) => {
                if let Some(place) = self.open.remove(&result.call_id).and_then(|at| self.tools.get_mut(at)) {
                    place.1 = result.is_error;
                }
                String::new()
            }
            Body::Line(line) => {
                let before = self.tools();
                self.lines.push(cut(&within_fence(&clean(&line.text)), 1000));
                if self.lines.len() > 60 { format!("{before}{}", self.lines()) } else { before }
            }
            Body::Text(text) => self.say(&clean(&text.text)),
            Body::Thinking(text) => self.say(&format!("-# 💭 {}", cut(&one_line(&text.text), 300))),
            Body::Note(note) => self.say(&format!("-# {}", one_line(&note.text))),
            Body::Error(error) => self.say(&format!("⚠️ {}", cut(&clean(&error.text), 900))),
            Body::Question(question) => self.say(&format!("❔ {}", cut(&clean(&question.text), 900))),
            Body::QuestionClosed(closed) => self.say(&format!("-# ✔ {}", cut(&one_line(&closed.answer), 300))),
            Body::Limit(limit) => self.say(&format!("-# ⏳ limit of {}", one_line(&limit.window))),
            Body::Gap(gap) => self.say(&format!("-# … output is missing here: {}", one_line(&gap.reason))),
            Body::Result(_) | Body::SessionStarted(_) | Body::Usage(_) | Body::Delivered(_) => String::new(),
        }
    }

    /// True when nothing is kept back.
    pub(crate) fn is_empty(&self) -> bool {
        self.tools.is_empty() && self.lines.is_empty()
    }

    /// What was kept back.
    pub(crate) fn rest(&mut self) -> String {
        let lines = self.lines();
        format!("{lines}{}", self.tools())
    }

    fn say(&mut self, text: &str) -> String {
        let text = text.trim_end();
        if text.is_empty() {
            return String::new();
        }
        format!("{}{text}\n", self.rest())
    }

    fn tools(&mut self) -> String {
        self.open.clear();
        if self.tools.is_empty() {
            return String::new();
        }
        let one = |(text, failed): (String, bool)| if failed { format!("{text} ✗") } else { text };
        format!("-# 🔧 {}\n", self.tools.drain(..).map(one).collect::<Vec<_>>().join(" · "))
    }

    fn lines(&mut self) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        format!("```\n{}\n```\n", self.lines.drain(..).collect::<Vec<_>>().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use pb::output_item as item;

    use super::*;

    fn call(id: &str, name: &str, summary: &str) -> Body {
        Body::ToolCall(item::ToolCall { call_id: id.into(), name: name.into(), summary: summary.into(), input: String::new() })
    }

    fn told(items: &[Body]) -> String {
        let mut fold = Fold::default();
        let mut text: String = items.iter().map(|item| fold.item(item)).collect();
        text.push_str(&fold.rest());
        text
    }

    /// Runs R4: tools between two things said are one small line, a failed one is marked; plain lines are a block.
    #[test]
    fn what_an_agent_does_is_folded() {
        let failed = Body::ToolResult(item::ToolResult { call_id: "b".into(), is_error: true, text: String::new() });
        let line = |text: &str| Body::Line(item::Line { text: text.into(), ..Default::default() });
        let text = told(&[
            Body::Text(item::Text { text: "Looking @everyone.".into() }),
            call("a", "Read", "src/main.rs"),
            call("b", "Bash", "cargo `test`"),
            failed,
            Body::Thinking(item::Thinking { text: "Hm.\nSo.".into() }),
            line("one"),
            line("```"),
            call("c", "Edit", ""),
            Body::Text(item::Text { text: "Done.".into() }),
        ]);
        insta::assert_snapshot!(text);
    }
}
