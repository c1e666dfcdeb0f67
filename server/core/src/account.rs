//! Accounts and what is known of their usage windows. Limits belong to accounts, never to agents or tasks.
//!
//! Reading the evidence from a program's output lives in the runner; acting on it lives in the server's orchestrator.
//!
//! Spec: specs/server/core/models.md

use crate::ids::AccountId;
use crate::output::{LimitNotice, LimitStatus};
use crate::time::Timestamp;

/// How long a refusal without a reset instant holds, in milliseconds.
pub const UNKNOWN_RESET_MS: i64 = 300_000;

/// What is known of one usage window of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitWindow {
    /// The provider's name of the window, for example `five_hour`.
    pub name: String,
    /// How it stands.
    pub status: LimitStatus,
    /// Used part from 0.0 to 1.0, when known.
    pub used: Option<f64>,
    /// When it opens again, when known.
    pub resets_at: Option<Timestamp>,
    /// Where this was read from.
    pub source: String,
    /// When it was read.
    pub observed_at: Timestamp,
}

impl LimitWindow {
    /// Until when nothing may start because of this window; `None` when it does not hold anything up at `now`.
    #[must_use]
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.status != LimitStatus::Rejected {
            return None;
        }
        let until = self.resets_at.unwrap_or_else(|| self.observed_at.plus_millis(UNKNOWN_RESET_MS));
        (until > now).then_some(until)
    }

    /// The used part at `now`: 0 once the reset instant has passed.
    #[must_use]
    pub fn used_at(&self, now: Timestamp) -> Option<f64> {
        match self.resets_at {
            Some(reset) if reset <= now => Some(0.0),
            _ => self.used,
        }
    }
}

/// A plan or API key that runtimes draw from.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Slug of the name.
    pub id: AccountId,
    /// The name shown to people.
    pub name: String,
    /// Folder of the agent CLI's own configuration and login; empty: none.
    pub login_dir: String,
    /// Part of every window that is left for the person, 0.0 to 1.0.
    pub reserve: f64,
    /// True when an operator lets nothing start on it.
    pub paused: bool,
    /// What is known of its windows, one entry per window name, in order of the names.
    pub windows: Vec<LimitWindow>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When any field last changed.
    pub updated_at: Timestamp,
}

impl Account {
    /// An account without known windows (F-006).
    #[must_use]
    pub fn new(id: AccountId, name: impl Into<String>, at: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            login_dir: String::new(),
            reserve: 0.0,
            paused: false,
            windows: Vec::new(),
            created_at: at,
            updated_at: at,
        }
    }

    /// Takes in what a provider said at `at`. Evidence older than what is known changes nothing; missing parts keep their last
    /// known value within the same window. True when something changed.
    pub fn observe(&mut self, notice: &LimitNotice, at: Timestamp) -> bool {
        let index = match self.windows.binary_search_by(|window| window.name.as_str().cmp(&notice.window)) {
            Ok(index) => index,
            Err(index) => {
                self.windows.insert(
                    index,
                    LimitWindow {
                        name: notice.window.clone(),
                        status: notice.status,
                        used: notice.used,
                        resets_at: notice.resets_at,
                        source: notice.source.clone(),
                        observed_at: at,
                    },
                );
                return true;
            }
        };
        let Some(window) = self.windows.get_mut(index).filter(|window| window.observed_at <= at) else {
            return false;
        };
        let still_open = window.resets_at.is_none_or(|reset| reset > at);
        let kept = |old| if still_open { old } else { None };
        window.used = notice.used.or_else(|| kept(window.used));
        window.resets_at = notice.resets_at.or(if still_open { window.resets_at } else { None });
        window.status = notice.status;
        window.source.clone_from(&notice.source);
        window.observed_at = at;
        true
    }

    /// A run that started after the reset used the account without being refused: windows that were refused and should be open again
    /// count as allowed (limits R4). For providers that say nothing while all is well. True when something changed.
    pub fn proven_open(&mut self, now: Timestamp) -> bool {
        let mut changed = false;
        for window in &mut self.windows {
            if window.status == LimitStatus::Rejected && window.closed_until(now).is_none() {
                window.status = LimitStatus::Allowed;
                window.used = None;
                window.source = "probe".to_owned();
                window.observed_at = now;
                changed = true;
            }
        }
        changed
    }

    /// Until when nothing may start on the account: the latest of its closed windows. `None` when it is open (F-054).
    #[must_use]
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.windows.iter().filter_map(|window| window.closed_until(now)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(window: &str, status: LimitStatus, resets_at: Option<i64>) -> LimitNotice {
        LimitNotice { window: window.into(), status, used: None, resets_at: resets_at.map(Timestamp::from_millis), source: "test".into() }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// F-054, models R5.
    #[test]
    fn a_refusal_closes_the_account_until_its_reset() {
        let mut account = Account::new(AccountId::parse("max").unwrap(), "Max", at(0));
        assert!(account.observe(&notice("seven_day", LimitStatus::Allowed, Some(900)), at(1)));
        assert_eq!(account.closed_until(at(2)), None);
        account.observe(&notice("five_hour", LimitStatus::Rejected, Some(500)), at(2));
        assert_eq!(account.closed_until(at(3)), Some(at(500)));
        assert_eq!(account.closed_until(at(500)), None);
        let mut proven = account.clone();
        assert!(!proven.proven_open(at(499)) && proven.proven_open(at(500)) && !proven.proven_open(at(501)));
        assert!(!account.observe(&notice("five_hour", LimitStatus::Allowed, None), at(1)));
        account.observe(&notice("unknown", LimitStatus::Rejected, None), at(10));
        assert_eq!(account.closed_until(at(11)), Some(at(10 + UNKNOWN_RESET_MS)));
        let names: Vec<_> = account.windows.iter().map(|window| window.name.as_str()).collect();
        assert_eq!(names, ["five_hour", "seven_day", "unknown"]);
    }
}
