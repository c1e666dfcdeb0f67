//! How the scripted agent is started.
//!
//! Spec: specs/server/runner/scripted.md

use aq_core::runner_link::SessionOrder;
use aq_core::runtime::RuntimeKind;

use super::normalize::ScriptedLines;
use super::wire::{Told, line};
use crate::runtimes::normalizer::{Frame, Normalizer};
use crate::runtimes::port::{LaunchOrder, LaunchPlan, LaunchRefused, Runtime};
use crate::shim::StdinMode;

/// The hidden subcommand of our own program that plays the agent: `<program> __scripted-agent <home>`.
pub const SUBCOMMAND: &str = "__scripted-agent";

/// The built-in agent.
#[derive(Clone, Copy, Debug)]
pub struct Scripted;

impl Runtime for Scripted {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Scripted
    }

    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused> {
        let start = order.start;
        let (session, resume) = match order.session {
            SessionOrder::Fresh { session_id } => (session_id.clone(), false),
            SessionOrder::Resume { session_id } => (session_id.clone(), true),
        };
        let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
        let told =
            Told::Start { task: start.run.task.to_string(), title: start.title.clone(), prompt: start.prompt.clone(), session, resume };
        Ok(LaunchPlan {
            argv: vec![text(order.ourselves), SUBCOMMAND.to_owned(), text(order.home)],
            native: Vec::new(),
            env: start.profile.env.clone(),
            stdin: StdinMode::Held,
            frames: vec![Frame { id: "start".to_owned(), bytes: line(&told) }],
            close_stdin: false,
            files: Vec::new(),
            secrets: start.profile.secrets(),
            writable: Vec::new(),
        })
    }

    fn normalizer(&self, _order: &LaunchOrder<'_>) -> Box<dyn Normalizer> {
        Box::new(ScriptedLines::default())
    }

    fn restore(&self, state: &serde_json::Value) -> Option<Box<dyn Normalizer>> {
        let lines: ScriptedLines = serde_json::from_value(state.clone()).ok()?;
        Some(Box::new(lines))
    }
}
