//! Accounts and what is known of their usage windows. Limits belong to accounts, never to agents or tasks.
//!
//! Reading the evidence from a program's output lives in the runner; acting on it lives in the server's orchestrator.
//!
//! Spec: specs/server/core/models.md

use crate::ids::AccountId;
use crate::limits::{AccountPolicy, Meter, family_of, is_throttle, span_of};
use crate::output::{LimitNotice, LimitStatus};
use crate::time::Timestamp;

/// How long a refusal without a reset instant holds, in milliseconds.
pub const UNKNOWN_RESET_MS: i64 = 300_000;
/// How long what was heard of a window is believed when neither its reset nor its length is known, in milliseconds.
const UNKNOWN_SPAN_MS: i64 = 3_600_000;

/// Where a provider key is found. The key itself is never stored: it stays where its owner put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A variable of the server's environment.
    Variable(String),
    /// A file on the server's machine, absolute, that its owner alone can read.
    File(String),
}

impl KeySource {
    /// Reads `env:NAME` or `file:/path`; `None` for anything else, a key itself among it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("env:") {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            return (!name.is_empty() && name.len() <= 128 && name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()))
                .then(|| Self::Variable(name.to_owned()));
        }
        let path = text.strip_prefix("file:")?;
        (path.starts_with('/') && !path.chars().any(char::is_control)).then(|| Self::File(path.to_owned()))
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

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
    /// How many tokens make up the window, as far as the evidence tells.
    pub meter: Meter,
}

impl LimitWindow {
    /// What a notice says about a window that was not known before.
    #[must_use]
    pub fn first(notice: &LimitNotice, at: Timestamp) -> Self {
        Self {
            name: notice.window.clone(),
            status: notice.status,
            used: notice.used,
            resets_at: notice.resets_at,
            source: notice.source.clone(),
            observed_at: at,
            meter: Meter::begin(notice.used, at),
        }
    }

