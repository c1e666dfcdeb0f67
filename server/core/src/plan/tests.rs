//! Properties of reading plans: whatever an agent wrote, reading it ends, and what comes out keeps its promises.

use proptest::prelude::{Just, ProptestConfig, any, prop_assert, prop_oneof, proptest};

use super::*;

/// Promises of every document (plan R1, R11).
fn keeps_its_promises(text: &str, max_steps: usize) -> Parsed {
    let parsed = parse(text, max_steps);
    assert!(parsed.steps.len() <= max_steps);
    for (index, step) in parsed.steps.iter().enumerate() {
        assert!(
            !step.title.is_empty() && step.title.chars().count() <= 300 && !step.title.chars().any(char::is_control),
            "{:?}",
            step.title
        );
        assert!(!step.description.trim().is_empty() && step.description.len() <= 2 * MAX_PLAN_BYTES, "{index}");
        assert_eq!(step.priority_hint, i32::try_from(index).unwrap());
    }
    if within_limit(text).0.trim().is_empty() {
        assert_eq!(parsed.strategy, Strategy::Nothing);
    }
    assert_eq!(parsed, parse(text, max_steps), "the same text gives the same steps");
    let report = report(text);
    assert!((0.0..=1.0).contains(&report.quality_score) && (0.0..=1.0).contains(&report.actionable_ratio));
    assert!((0.0..=1.0).contains(&quality(parsed.steps.iter().map(|step| step.title.as_str()))));
    let rules = SubtaskRules { base_priority: 100, chain: true, inherit_approval: true, parent_needs_approval: true };
    let tasks = subtasks(text, &parsed, "parent", rules);
    assert_eq!(tasks.len(), parsed.steps.len());
    assert_eq!(tasks.iter().filter(|task| task.requires_approval).count(), usize::from(!tasks.is_empty()));
    let _either = announces_a_plan(text);
    assert_eq!(content_hash(text).len(), 64);
    parsed
}

/// Lines that agents write, and lines that break readers.
fn line() -> impl proptest::strategy::Strategy<Value = String> {
    prop_oneof![
        "#{0,7}[ \t]?(Phase|Step|Task|Part|Stage|Add|Overview|Notes|\\*\\*x\\*\\*|5\\.)? ?[0-9]{0,3}[:.)—-]? ?[a-zA-Z*#` &]{0,20}#{0,3}",
        "[0-9]{1,4}[.)] .{0,30}",
        "(`{2,5}|~{2,5}).{0,6}",
        "[ \t]{0,6}.{0,40}",
        Just("## Implementation Plan".to_owned()),
        Just("\u{202e}## \u{0}".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// plan R1: any bytes at all.
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000), max in 0_usize..8) {
        keeps_its_promises(&String::from_utf8_lossy(&bytes), max);
    }

    /// plan R1, R2: documents made of lines that matter.
    #[test]
    fn any_document_is_read(lines in proptest::collection::vec(line(), 0..60), max in 0_usize..30) {
        keeps_its_promises(&lines.join("\n"), max);
    }

    /// F-118: cleaning never invents text, and keeps a title on one line.
    #[test]
    fn cleaning_only_takes_away(title in ".{0,80}") {
        let cleaned = clean_title(&title);
        prop_assert!(cleaned.chars().count() <= title.chars().count());
        let mut rest = title.chars();
        prop_assert!(cleaned.chars().all(|char| rest.any(|next| next == char)), "{title:?} {cleaned:?}");
    }

    /// F-124: nothing is lost when steps are put together.
    #[test]
    fn phases_hold_every_step(count in 1_usize..60) {
        let text: String = (1..=count).map(|number| format!("### Do part-{number}.\nThe whole of part-{number}. is here.\n")).collect();
        let parsed = parse(&format!("## Tasks\n{text}"), 500);
        prop_assert!(parsed.steps.len() <= 4);
        let all: String = parsed.steps.iter().map(|step| step.description.as_str()).collect();
        for number in 1..=count {
            let sentence = format!("The whole of part-{number}. is here.");
            prop_assert!(all.contains(&sentence));
        }
    }
}

/// plan R1: hostile documents, as large as they may be, are read in linear time.
#[test]
fn nasty_documents_are_read() {
    let most = MAX_PLAN_BYTES + 10;
    let fill = |piece: &str| piece.repeat(most / piece.len() + 1);
    let nasty = [
        fill("#"),
        fill("## a\n"),
        fill("## Add a\nlong enough to be a step of it\n"),
        fill("# a\n## b\n### c\n#### d\n"),
        fill("```\n"),
        fill("~~~~~~~~\n```\n"),
        fill("1. a\n"),
        fill("1. "),
        fill("*"),
        fill("*a"),
        fill("**a*"),
        format!("## {}\n{}", fill("*a** "), fill("x ")),
        fill("## Step 1: \n"),
        fill("## Tasks\n### x\n"),
        fill("\u{202e}\u{feff}#\u{0} "),
        fill("\r\r\n\n\r"),
        fill("9"),
        format!("{}. x", "9".repeat(5000)),
        fill("<!-- ## x -->\n"),
        fill("ｓｔｅｐ １: ü\n"),
        "\u{feff}# T\r\n\r\n## Add it\r\nlong enough to be a step\r\n".to_owned(),
        "## Add `code\n```\n## not\n".to_owned(),
    ];
    for text in &nasty {
        keeps_its_promises(text, 20);
    }
    let marked = parse(nasty[20].as_str(), 20);
    assert_eq!(marked.steps[0].title, "Add it");
}

/// plan R5: the name of each strategy, as it is stored and told.
#[test]
fn strategies_have_names() {
    use super::Strategy::{Headings, ImplementationSection, Model, Nothing, NumberedList, WholeDocument};
    let names = [ImplementationSection, Headings, NumberedList, WholeDocument, Model, Nothing].map(Strategy::as_str);
    assert_eq!(names, ["implementation_section", "headings", "numbered_list", "whole_document", "model", "nothing"]);
}
