//! What a provider says of its usage windows.

use crate::time::Timestamp;

/// How an account's usage window stands, as one message of the provider says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitStatus {
    /// Nothing to heed.
    Allowed,
    /// Close to the limit; work goes on.
    Warning,
    /// Refused until the reset instant.
    Rejected,
}

impl LimitStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Warning, Self::Rejected];

    /// The name used in the API and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Warning => "warning",
            Self::Rejected => "rejected",
        }
    }

    /// Reads a name written by [`LimitStatus::as_str`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What a provider said about one usage window.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitNotice {
    /// The provider's name of the window, for example `five_hour`; `unknown` when it gave none.
    pub window: String,
    /// How the window stands.
    pub status: LimitStatus,
    /// Used part of the window from 0.0 to 1.0, when known.
    pub used: Option<f64>,
    /// When the window opens again, when known.
    pub resets_at: Option<Timestamp>,
    /// Where this was read from, for example `rate_limit_event`, `text`, `http_429`.
    pub source: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// output R4: names read back.
    #[test]
    fn names_read_back() {
        for status in LimitStatus::ALL {
            assert_eq!(LimitStatus::parse(status.as_str()), Some(status));
        }
    }
}
