//! What the owner of an account wants beside the provider's limits.
//!
//! What the provider said lives in `account`; the decision in `gate`.

use jiff::tz::TimeZone;

use super::hours::DayHours;
use crate::time::Timestamp;

/// What the owner wants. The part of the windows that he keeps is `Account::reserve`.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountPolicy {
    /// Used part of a window, 0.0 to 1.0, from which nothing starts; `None`: up to the provider's limit.
    pub stop_at: Option<f64>,
    /// When the reserve is kept; empty: always.
    pub reserve_hours: Vec<DayHours>,
    /// When nothing starts.
    pub quiet: Vec<DayHours>,
    /// The zone of the hours.
    pub zone: TimeZone,
}

impl Default for AccountPolicy {
    fn default() -> Self {
        Self { stop_at: None, reserve_hours: Vec::new(), quiet: Vec::new(), zone: TimeZone::UTC }
    }
}

/// A name that is not in the time zone database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; use a name such as Europe/Vienna or UTC")]
pub struct PolicyError(String);

/// The zone of a name of the time zone database; empty: UTC. The database is part of the program.
///
/// # Errors
/// [`PolicyError`] for a name that is not in it.
pub fn read_zone(name: &str) -> Result<TimeZone, PolicyError> {
    if name.is_empty() || name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| PolicyError(name.chars().take(64).collect()))
}

impl AccountPolicy {
    /// The name of the zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// When the quiet ends that holds at `now`; `None` when it is not quiet.
    #[must_use]
    pub fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quiet.iter().filter_map(|hours| hours.ends(now, &self.zone)).max()
    }

    /// Is the reserve kept at `now`, and when do these hours end (`None`: never)?
    #[must_use]
    pub fn reserved_until(&self, now: Timestamp) -> (bool, Option<Timestamp>) {
        if self.reserve_hours.is_empty() {
            return (true, None);
        }
        let until = self.reserve_hours.iter().filter_map(|hours| hours.ends(now, &self.zone)).max();
        (until.is_some(), until)
    }
}