    /// The model family that the window is about; `None`: every model of the account draws from it.
    #[must_use]
    pub fn family(&self) -> Option<&'static str> {
        family_of(&self.name)
    }

    /// True when work of `model` draws from this window. An unknown model (empty) may be of any family.
    #[must_use]
    pub fn covers(&self, model: &str) -> bool {
        self.family().is_none_or(|family| model.is_empty() || model.to_lowercase().contains(family))
    }

    /// Until when nothing may start because of this window; `None` when it does not hold anything up at `now`.
    #[must_use]
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.status != LimitStatus::Rejected || is_throttle(&self.name, self.resets_at) {
            return None;
        }
        let until = self.reset();
        (until > now).then_some(until)
    }

    /// When a refusal of it ends.
    #[must_use]
    pub fn reset(&self) -> Timestamp {
        self.resets_at.unwrap_or_else(|| self.observed_at.plus_millis(UNKNOWN_RESET_MS))
    }

    /// Until when what was heard of the used part is believed: the reset; where none was told, the end of a refusal, else one length of the window (an hour
    /// where its name does not tell). Without an end, a window that is full would stay closed for ever: nothing starts that could show otherwise.
    #[must_use]
    pub fn believed_until(&self) -> Timestamp {
        match self.resets_at {
            Some(reset) => reset,
            None if self.status == LimitStatus::Rejected => self.reset(),
            None => self.observed_at.plus_millis(span_of(&self.name).unwrap_or(UNKNOWN_SPAN_MS)),
        }
    }

    /// The used part at `now`: 0 once the reset instant has passed, else what was heard, and where the meter knows the window's size, what was
    /// spent since. `None`: nothing was heard, or what was heard is too old.
    #[must_use]
    pub fn used_at(&self, now: Timestamp) -> Option<f64> {
        match self.resets_at {
            Some(reset) if reset <= now => Some(0.0),
            None if self.believed_until() <= now => None,
            _ => self.used.map(|used| self.meter.estimate(used)),
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
    /// Part of every window that is left for the person, 0.0 to 1.0, in the hours of the policy.
    pub reserve: f64,
    /// True when an operator lets nothing start on it.
    pub paused: bool,
    /// What else the owner wants.
    pub policy: AccountPolicy,
    /// What is known of its windows, one entry per window name, in order of the names.
    pub windows: Vec<LimitWindow>,
    /// Most runs at the same time; 0: no limit of its own.
    pub max_concurrent_runs: u32,
    /// Environment variable that carries the provider key to the program; empty: the runtime's own.
    pub key_variable: String,
    /// Where the server finds the provider key when a run starts; `None`: the login folder is used.
    pub key_source: Option<KeySource>,
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
            policy: AccountPolicy::default(),
            windows: Vec::new(),
            max_concurrent_runs: 0,
            key_variable: String::new(),
            key_source: None,
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
                self.windows.insert(index, LimitWindow::first(notice, at));
                return true;
            }
        };
        let Some(window) = self.windows.get_mut(index).filter(|window| window.observed_at <= at) else {
            return false;
        };
        let still_open = window.resets_at.is_none_or(|reset| reset > at);
        let kept = |old| if still_open { old } else { None };
        window.meter.observe(notice.used, still_open, at);
        window.used = notice.used.or_else(|| kept(window.used));
        window.resets_at = notice.resets_at.or(if still_open { window.resets_at } else { None });
        window.status = notice.status;
        window.source.clone_from(&notice.source);
        window.observed_at = at;
        true
    }

    /// A run of `model` that started at `since` used the account without being refused: windows that should have been open again by then count
    /// as allowed (limits R6). For providers that say nothing while all is well. Returns the windows that changed.
    pub fn proven_open(&mut self, model: &str, since: Timestamp, now: Timestamp) -> Vec<LimitWindow> {
        let mut changed = Vec::new();
        for window in &mut self.windows {
            let reset = window.reset();
            if window.status == LimitStatus::Rejected && window.covers(model) && reset <= since && window.observed_at <= since {
                window.status = LimitStatus::Allowed;
                window.used = None;
                "probe".clone_into(&mut window.source);
                window.observed_at = now;
                window.meter.begin_again(now);
                changed.push(window.clone());
            }
        }
        changed
    }

    /// A message of `model` spent `tokens`.
    pub fn spent(&mut self, model: &str, tokens: u64) {
        for window in self.windows.iter_mut().filter(|window| window.covers(model)) {
            window.meter.spent = window.meter.spent.saturating_add(tokens);
        }
    }

    /// Until when a provider refuses work of `model`: the latest of the closed windows that it draws from. `None` when it is open.
    #[must_use]
    pub fn closed_for(&self, model: &str, now: Timestamp) -> Option<Timestamp> {
        self.windows.iter().filter(|window| window.covers(model)).filter_map(|window| window.closed_until(now)).max()
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

    /// models R9: what is stored of a provider key is where it lies; a key itself is nothing of that.
    #[test]
    fn a_key_source_is_a_place() {
        for text in ["env:ANTHROPIC_API_KEY", "env:_x9", "file:/run/secrets/key"] {
            assert_eq!(KeySource::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "sk-ant-api03-abc", "env:", "env:1A", "env:A B", "file:relative", "file:/a\nb", "ENV:A"] {
            assert_eq!(KeySource::parse(text), None, "{text}");
        }
    }

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
        assert!(proven.proven_open("", at(499), at(600)).is_empty());
        assert_eq!(proven.proven_open("", at(500), at(600)).len(), 1);
        assert!(proven.proven_open("", at(501), at(600)).is_empty());
        assert!(!account.observe(&notice("five_hour", LimitStatus::Allowed, None), at(1)));
        account.observe(&notice("weekly", LimitStatus::Rejected, None), at(10));
        assert_eq!(account.closed_until(at(11)), Some(at(10 + UNKNOWN_RESET_MS)));
        let names: Vec<_> = account.windows.iter().map(|window| window.name.as_str()).collect();
        assert_eq!(names, ["five_hour", "seven_day", "weekly"]);
    }

    /// F-073, limits R2: a short throttle is not a window; the account stays open.
    #[test]
    fn a_throttle_leaves_the_account_open() {
        let mut account = Account::new(AccountId::parse("api").unwrap(), "Key", at(0));
        account.observe(&notice("unknown", LimitStatus::Rejected, None), at(10));
        assert_eq!(account.closed_until(at(11)), None);
    }

    /// models R5: parts that a notice leaves out keep their value until the window's reset, and no longer.
    #[test]
    fn missing_parts_keep_their_value_within_the_window() {
        let mut account = Account::new(AccountId::parse("max").unwrap(), "Max", at(0));
        account.observe(&LimitNotice { used: Some(0.7), ..notice("five_hour", LimitStatus::Allowed, Some(500)) }, at(1));
        let mut parts = |now| {
            account.observe(&notice("five_hour", LimitStatus::Warning, None), at(now));
            (account.windows[0].used, account.windows[0].resets_at)
        };
        assert_eq!((parts(499), parts(500)), ((Some(0.7), Some(at(500))), (None, None)));
    }

    /// limits R1, R6: an answered message opens what was refused, nothing else, and of a family only by its own models.
    #[test]
    fn only_refused_windows_of_the_model_are_proven_open() {
        let mut account = Account::new(AccountId::parse("max").unwrap(), "Max", at(0));
        account.observe(&notice("five_hour", LimitStatus::Warning, Some(400)), at(1));
        account.observe(&notice("seven_day_opus", LimitStatus::Rejected, Some(500)), at(1));
        assert_eq!(account.proven_open("claude-sonnet-4-5", at(600), at(700)), []);
        let opened: Vec<_> = account.proven_open("claude-opus-4-5", at(600), at(700)).into_iter().map(|window| window.name).collect();
        assert_eq!(opened, ["seven_day_opus"]);
    }

    /// limits R1, R3: what a message spends counts in each window that its model draws from.
    #[test]
    fn tokens_count_in_the_windows_of_their_model() {
        let mut account = Account::new(AccountId::parse("max").unwrap(), "Max", at(0));
        account.observe(&notice("five_hour", LimitStatus::Allowed, None), at(1));
        account.observe(&notice("seven_day_opus", LimitStatus::Allowed, None), at(1));
        account.spent("claude-opus-4-5", 5);
        account.spent("claude-sonnet-4-5", 2);
        assert_eq!(account.windows.iter().map(|window| window.meter.spent).collect::<Vec<_>>(), [7, 5]);
    }

    /// F-054, limits R1: the weekly limit of a model family holds back that family only; an unknown model may be of it.
    #[test]
    fn a_family_limit_closes_only_its_family() {
        let mut account = Account::new(AccountId::parse("max").unwrap(), "Max", at(0));
        account.observe(&notice("seven_day_opus", LimitStatus::Rejected, Some(500)), at(1));
        let closed = |model| account.closed_for(model, at(2));
        assert_eq!((closed("claude-opus-4-5"), closed("claude-sonnet-4-5"), closed("")), (Some(at(500)), None, Some(at(500))));
    }
}
