//! Which runtime serves which kind (F-096).
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::runtime::RuntimeKind;

use super::acp::Acp;
use super::claude::Claude;
use super::codex::Codex;
use super::command::Command;
use super::gemini::Gemini;
use super::opencode::OpenCode;
use super::port::Runtime;
use super::scripted::Scripted;

/// The runtime of a kind. Total: a kind without a runtime cannot exist.
#[must_use]
pub fn runtime(kind: RuntimeKind) -> &'static dyn Runtime {
    match kind {
        RuntimeKind::Scripted => &Scripted,
        RuntimeKind::Command => &Command,
        RuntimeKind::Claude => &Claude,
        RuntimeKind::Codex => &Codex,
        RuntimeKind::Gemini => &Gemini,
        RuntimeKind::OpenCode => &OpenCode,
        RuntimeKind::Acp => &Acp,
    }
}

#[cfg(test)]
mod tests {
    use aq_core::runtime::RuntimeKind;

    /// F-096: every kind has the runtime that says it is of that kind.
    #[test]
    fn every_kind_has_its_runtime() {
        for kind in RuntimeKind::ALL {
            assert_eq!(super::runtime(kind).kind(), kind);
        }
    }
}
