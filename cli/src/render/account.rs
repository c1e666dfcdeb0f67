//! Accounts, their usage windows, and what was spent.

use aq_proto::v1::{Account, LimitStatus, LimitWindow, ListAccountsResponse, ListLimitWindowsResponse, Runtime};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::{amount, time};
use crate::look::{Look, Tone};
use crate::words;

fn state(look: &Look, account: &Account) -> (String, Tone) {
    if !account.limited {
        return ("open".to_owned(), Tone::Good);
    }
    let until = time::relative(look, account.limited_until.as_ref());
    (if until.is_empty() { "limited".to_owned() } else { format!("limited, opens {until}") }, Tone::Warn)
}

fn login(account: &Account) -> String {
    if account.has_provider_key { format!("key in {}", account.key_variable) } else { account.login_dir.clone() }
}

/// A page of accounts.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListAccountsResponse) -> String {
    table(
        look,
        &["ID", "RUNTIME", "STATE", "LOGIN", "RUNS AT MOST"],
        page.accounts.iter().map(|account| {
            let (state, tone) = state(look, account);
            vec![
                Cell::new(&account.id),
                Cell::new(words::phrase::<Runtime>(account.runtime)),
                Cell::new(state).tone(tone),
                Cell::new(login(account)),
                Cell::number(if account.max_concurrent_runs == 0 { String::new() } else { account.max_concurrent_runs.to_string() }),
            ]
        }),
    )
}

/// One account with everything.
#[must_use]
pub(crate) fn show(look: &Look, account: &Account) -> String {
    let (text, tone) = state(look, account);
    let mut sheet = Sheet::new(look, &format!("{}  {}", account.id, account.name));
    sheet.toned("state", text, tone).field("runtime", words::phrase::<Runtime>(account.runtime)).field("login", login(account));
    sheet.field("runs at most", if account.max_concurrent_runs == 0 { String::new() } else { account.max_concurrent_runs.to_string() });
    sheet.field("stops at", amount::part(account.stop_at_used));
    let hours = if account.reserve_hours.is_empty() {
        String::new()
    } else {
        format!(" in {} {}", account.reserve_hours.join(", "), account.time_zone)
    };
    sheet.field("reserve", account.reserve.map(|part| format!("{}{hours}", amount::part(Some(part)))).unwrap_or_default());
    let quiet = account.quiet_hours.join(", ");
    sheet.field("quiet", if quiet.is_empty() { quiet } else { format!("{quiet} {}", account.time_zone) });
    sheet.field("created", time::both(look, account.created_at.as_ref()));
    sheet.finish()
}

/// Usage windows.
#[must_use]
pub(crate) fn windows(look: &Look, answer: &ListLimitWindowsResponse) -> String {
    let tone = |window: &LimitWindow| match LimitStatus::try_from(window.status) {
        Ok(LimitStatus::Rejected) => Tone::Bad,
        Ok(LimitStatus::Warning) => Tone::Warn,
        _ => Tone::Plain,
    };
    table(
        look,
        &["ACCOUNT", "WINDOW", "STATUS", "USED", "RESETS", "HEARD", "SOURCE", "HOLDS BACK"],
        answer.windows.iter().map(|window| {
            vec![
                Cell::new(&window.account_id),
                Cell::new(&window.window),
                Cell::new(words::phrase::<LimitStatus>(window.status)).tone(tone(window)),
                Cell::number(amount::part(window.used)),
                Cell::new(time::relative(look, window.resets_at.as_ref())),
                Cell::new(time::relative(look, window.observed_at.as_ref())),
                Cell::new(&window.source),
                Cell::new(if window.gates { "yes" } else { "" }).tone(Tone::Warn),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() + seconds, nanos: 0 })
    }

    /// F-237: accounts and their windows.
    #[test]
    fn accounts_and_windows() {
        let limited = Account {
            id: "max".into(),
            name: "Max plan".into(),
            runtime: Runtime::Claude.into(),
            login_dir: "/home/me/.claude".into(),
            limited: true,
            limited_until: ahead(4000),
            stop_at_used: Some(0.8),
            ..Default::default()
        };
        let keyed = Account {
            id: "api".into(),
            key_variable: "ANTHROPIC_API_KEY".into(),
            has_provider_key: true,
            limited: false,
            max_concurrent_runs: 4,
            ..limited.clone()
        };
        insta::assert_snapshot!(show(&Look::plain(), &limited));
        insta::assert_snapshot!(list(&Look::plain(), &ListAccountsResponse { accounts: vec![limited, keyed], ..Default::default() }));
        let window = LimitWindow {
            account_id: "max".into(),
            window: "five_hour".into(),
            status: LimitStatus::Rejected.into(),
            used: Some(1.0),
            resets_at: ahead(4000),
            observed_at: ahead(-30),
            source: "rate_limit_event".into(),
            gates: true,
            ..Default::default()
        };
        insta::assert_snapshot!(windows(&Look::plain(), &ListLimitWindowsResponse { windows: vec![window], ..Default::default() }));
    }
}
