//! Which events a subscriber wants: `*`, a group such as `task.*`, or one name (F-133).

use super::kind::{EventKind, starts_with};
use crate::text_enum::UnknownName;

/// A choice of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventFilter {
    /// Every event.
    All,
    /// Every event whose name begins with the text, which ends with a dot.
    Group(String),
    /// One kind.
    One(EventKind),
}

impl EventFilter {
    /// Reads `*`, `task.*` (or `task_*`), or one name in either spelling.
    ///
    /// # Errors
    /// [`UnknownName`] when no event of the catalogue could ever match.
    pub fn read(text: &str) -> Result<Self, UnknownName> {
        if text == "*" {
            return Ok(Self::All);
        }
        let group = text.strip_suffix(".*").or_else(|| text.strip_suffix("_*")).map(|head| format!("{head}."));
        match group {
            Some(prefix) if EventKind::ALL.iter().any(|kind| starts_with(kind.as_str(), &prefix)) => Ok(Self::Group(prefix)),
            _ => EventKind::read(text).map(Self::One),
        }
    }

    /// True when the subscriber wants events of `kind`.
    #[must_use]
    pub fn matches(&self, kind: EventKind) -> bool {
        match self {
            Self::All => true,
            Self::Group(prefix) => starts_with(kind.as_str(), prefix),
            Self::One(wanted) => *wanted == kind,
        }
    }
}

impl std::fmt::Display for EventFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Group(prefix) => write!(f, "{prefix}*"),
            Self::One(kind) => write!(f, "{kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-133, F-136, events R2.
    #[test]
    fn wildcards_groups_and_aliases_match() {
        let completed = EventKind::TaskCompleted;
        for text in ["*", "task.*", "task_*", "task.completed", "task_completed"] {
            assert!(EventFilter::read(text).unwrap().matches(completed), "{text}");
        }
        assert!(EventFilter::read("git.pr.*").unwrap().matches(EventKind::PrMerged));
        assert!(!EventFilter::read("git.pr.*").unwrap().matches(EventKind::GitPush));
        assert!(!EventFilter::read("task.*").unwrap().matches(EventKind::NoteCreated));
        for text in ["", "tas*", "nothing.*", "task.done", "**"] {
            assert!(EventFilter::read(text).is_err(), "{text}");
        }
    }

    /// events R2: a filter prints as a text that reads back to itself.
    #[test]
    fn filters_print_what_they_read() {
        for text in ["*", "task.*", "task.completed", "git.pr.*"] {
            assert_eq!(EventFilter::read(text).unwrap().to_string(), text);
        }
    }
}
