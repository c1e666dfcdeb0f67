//! Values of arguments that have a form of their own.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use aq_proto::v1::PlanApproval;

use crate::error::CliError;
use crate::ui::{Ui, read_limited};
use crate::words::Words;

/// A number of model tokens: `5000`, `200k`, `1.5M`, `2G`.
///
/// # Errors
/// A sentence for people.
pub(crate) fn tokens(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no number of tokens; write 5000, 200k or 1.5M");
    let (number, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (text.get(..at), 1_000.0),
        Some((at, 'm' | 'M')) => (text.get(..at), 1_000_000.0),
        Some((at, 'g' | 'G')) => (text.get(..at), 1_000_000_000.0),
        _ => return text.parse().map_err(|_| wrong()),
    };
    let value = number.and_then(|number| number.parse::<f64>().ok()).ok_or_else(wrong)? * unit;
    if !(0.0..=1e15).contains(&value) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked above")]
    Ok(value.round() as u64)
}

/// A value or its absence, `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OrNone<T>(pub(crate) Option<T>);

/// A number of model tokens, or `none`.
///
/// # Errors
/// A sentence for people.
pub(crate) fn tokens_or_none(text: &str) -> Result<OrNone<u64>, String> {
    if text == "none" { Ok(OrNone(None)) } else { tokens(text).map(|count| OrNone(Some(count))) }
}

/// What happens between a plan and its tasks.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum PlanRule {
    /// The tasks are created at once
    None,
    /// A person accepts the plan first
    Approve,
    /// As the server is configured
    Default,
}

impl PlanRule {
    /// The value of the contract.
    #[must_use]
    pub(crate) const fn on_the_wire(self) -> PlanApproval {
        match self {
            Self::None => PlanApproval::None,
            Self::Approve => PlanApproval::Approve,
            Self::Default => PlanApproval::Unspecified,
        }
    }
}

/// A value of a closed list, or `default` for what stands above.
///
/// # Errors
/// A sentence that names the values.
pub(crate) fn or_default<E: Words + Default>(text: &str) -> Result<E, String> {
    if text.eq_ignore_ascii_case("default") {
        return Ok(E::default());
    }
    let wanted = text.replace('_', "-");
    let known = E::ALL.iter().copied().find(|value| value.word().eq_ignore_ascii_case(&wanted));
    known.ok_or_else(|| {
        let words: Vec<_> = E::ALL.iter().map(|value| value.word()).chain(["default".to_owned()]).collect();
        format!("`{text}` is none of {}", words.join(", "))
    })
}

/// A part: `0.8` or `80%`.
///
/// # Errors
/// A sentence for people.
pub(crate) fn part(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no part; write 80% or 0.8");
    let value = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map_err(|_| wrong())? / 100.0,
        None => text.parse::<f64>().map_err(|_| wrong())?,
    };
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(wrong()) }
}

/// A length of time, or `none`.
///
/// # Errors
/// A sentence for people.
pub(crate) fn length_or_none(text: &str) -> Result<OrNone<Duration>, String> {
    if text == "none" { Ok(OrNone(None)) } else { length(text).map(|length| OrNone(Some(length))) }
}

/// A length of time: `90s`, `15m`, `2h 30m`.
///
/// # Errors
/// A sentence for people.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| format!("`{text}` is no length of time; write 90s, 15m or 2h"))
}

/// A length of time for the wire.
pub(crate) fn wire_length(length: Duration) -> prost_types::Duration {
    aq_proto::time::duration(length)
}

/// A share: a number above 0.
///
/// # Errors
/// A sentence for people.
pub(crate) fn weight(text: &str) -> Result<f64, String> {
    text.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0).ok_or_else(|| format!("`{text}` is no number above 0"))
}

/// Text from an argument (`-` reads standard input), else from a file (`-` likewise), else nothing (commands R6).
///
/// # Errors
/// When the file or standard input cannot be read.
pub(crate) fn long_text(ui: &Ui, text: Option<&str>, file: Option<&str>) -> Result<Option<String>, CliError> {
    match (text, file) {
        (Some("-"), _) | (None, Some("-")) => ui.read_stdin().map(Some),
        (Some(text), _) => Ok(Some(text.to_owned())),
        (None, Some(path)) => {
            let source = File::open(Path::new(path)).map_err(|error| CliError::usage(format!("cannot read {path}: {error}")))?;
            read_limited(source, path).map(Some)
        }
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// commands R1: amounts are typed as they are shown.
    #[test]
    fn amounts_are_read() {
        assert_eq!(["5000", "200k", "1.5M", "2G"].map(|text| tokens(text).unwrap()), [5_000, 200_000, 1_500_000, 2_000_000_000]);
        for text in ["", "k", "-1", "-1k", "1x", "ä", "1e99M"] {
            assert!(tokens(text).is_err(), "{text}");
        }
        assert_eq!([part("80%").unwrap(), part("0.25").unwrap()], [0.8, 0.25]);
        assert!(part("120%").is_err() && part("x").is_err() && part("NaN").is_err());
        assert!(weight("0").is_err() && weight("inf").is_err() && weight("1.5").is_ok());
        assert_eq!(length_or_none("2h 30m").unwrap(), OrNone(Some(Duration::from_secs(9_000))));
        assert!(length("soon").is_err());
        assert_eq!(tokens_or_none("none").unwrap(), OrNone(None));
    }
}
