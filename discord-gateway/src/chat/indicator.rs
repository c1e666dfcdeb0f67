//! The sign that an answer is being thought about (F-212). Pure.

use crate::text::{cut, inline};

/// What the sign says.
#[derive(Clone, Debug, Default)]
pub(super) struct Indicator {
    tools: Vec<String>,
}

/// What happens in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happens<'a> {
    /// The model is asked, for the first time or again.
    Round(u32),
    /// A tool is used.
    Tool(&'a str),
    /// The answer is being written.
    Answer,
}

impl Indicator {
    /// What it says at first.
    pub(super) const START: &'static str = "💭 Thinking...";

    /// What it says while the server is away.
    pub(super) const AWAY: &'static str = "⏳ The server is away; I ask again as soon as it is back...";

    /// What it says now; `None`: what it said before.
    pub(super) fn now(&mut self, happens: Happens<'_>) -> Option<String> {
        let text = match happens {
            Happens::Round(1) => return None,
            Happens::Round(_) if self.tools.is_empty() => return None,
            Happens::Round(_) => format!("💭 Thinking... {} → 💭", self.steps()),
            Happens::Tool(name) => {
                self.tools.push(inline(name));
                format!("🔧 Working... {}", self.steps())
            }
            Happens::Answer if self.tools.is_empty() => "✍️ Composing reply...".to_owned(),
            Happens::Answer => format!("✅ {} → composing reply...", self.steps()),
        };
        Some(cut(&text, 1900))
    }

    fn steps(&self) -> String {
        // The newest steps are what people look at.
        let from = self.tools.len().saturating_sub(12);
        let shown = self.tools.iter().skip(from).cloned().collect::<Vec<_>>().join(" → ");
        if from > 0 { format!("… → {shown}") } else { shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-212: each state has its text.
    #[test]
    fn each_state_has_its_text() {
        let mut indicator = Indicator::default();
        assert_eq!(indicator.now(Happens::Round(1)), None);
        assert_eq!(indicator.clone().now(Happens::Answer).as_deref(), Some("✍️ Composing reply..."));
        assert_eq!(indicator.now(Happens::Tool("list_tasks")).as_deref(), Some("🔧 Working... `list_tasks`"));
        assert_eq!(indicator.now(Happens::Round(2)).as_deref(), Some("💭 Thinking... `list_tasks` → 💭"));
        assert_eq!(indicator.now(Happens::Tool("add")).as_deref(), Some("🔧 Working... `list_tasks` → `add`"));
        assert_eq!(indicator.now(Happens::Answer).as_deref(), Some("✅ `list_tasks` → `add` → composing reply..."));
    }
}
