//! The review of finished work by a second agent: that one is due, and the form of its verdict (F-084).
//!
//! When a review is ordered and what follows from its verdict lives in the server's orchestrator.

use serde_json::Value;

use crate::runtime::RuntimeKind;

/// The next run of a task reviews the work of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReviewDue {
    /// The runtime of the reviewer, where the project names one; `None`: what the task asks for.
    pub runtime: Option<RuntimeKind>,
}

/// The word after the fence of a verdict.
pub const VERDICT_FENCE: &str = "verdict";

/// What a reviewer is told of the form of its verdict. [`read_verdict`] reads it.
pub const VERDICT_FORM: &str = "End your last message with your verdict, in exactly this form, and write nothing behind it:\n\n\
    ```verdict\n\
    {\"verdict\": \"pass\", \"reasons\": []}\n\
    ```\n\n\
    `verdict` is \"pass\" or \"fail\". `reasons` says what is wrong, one sentence for each fault, with the file and the line; a \"fail\" has at \
    least one.\n";

/// Most reasons that are kept, and most characters of each.
const MOST_REASONS: usize = 50;
const MOST_CHARS: usize = 2_000;

/// What a reviewer said of the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may land.
    Pass,
    /// It may not, for these reasons; at least one.
    Fail {
        /// One sentence each.
        reasons: Vec<String>,
    },
}

impl Verdict {
    /// The word for it, as in the form.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail { .. } => "fail",
        }
    }

    /// What the next run is told; empty for a pass.
    #[must_use]
    pub fn feedback(&self) -> String {
        match self {
            Self::Pass => String::new(),
            Self::Fail { reasons } => {
                let list: Vec<_> = reasons.iter().map(|reason| format!("- {reason}")).collect();
                format!("The review did not pass:\n{}", list.join("\n"))
            }
        }
    }
}

/// A review that says nothing that can be read. It does not count as passed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoVerdict {
    /// There is no block of the form at all.
    #[error("the review gave no verdict: its last message holds no block of the form that was asked for")]
    Missing,
    /// There is one, and it is not of the form.
    #[error("the verdict of the review cannot be read: {why}")]
    Unreadable {
        /// What is wrong with it.
        why: String,
    },
}

