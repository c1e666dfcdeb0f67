//! Identifiers. Each kind is a type of its own, so that a task id can never be passed where a project id is meant.
//!
//! What a valid id looks like is checked once, where text enters (`parse`). How ids are generated lives in `names`.
//!
//! Spec: specs/server/core/ids.md

use std::fmt;
use std::sync::Arc;

/// Longest id accepted, in bytes. Ids become file and branch names, so they stay well below the limits of both.
pub const MAX_ID_BYTES: usize = 80;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is empty.
    #[error("{kind} id is empty")]
    Empty {
        /// Which kind of id was expected.
        kind: &'static str,
    },
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("{kind} id is longer than {MAX_ID_BYTES} bytes")]
    TooLong {
        /// Which kind of id was expected.
        kind: &'static str,
    },
    /// The text holds a character outside lower-case letters, digits and `-`, or starts or ends with `-`.
    #[error("{kind} id `{text}` may hold only lower-case letters, digits and `-`, and starts and ends with a letter or digit")]
    Malformed {
        /// Which kind of id was expected.
        kind: &'static str,
        /// The offending text, as given.
        text: String,
    },
    /// The text is a word that programs write when they mean "nothing" (`none`, `null`, …).
    #[error("{kind} id `{text}` is a placeholder, not an id")]
    Placeholder {
        /// Which kind of id was expected.
        kind: &'static str,
        /// The offending text, as given.
        text: String,
    },
}

fn check(kind: &'static str, text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { kind });
    }
    if text.len() > MAX_ID_BYTES {
        return Err(InvalidId::TooLong { kind });
    }
    let word = |c: char| c.is_lowercase() || c.is_numeric() || (c.is_alphabetic() && !c.is_uppercase());
    let edges = text.starts_with(word) && text.ends_with(word);
    if !edges || !text.chars().all(|c| word(c) || c == '-') {
        return Err(InvalidId::Malformed { kind, text: text.to_owned() });
    }
    if matches!(text, "none" | "null" | "nil" | "undefined") {
        return Err(InvalidId::Placeholder { kind, text: text.to_owned() });
    }
    Ok(())
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes it an id.
            ///
            /// # Errors
            /// [`InvalidId`] says what is wrong with the text.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                check($kind, text)?;
                Ok(Self(Arc::from(text)))
            }

            /// Takes a text that was checked before (a stored row, a generated name) without checking it again.
            #[must_use]
            pub fn from_trusted(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, ":{}"), self.0)
            }
        }
    };
}

id_type!(
    /// A task: adjective-noun, for example `swift-falcon`.
    TaskId,
    "task"
);
id_type!(
    /// A project: the slug of its name.
    ProjectId,
    "project"
);
id_type!(
    /// A workspace: `ws-` and eight hexadecimal digits.
    WorkspaceId,
    "workspace"
);
id_type!(
    /// An agent: its name in lower case with hyphens.
    AgentId,
    "agent"
);
id_type!(
    /// An account: the slug of its name.
    AccountId,
    "account"
);

/// One attempt of a task: the task and the number of the attempt, counted from 1.
///
/// Everything an agent does is recorded under this pair, and a result that carries an old number changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunRef {
    /// The task that is attempted.
    pub task: TaskId,
    /// The number of the attempt, from 1.
    pub number: u32,
}

impl RunRef {
    /// The name of the run's folder: `<task>.<number>`. A task id never holds a dot, so the name can be taken apart again.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{}.{}", self.task, self.number)
    }

    /// Reads a folder name made by [`RunRef::folder`]; `None` when it is not one.
    #[must_use]
    pub fn from_folder(name: &str) -> Option<Self> {
        let (task, number) = name.rsplit_once('.')?;
        let number = number.parse().ok().filter(|n| *n > 0)?;
        Some(Self { task: TaskId::parse(task).ok()?, number })
    }
}

impl fmt::Display for RunRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.task, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ids R1, R2, I-36.
    #[test]
    fn only_ids_are_read() {
        for good in ["swift-falcon", "a", "9", "größe-2", "修复-登录"] {
            assert_eq!(TaskId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "..", "a.b", "a\0", "a_b", "none", "null", "nil", "undefined"] {
            assert!(TaskId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(TaskId::parse(&"x".repeat(MAX_ID_BYTES)).is_ok());
        assert_eq!(TaskId::parse(&"x".repeat(MAX_ID_BYTES + 1)), Err(InvalidId::TooLong { kind: "task" }));
    }

    /// ids R3: a run is its task and its number, also where people read it.
    #[test]
    fn folders_read_back() {
        let run = RunRef { task: TaskId::parse("swift-falcon").unwrap(), number: 12 };
        assert_eq!((run.folder().as_str(), run.to_string().as_str()), ("swift-falcon.12", "swift-falcon/12"));
        assert_eq!(RunRef::from_folder("swift-falcon.12"), Some(run));
        for bad in ["swift-falcon", "swift-falcon.0", "swift-falcon.x", ".1", "a.b.1", "a.-1"] {
            assert_eq!(RunRef::from_folder(bad), None, "{bad}");
        }
    }
}
