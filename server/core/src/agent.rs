//! Agents: named worker slots. Which task an agent gets lives in `schedule`; names are made in `names`.
//!
//! Spec: specs/server/core/models.md

use crate::ids::{AccountId, AgentId};
use crate::output::FailureClass;
use crate::profile::RuntimeProfile;
use crate::runtime::RuntimeKind;
use crate::time::Timestamp;

/// How long an agent takes nothing after the first failure that was its own, in milliseconds.
const FIRST_WAIT_MS: i64 = 300_000;
/// The longest it takes nothing, in milliseconds.
const LONGEST_WAIT_MS: i64 = 3_600_000;

/// Why an agent cannot work: its login has expired, its provider wants money, its program does not start (models R10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFault {
    /// What failed.
    pub class: FailureClass,
    /// What was said of it.
    pub message: String,
    /// Key of the task that met it last.
    pub task: i64,
    /// Since when.
    pub since: Timestamp,
    /// How often in a row, from 1.
    pub times: u32,
    /// When it is tried again.
    pub until: Timestamp,
}

/// A named worker slot of one runtime. What it works on is told by the open runs.
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
    /// True: it takes nothing new; a run that it has goes on to its end.
    pub paused: bool,
    /// Why it cannot work; `None`: nothing is known to be wrong.
    pub fault: Option<AgentFault>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When any field last changed.
    pub updated_at: Timestamp,
}

impl Agent {
    /// An agent with an empty profile that may take work (F-006).
    #[must_use]
    pub fn new(id: AgentId, name: impl Into<String>, runtime: RuntimeKind, at: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            runtime,
            profile: RuntimeProfile::default(),
            account: None,
            paused: false,
            fault: None,
            created_at: at,
            updated_at: at,
        }
    }

    /// Until when it takes nothing for a fault; `None`: it may be tried.
    #[must_use]
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.fault.as_ref().map(|fault| fault.until).filter(|until| *until > now)
    }

    /// Notes that a run of the task with this key could not work at `now` for no fault of the task (models R10). True when that is news: the first of its kind.
    pub fn fails(&mut self, class: FailureClass, message: &str, task: i64, now: Timestamp) -> bool {
        let known = self.fault.as_ref();
        let times = known.map_or(0, |fault| fault.times).saturating_add(1);
        let wait = FIRST_WAIT_MS.saturating_mul(1_i64 << times.saturating_sub(1).min(16)).min(LONGEST_WAIT_MS);
        let news = known.is_none_or(|fault| fault.class != class);
        self.fault = Some(AgentFault {
            class,
            message: message.to_owned(),
            task,
            since: known.map_or(now, |fault| fault.since),
            times,
            until: now.plus_millis(wait),
        });
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// models R10: the wait doubles up to an hour, the first and another fault are news, and it begins anew after it was over.
    #[test]
    fn a_fault_closes_for_longer_each_time() {
        let minutes = |count: i64| Timestamp::from_millis(count * 60_000);
        let mut agent = Agent::new(AgentId::parse("nova").unwrap(), "Nova", RuntimeKind::Claude, minutes(0));
        let mut waits = Vec::new();
        for _ in 0..6 {
            let news = agent.fails(FailureClass::Auth, "no login", 7, minutes(100));
            let until = agent.closed_until(minutes(100)).unwrap();
            assert_eq!(agent.closed_until(until), None);
            waits.push((news, until.millis_since(minutes(100)) / 60_000));
        }
        assert_eq!(waits, [(true, 5), (false, 10), (false, 20), (false, 40), (false, 60), (false, 60)]);
        assert!(agent.fails(FailureClass::Billing, "no credit", 8, minutes(101)));
        assert_eq!(agent.fault.as_ref().map(|fault| (fault.since, fault.times)), Some((minutes(100), 7)));
        agent.fault = None;
        agent.fails(FailureClass::Spawn, "not installed", 8, minutes(200));
        assert_eq!(agent.closed_until(minutes(200)), Some(minutes(205)));
    }
}