/// Reads the verdict out of a reviewer's last message: the last fenced block named `verdict`. A block that is quoted before it does not count.
///
/// # Errors
/// [`NoVerdict`] when there is none, or none that can be read; that is never a pass.
pub fn read_verdict(text: &str) -> Result<Verdict, NoVerdict> {
    let block = last_block(text).ok_or(NoVerdict::Missing)?;
    let unreadable = |why: String| NoVerdict::Unreadable { why };
    let form: Value = serde_json::from_str(&block).map_err(|error| unreadable(error.to_string()))?;
    let word = form.get("verdict").and_then(Value::as_str).ok_or_else(|| unreadable("it has no text `verdict`".to_owned()))?;
    let listed = form.get("reasons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let reasons = listed.iter().filter_map(Value::as_str).map(str::trim).filter(|reason| !reason.is_empty());
    let reasons: Vec<String> = reasons.take(MOST_REASONS).map(|reason| reason.chars().take(MOST_CHARS).collect()).collect();
    match word.trim().to_ascii_lowercase().as_str() {
        "pass" => Ok(Verdict::Pass),
        "fail" if reasons.is_empty() => Ok(Verdict::Fail { reasons: vec!["The reviewer gave no reason.".to_owned()] }),
        "fail" => Ok(Verdict::Fail { reasons }),
        other => Err(unreadable(format!("`verdict` is `{}`; it must be `pass` or `fail`", other.chars().take(40).collect::<String>()))),
    }
}

/// The text of the last closed block fenced with three or more backticks and our word.
fn last_block(text: &str) -> Option<String> {
    let mut found = None;
    let mut open: Option<(usize, bool, String)> = None;
    for line in text.lines() {
        let bare = line.trim();
        let ticks = bare.bytes().take_while(|byte| *byte == b'`').count();
        let rest = bare.get(ticks..).unwrap_or_default().trim();
        match &mut open {
            None if ticks >= 3 => open = Some((ticks, rest.eq_ignore_ascii_case(VERDICT_FENCE), String::new())),
            None => {}
            Some((fence, ours, body)) => {
                if ticks >= *fence && rest.is_empty() {
                    if *ours {
                        found = Some(std::mem::take(body));
                    }
                    open = None;
                } else {
                    body.push_str(line);
                    body.push('\n');
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(body: &str) -> String {
        format!("I looked at it.\n\n```verdict\n{body}\n```\n")
    }

    /// F-084: the form that the prompt shows is read as what it says.
    #[test]
    fn the_form_itself_is_a_pass() {
        assert_eq!(read_verdict(VERDICT_FORM), Ok(Verdict::Pass));
    }

    /// F-084: a verdict is a pass or a fail with reasons; a fail without any gets one.
    #[test]
    fn both_verdicts_are_read() {
        assert_eq!(read_verdict(&block(r#"{"verdict": "PASS"}"#)), Ok(Verdict::Pass));
        let fail = read_verdict(&block(r#"{"verdict": "fail", "reasons": ["a.rs:3 divides by zero", "  "]}"#)).unwrap();
        assert_eq!(fail, Verdict::Fail { reasons: vec!["a.rs:3 divides by zero".to_owned()] });
        assert_eq!(fail.feedback(), "The review did not pass:\n- a.rs:3 divides by zero");
        assert_eq!((fail.word(), Verdict::Pass.word()), ("fail", "pass"));
        let Ok(Verdict::Fail { reasons }) = read_verdict(&block(r#"{"verdict": "fail"}"#)) else { panic!() };
        assert_eq!(reasons.len(), 1);
        assert_eq!(read_verdict("It is fine:\n```verdict\n{\"verdict\": \"pass\"}\n```"), Ok(Verdict::Pass), "right behind a text");
    }

    /// F-084: what is missing or unreadable is no pass, and says so.
    #[test]
    fn nothing_else_passes() {
        assert_eq!(read_verdict("Looks good to me, pass."), Err(NoVerdict::Missing));
        assert_eq!(read_verdict("```json\n{\"verdict\": \"pass\"}\n```"), Err(NoVerdict::Missing));
        assert_eq!(read_verdict("```verdict\n{\"verdict\": \"pass\"}"), Err(NoVerdict::Missing), "the block is not closed");
        for body in ["", "pass", r#"{"verdict": "maybe"}"#, r#"{"verdict": true}"#, r#"["pass"]"#] {
            let said = read_verdict(&block(body)).unwrap_err();
            assert!(matches!(said, NoVerdict::Unreadable { .. }), "{body}");
            assert!(said.to_string().starts_with("the verdict of the review cannot be read: "), "{said}");
        }
    }

    /// F-084: the last block counts; one inside another block is quoted text.
    #[test]
    fn the_last_block_counts() {
        let (pass, fail) = (block(r#"{"verdict": "pass"}"#), block(r#"{"verdict": "fail", "reasons": ["no"]}"#));
        assert_eq!(read_verdict(&format!("{fail}{pass}")), Ok(Verdict::Pass));
        let quoted = format!("{fail}````text\n{pass}````\n");
        assert!(matches!(read_verdict(&quoted), Ok(Verdict::Fail { .. })));
    }

    proptest! {
        /// F-084: no text whatever makes the reader panic, and a text without the word of the fence never passes.
        #[test]
        fn any_text_is_survived(text in "[`a-z{}\":, \n]{0,200}") {
            let read = read_verdict(&text);
            prop_assert!(text.contains(VERDICT_FENCE) || read == Err(NoVerdict::Missing));
        }
    }
}
