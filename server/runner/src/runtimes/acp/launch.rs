//! How an agent that speaks the protocol is started (acp R1, R2).
//!
//! Spec: specs/server/runner/acp.md

use aq_core::runtime::RuntimeKind;
use serde_json::Value;

use super::handshake;
use super::normalize::AcpLines;
use super::state::State;
use super::wanted::Wanted;
use crate::runtimes::normalizer::{Frame, Normalizer};
use crate::runtimes::port::{LaunchOrder, LaunchPlan, LaunchRefused, Runtime};
use crate::shim::StdinMode;

/// Kinds of tools that need no permission when the profile names none: the work in the agent's own checkout.
const DEFAULT_KINDS: [&str; 7] = ["read", "edit", "delete", "move", "search", "execute", "think"];

/// What the agent reads first.
pub(in crate::runtimes) fn frames() -> Vec<Frame> {
    vec![handshake::greeting()]
}

/// A normaliser that has read nothing yet.
pub(in crate::runtimes) fn normalizer(order: &LaunchOrder<'_>, wanted: Wanted) -> Box<dyn Normalizer> {
    Box::new(AcpLines::new(State { launch: order.launch, wanted, ..State::default() }))
}

/// A normaliser that goes on.
pub(in crate::runtimes) fn restore(state: &Value) -> Option<Box<dyn Normalizer>> {
    let state: State = serde_json::from_value(state.clone()).ok()?;
    Some(Box::new(AcpLines::new(state)))
}

/// Any agent that speaks the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Acp;

impl Runtime for Acp {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Acp
    }

    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused> {
        let profile = &order.start.profile;
        if profile.command.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(LaunchRefused::NoCommand);
        }
        Ok(LaunchPlan {
            argv: profile.command.clone(),
            native: Vec::new(),
            env: profile.env.clone(),
            stdin: StdinMode::Held,
            frames: frames(),
            close_stdin: false,
            files: Vec::new(),
            secrets: profile.secrets(),
            writable: (!profile.login_dir.is_empty()).then(|| profile.login_dir.clone().into()).into_iter().collect(),
        })
    }

    fn normalizer(&self, order: &LaunchOrder<'_>) -> Box<dyn Normalizer> {
        let mut wanted = Wanted::of(order);
        if wanted.allowed.is_empty() {
            wanted.allowed = DEFAULT_KINDS.map(str::to_owned).into();
        }
        normalizer(order, wanted)
    }

    fn restore(&self, state: &Value) -> Option<Box<dyn Normalizer>> {
        restore(state)
    }
}
