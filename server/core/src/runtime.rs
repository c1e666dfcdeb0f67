//! The kinds of program that do the work. How each is spoken to lives in the runner.
//!
//! Spec: specs/server/core/README.md

use std::fmt;

/// The kind of program behind an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuntimeKind {
    /// The built-in agent driven by a small script: a real child process that spends no model tokens.
    Scripted,
    /// Any argument vector: plain lines in the output, exit code plus changed work as the result.
    Command,
    /// The Claude Code CLI over its JSON protocol.
    Claude,
    /// The OpenAI Codex CLI over its app-server protocol.
    Codex,
    /// The Gemini CLI over its own stream, or over the Agent Client Protocol where it asks.
    Gemini,
    /// OpenCode over its own stream, or over the Agent Client Protocol where it asks.
    OpenCode,
    /// Any agent that speaks the Agent Client Protocol.
    Acp,
}

impl RuntimeKind {
    /// Every kind, in the order shown to people.
    pub const ALL: [Self; 7] = [Self::Scripted, Self::Command, Self::Claude, Self::Codex, Self::Gemini, Self::OpenCode, Self::Acp];

    /// The name used in the API, the configuration and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scripted => "scripted",
            Self::Command => "command",
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::OpenCode => "opencode",
            Self::Acp => "acp",
        }
    }

    /// Reads a name written by [`RuntimeKind::as_str`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A set of runtimes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuntimeSet(u16);

impl RuntimeSet {
    /// No runtime at all.
    pub const EMPTY: Self = Self(0);

    const fn bit(kind: RuntimeKind) -> u16 {
        1 << (kind as u16)
    }

    /// The same set with one more.
    #[must_use]
    pub const fn with(self, kind: RuntimeKind) -> Self {
        Self(self.0 | Self::bit(kind))
    }

    /// The same set without one.
    #[must_use]
    pub const fn without(self, kind: RuntimeKind) -> Self {
        Self(self.0 & !Self::bit(kind))
    }

    /// True when it holds `kind`.
    #[must_use]
    pub const fn has(self, kind: RuntimeKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// True when it holds none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its members, in the order shown to people.
    pub fn iter(self) -> impl Iterator<Item = RuntimeKind> {
        RuntimeKind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }
}

impl FromIterator<RuntimeKind> for RuntimeSet {
    fn from_iter<I: IntoIterator<Item = RuntimeKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// Names with commas between them; empty for none.
impl fmt::Display for RuntimeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, kind) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{kind}")?;
        }
        Ok(())
    }
}

impl fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// task R11: a set holds each runtime once, in the order shown to people.
    #[test]
    fn a_set_holds_each_runtime_once() {
        let twice: RuntimeSet = [RuntimeKind::Codex, RuntimeKind::Claude, RuntimeKind::Codex].into_iter().collect();
        assert_eq!((twice.to_string().as_str(), twice.is_empty(), RuntimeSet::EMPTY.is_empty()), ("claude, codex", false, true));
        assert_eq!(RuntimeKind::ALL.into_iter().collect::<RuntimeSet>().iter().collect::<Vec<_>>(), RuntimeKind::ALL);
    }
}
