//! How accounts and their usage windows stand: one bar for each window.

use aq_proto::v1::{AccountGate, GateState, LimitStatus, LimitWindow, ListLimitWindowsResponse};

use super::table::{Cell, table};
use super::{amount, time};
use crate::clean;
use crate::look::{Look, Tone};
use crate::words;

/// Characters of a bar.
const WIDTH: usize = 20;

/// A bar that is filled by a part from 0.0 to 1.0; dots where the part is not known.
#[must_use]
pub(crate) fn bar(part: Option<f64>) -> String {
    let Some(part) = part.filter(|part| part.is_finite()) else { return "·".repeat(WIDTH) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "the part is from 0 to 1")]
    let filled = (part.clamp(0.0, 1.0) * WIDTH as f64).round() as usize;
    format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH.saturating_sub(filled)))
}

fn tone(state: i32) -> Tone {
    match GateState::try_from(state) {
        Ok(GateState::Open) => Tone::Good,
        Ok(GateState::Closed | GateState::Paused) => Tone::Bad,
        Ok(GateState::Unspecified) | Err(_) => Tone::Plain,
        Ok(_) => Tone::Warn,
    }
}

/// `18:25 (in 1h 5m)` today, with the date on other days.
fn reset(look: &Look, at: Option<&prost_types::Timestamp>) -> String {
    let Some(instant) = time::instant(at) else { return String::new() };
    let (then, now) = (instant.to_zoned(look.zone.clone()), look.now.to_zoned(look.zone.clone()));
    let form = if then.date() == now.date() { "%H:%M" } else { "%a %d %b %H:%M" };
    let left = instant.as_second().saturating_sub(look.now.as_second());
    let distance = if left > 0 { format!("in {}", time::length(left.unsigned_abs())) } else { "passed".to_owned() };
    format!("{} ({distance})", then.strftime(form))
}

fn policy(look: &Look, state: i32, until: Option<&prost_types::Timestamp>) -> String {
    let word = words::phrase::<GateState>(state);
    let until = reset(look, until);
    if until.is_empty() { word } else { format!("{word} until {until}") }
}

fn head(look: &Look, gate: &AccountGate) -> String {
    let mut parts = vec![policy(look, gate.state, gate.until.as_ref()), format!("{} running", gate.running)];
    if gate.waiting_tasks > 0 {
        let verb = if gate.waiting_tasks == 1 { "waits" } else { "wait" };
        parts.push(format!("{} {verb} for it", amount::count(u64::from(gate.waiting_tasks), "task")));
    }
    let line = format!("{}: {}", clean::line(&gate.account_id), parts.join(", "));
    let line = look.paint(tone(gate.state), &line);
    if gate.reason.is_empty() { line } else { format!("{line}\n  {}", clean::line(&gate.reason)) }
}

fn row(look: &Look, window: &LimitWindow) -> Vec<Cell> {
    let name =
        if window.model_family.is_empty() { window.window.clone() } else { format!("{} ({} only)", window.window, window.model_family) };
    let used_tone = match LimitStatus::try_from(window.status) {
        Ok(LimitStatus::Rejected) => Tone::Bad,
        Ok(LimitStatus::Warning) => Tone::Warn,
        _ => Tone::Good,
    };
    vec![
        Cell::new(format!("  {name}")),
        Cell::new(bar(window.used)).tone(used_tone),
        Cell::number(amount::part(window.used)),
        Cell::new(reset(look, window.resets_at.as_ref())),
        Cell::new(policy(look, window.state, window.until.as_ref())).tone(tone(window.state)),
        Cell::new(format!("{}, {}", window.source, time::relative(look, window.observed_at.as_ref()))).tone(Tone::Dim),
    ]
}

/// Each account with its windows; empty without accounts.
#[must_use]
pub(crate) fn limits(look: &Look, answer: &ListLimitWindowsResponse) -> String {
    let blocks = answer.accounts.iter().map(|gate| {
        let windows = answer.windows.iter().filter(|window| window.account_id == gate.account_id);
        let rows = table(look, &["  WINDOW", "USED", "", "RESETS", "POLICY", "HEARD"], windows.map(|window| row(look, window)));
        let rows = if rows.is_empty() { "  no window was heard of yet; that happens with the first run".to_owned() } else { rows };
        format!("{}\n{rows}", head(look, gate))
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() + seconds, nanos: 0 })
    }

    /// rendering R5, F-054: every account says what holds and how many tasks wait; every window is a bar with its reset, source and age.
    #[test]
    fn limits_are_bars() {
        let window = LimitWindow {
            account_id: "max".into(),
            window: "five_hour".into(),
            status: LimitStatus::Rejected.into(),
            used: Some(1.0),
            resets_at: ahead(4000),
            source: "rate_limit_event".into(),
            observed_at: ahead(-185),
            gates: true,
            state: GateState::Closed.into(),
            until: ahead(4000),
            ..Default::default()
        };
        let family = LimitWindow {
            window: "seven_day_opus".into(),
            status: LimitStatus::Warning.into(),
            used: Some(0.62),
            resets_at: ahead(200_000),
            model_family: "opus".into(),
            state: GateState::Reserve.into(),
            until: ahead(60_000),
            ..window.clone()
        };
        let unknown = LimitWindow {
            window: "seven_day".into(),
            used: None,
            resets_at: None,
            until: None,
            state: GateState::Open.into(),
            ..family.clone()
        };
        let closed = AccountGate {
            account_id: "max".into(),
            state: GateState::Closed.into(),
            reason: "The account's limit is reached.".into(),
            until: ahead(4000),
            running: 1,
            waiting_tasks: 3,
        };
        let fresh = AccountGate { account_id: "spare".into(), state: GateState::Open.into(), ..Default::default() };
        let answer = ListLimitWindowsResponse {
            windows: vec![window, family, LimitWindow { model_family: String::new(), ..unknown }],
            accounts: vec![closed, fresh],
        };
        let text = limits(&Look::plain(), &answer);
        for part in [
            "max: closed until 04:10 (in 1h 6m), 1 running, 3 tasks wait for it\n  The account's limit is reached.\n",
            "04:10 (in 1h 6m)",
            "seven_day_opus (opus only)",
            "62 %",
            "Sun 04 Jan 10:37 (in 2d 7h)",
            "reserve until 19:44 (in 16h 40m)",
            "rate_limit_event, 3m ago",
            "\n\nspare: open, 0 running\n  no window was heard of yet; that happens with the first run",
        ] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        assert_eq!(limits(&Look::plain(), &ListLimitWindowsResponse::default()), "");
    }

    /// rendering R5: a bar shows the part, and says when it is not known.
    #[test]
    fn bars_show_parts() {
        assert_eq!(
            [bar(Some(0.5)), bar(Some(7.0)), bar(None)].map(|bar| bar.replace('█', "x").replace('░', "-")),
            ["xxxxxxxxxx----------".to_owned(), "x".repeat(20), "·".repeat(20),]
        );
    }
}
