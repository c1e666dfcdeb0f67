//! What holds whatever is read: a plan, an id, hours, a schedule. Each takes any bytes, from the mutants beside it, from the corpora or from a fuzzer.
//!
//! How the bytes are made is not here.

use aq_core::account::KeySource;
use aq_core::hook::{MAX_AT_ONCE, Missed, Trigger, due, first_due, next_due};
use aq_core::ids::{AccountId, ProjectId, TaskId, WorkspaceId};
use aq_core::limits::DayHours;
use aq_core::plan::{SubtaskRules, announces_a_plan, clean_title, parse, preamble, quality, report, subtasks, within_limit};
use aq_core::time::Timestamp;

const RULES: SubtaskRules = SubtaskRules { base_priority: 100, chain: true, inherit_approval: true, parent_needs_approval: false };

/// F-116 to F-131: reading it as a plan ends, without a panic, within the bounds that the rules promise.
pub(crate) fn plan(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (text, _) = within_limit(&text);
    let parsed = parse(text, 10);
    assert!(parsed.steps.len() <= 10, "{text:?}");
    for step in &parsed.steps {
        assert!(!step.title.trim().is_empty() && !step.title.contains('\n'), "{step:?} of {text:?}");
        assert!(clean_title(&step.title).len() <= step.title.len(), "{text:?}");
    }
    let made = subtasks(text, &parsed, "the parent", RULES);
    assert!(made.len() <= 10, "{text:?}");
    let share = quality(parsed.steps.iter().map(|step| step.title.as_str()));
    assert!((0.0..=1.0).contains(&share), "{share} of {text:?}");
    let (_, _, _) = (preamble(text, &parsed), report(text), announces_a_plan(text));
}

/// Names R1, limits R4, models R9: what is read as an id, as hours or as the place of a key is written back the same; all else is refused with words.
pub(crate) fn small_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(id) = TaskId::parse(&text) {
        assert_eq!(id.as_str(), text);
    }
    if let Ok(id) = ProjectId::parse(&text) {
        assert!(id.as_str() == text && !text.contains('/'));
    }
    let (_, _) = (AccountId::parse(&text).is_ok(), WorkspaceId::parse(&text).is_ok());
    if let Some(source) = KeySource::parse(&text) {
        assert_eq!(source.to_string(), text);
    }
    match text.parse::<DayHours>() {
        Ok(hours) => assert_eq!(hours.to_string().parse::<DayHours>().as_ref(), Ok(&hours), "{text:?}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// F-137, hook R3: a pattern in the first line and a zone in the second give no due time twice and none before its cooldown, and one look starts a bounded number of runs.
pub(crate) fn schedule(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (expression, zone) = text.split_once('\n').unwrap_or((&text, ""));
    let trigger = Trigger::Cron { expression: expression.to_owned(), zone: zone.to_owned() };
    let from = Timestamp::from_millis(1_795_000_000_000);
    let Some(first) = first_due(&trigger, 0, from) else { return };
    assert!(first > from, "{text:?}: {first:?}");
    let cooldown = 90_000;
    if let Some(second) = next_due(&trigger, cooldown, first) {
        assert!(second.millis_since(first) >= 90_000, "{text:?}: {first:?}, {second:?}");
    }
    let now = first.plus_millis(3 * 86_400_000);
    for missed in [Missed::Skip, Missed::Once, Missed::All] {
        let found = due(&trigger, cooldown, missed, first, now);
        assert!(found.fire.len() <= MAX_AT_ONCE, "{text:?}");
        assert!(found.fire.windows(2).all(|pair| pair[0] < pair[1]), "{text:?}: {:?}", found.fire);
        assert!(found.fire.iter().all(|at| (first..=now).contains(at)), "{text:?}: {:?}", found.fire);
    }
}
