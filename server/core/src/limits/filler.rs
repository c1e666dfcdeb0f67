//! When filler work may run: only on what a window offers and nobody else would use before it resets.
//!
//! What fills a window first, the regular work, is the scheduler's business.

use super::gate::{Load, most_at};
use super::span::span_of;
use crate::account::{Account, LimitWindow};
use crate::time::Timestamp;

/// How much of the window would be used by now at an even pace, 0.0 to 1.0; `None` while its length or its reset is not known.
#[must_use]
pub fn even_part(window: &LimitWindow, now: Timestamp) -> Option<f64> {
    let (span, reset) = (span_of(&window.name)?, window.resets_at?);
    let left = reset.millis_since(now).clamp(0, span);
    Some((span - left) as f64 / span as f64)
}

/// May filler work of `model` start on the account (limits R8)? In every window that it draws from, used part, expected rest of the open runs and
/// the newcomer stay behind the even pace: what regular work could still use at that pace until the reset stays free for it. A window of which
/// length, reset or use are not known offers nothing that is known to expire. An account without windows has no limits to heed.
#[must_use]
pub fn filler_may_run(account: &Account, load: &Load, now: Timestamp, model: &str) -> bool {
    let most = most_at(account, now).0;
    account.windows.iter().filter(|window| window.covers(model)).all(|window| {
        let Some(reset) = window.resets_at else { return false };
        if reset <= now {
            // It has been reset and nothing was heard since: it begins with the next use.
            return false;
        }
        let (Some(used), Some(even)) = (window.used_at(now), even_part(window, now)) else { return false };
        let tokens = load.expected_rest.saturating_add(load.expected_next) as f64;
        let part = window.meter.capacity.filter(|capacity| *capacity >= 1.0).map_or(0.0, |capacity| tokens / capacity);
        used + part <= even.min(most)
    })
}
