//! Agents: named worker slots. Which task an agent gets lives in `schedule`; names are made in `names`.
//!
//! Spec: specs/server/core/models.md

use crate::ids::{AccountId, AgentId, RunRef};
use crate::profile::RuntimeProfile;
use crate::runtime::RuntimeKind;
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// Whether an agent can take work.
    AgentState, "agent state" {
        /// Free.
        Idle = "IDLE",
        /// Works on a run.
        Busy = "BUSY",
        /// Takes nothing new; a run it has goes on to its end.
        Paused = "PAUSED",
        /// Cannot work until an operator looks at it.
        Error = "ERROR",
    }
}

/// A named worker slot of one runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The name in lower case with hyphens; never changes.
    pub id: AgentId,
    /// The name shown to people.
    pub name: String,
    /// The kind of program behind it.
    pub runtime: RuntimeKind,
    /// How the program is run.
    pub profile: RuntimeProfile,
    /// The account it draws from; `None`: one that has no limits to watch.
    pub account: Option<AccountId>,
    /// Whether it can take work.
    pub state: AgentState,
    /// The run it works on; may be set while PAUSED.
    pub current_run: Option<RunRef>,
    /// Process id of the run's shim.
    pub pid: Option<u32>,
    /// When its run last printed anything (D-07).
    pub last_output_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When any field last changed.
    pub updated_at: Timestamp,
}

impl Agent {
    /// An idle agent with an empty profile (F-006).
    #[must_use]
    pub fn new(id: AgentId, name: impl Into<String>, runtime: RuntimeKind, at: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            runtime,
            profile: RuntimeProfile::default(),
            account: None,
            state: AgentState::Idle,
            current_run: None,
            pid: None,
            last_output_at: None,
            created_at: at,
            updated_at: at,
        }
    }

    /// True when the scheduler may give it work.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state == AgentState::Idle && self.current_run.is_none()
    }

    /// The state after its run has ended: a paused or faulty agent stays what it is.
    #[must_use]
    pub const fn state_after_run(&self) -> AgentState {
        match self.state {
            AgentState::Idle | AgentState::Busy => AgentState::Idle,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-006, models R3.
    #[test]
    fn a_paused_agent_stays_paused_after_its_run() {
        let mut agent = Agent::new(AgentId::parse("nova").unwrap(), "Nova", RuntimeKind::Scripted, Timestamp::from_millis(0));
        assert!(agent.is_idle());
        agent.state = AgentState::Busy;
        assert_eq!(agent.state_after_run(), AgentState::Idle);
        agent.state = AgentState::Paused;
        assert_eq!(agent.state_after_run(), AgentState::Paused);
    }
}
