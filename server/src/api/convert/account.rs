//! Accounts. Their windows are told by `limits`.

use aq_core::account::Account;
use aq_core::limits::{Load, gate};
use aq_core::runtime::RuntimeKind;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::words::{self, timestamp};

/// An account as it stands at `now`.
pub(in crate::api) fn account(account: &Account, now: Timestamp) -> pb::Account {
    let closed = gate(account, &Load::default(), now, "").closed();
    pb::Account {
        id: account.id.to_string(),
        name: account.name.clone(),
        // An account is not bound to a runtime; who draws from it says whose login it holds.
        runtime: pb::Runtime::Unspecified.into(),
        login_dir: account.login_dir.clone(),
        key_variable: account.key_variable.clone(),
        provider_key: String::new(),
        has_provider_key: account.key_source.is_some(),
        max_concurrent_runs: account.max_concurrent_runs,
        stop_at_used: account.policy.stop_at,
        limited: closed.is_some(),
        limited_until: closed.and_then(|closed| closed.until).map(timestamp),
        created_at: Some(timestamp(account.created_at)),
        updated_at: Some(timestamp(account.updated_at)),
        reserve: (account.reserve > 0.0).then_some(account.reserve),
        reserve_hours: account.policy.reserve_hours.iter().map(ToString::to_string).collect(),
        quiet_hours: account.policy.quiet.iter().map(ToString::to_string).collect(),
        time_zone: account.policy.zone_name().to_owned(),
        paused: account.paused,
    }
}

/// The account as drawn from by agents of `runtime`.
pub(in crate::api) fn of_runtime(account: pb::Account, runtime: Option<RuntimeKind>) -> pb::Account {
    pb::Account { runtime: words::runtime(runtime), ..account }
}
