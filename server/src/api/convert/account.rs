//! Accounts and their usage windows.

use aq_core::account::Account;
use aq_core::runtime::RuntimeKind;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::words::{self, timestamp};
use crate::events::wire;

/// An account as it stands at `now`.
pub(in crate::api) fn account(account: &Account, now: Timestamp) -> pb::Account {
    let until = account.closed_until(now);
    pb::Account {
        id: account.id.to_string(),
        name: account.name.clone(),
        // An account is not bound to a runtime; who draws from it says whose login it holds.
        runtime: pb::Runtime::Unspecified.into(),
        login_dir: account.login_dir.clone(),
        key_variable: String::new(),
        provider_key: String::new(),
        has_provider_key: false,
        max_concurrent_runs: 0,
        stop_at_used: (account.reserve > 0.0).then_some(1.0 - account.reserve),
        limited: until.is_some() || account.paused,
        limited_until: until.map(timestamp),
        created_at: Some(timestamp(account.created_at)),
        updated_at: Some(timestamp(account.updated_at)),
    }
}

/// The account as drawn from by agents of `runtime`.
pub(in crate::api) fn of_runtime(account: pb::Account, runtime: Option<RuntimeKind>) -> pb::Account {
    pb::Account { runtime: words::runtime(runtime), ..account }
}

/// The windows of an account, ordered by name.
pub(in crate::api) fn windows(account: &Account, now: Timestamp) -> Vec<pb::LimitWindow> {
    account
        .windows
        .iter()
        .map(|window| pb::LimitWindow {
            account_id: account.id.to_string(),
            window: window.name.clone(),
            status: wire::limit_status(window.status).into(),
            used: window.used_at(now),
            resets_at: window.resets_at.map(timestamp),
            source: window.source.clone(),
            observed_at: Some(timestamp(window.observed_at)),
            gates: window.closed_until(now).is_some(),
        })
        .collect()
}
