//! What a task asks of the agent that takes it: tasks that ask for the same stand in one line.
//!
//! Who is next in each line is decided in `schedule`.

use std::fmt;

use crate::runtime::{RuntimeKind, RuntimeSet};

/// What a task asks of its agent (task R11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Needs {
    /// The runtime; `None`: any.
    pub runtime: Option<RuntimeKind>,
    /// The runtimes that may take it while the accounts of its own are closed.
    pub fallback: RuntimeSet,
    /// True for filler work: it runs only on what the accounts' windows would let expire.
    pub filler: bool,
}

impl Needs {
    /// A task that needs this runtime, or any, and nothing else.
    #[must_use]
    pub const fn runtime(runtime: Option<RuntimeKind>) -> Self {
        Self { runtime, fallback: RuntimeSet::EMPTY, filler: false }
    }

    /// True when an agent of `runtime` could ever take the task.
    #[must_use]
    pub fn allows(self, runtime: RuntimeKind) -> bool {
        self.runtime.is_none_or(|needed| needed == runtime || self.fallback.has(runtime))
    }

    /// Reads what [`Needs`] shows as text; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (text, filler) = text.strip_suffix('~').map_or((text, false), |rest| (rest, true));
        let mut parts = text.split('+');
        let runtime = match parts.next()? {
            "" => None,
            name => Some(RuntimeKind::parse(name)?),
        };
        let fallback = parts.map(RuntimeKind::parse).collect::<Option<RuntimeSet>>()?;
        Some(Self { runtime, fallback, filler })
    }
}

/// The form in which it is stored: the runtime (empty: any), `+` before each one to fall back to, `~` at the end for filler work.
impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.runtime.map_or("", RuntimeKind::as_str))?;
        for kind in self.fallback.iter() {
            write!(f, "+{kind}")?;
        }
        f.write_str(if self.filler { "~" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// task R11: what is stored is read back as it was.
        #[test]
        fn its_text_is_read_back(runtime in proptest::option::of(0..RuntimeKind::ALL.len()), bits in 0..128_u16, filler: bool) {
            let fallback = RuntimeKind::ALL.into_iter().filter(|kind| bits & (1 << (*kind as u16)) != 0).collect();
            let needs = Needs { runtime: runtime.map(|index| RuntimeKind::ALL[index]), fallback, filler };
            prop_assert_eq!(Needs::parse(&needs.to_string()), Some(needs));
        }
    }

    /// task R11: the text is short and plain; what nobody wrote is refused.
    #[test]
    fn the_text_is_plain() {
        let needs = Needs {
            runtime: Some(RuntimeKind::Claude),
            fallback: RuntimeSet::EMPTY.with(RuntimeKind::Gemini).with(RuntimeKind::Codex),
            filler: true,
        };
        assert_eq!(needs.to_string(), "claude+codex+gemini~");
        assert_eq!((Needs::default().to_string(), Needs::parse("")), (String::new(), Some(Needs::default())));
        assert!(needs.allows(RuntimeKind::Codex) && !needs.allows(RuntimeKind::Acp) && Needs::default().allows(RuntimeKind::Acp));
        for wrong in ["claud", "claude+", "claude~~", "claude codex"] {
            assert_eq!(Needs::parse(wrong), None, "{wrong}");
        }
    }
}
