//! Times as Discord shows them: each reader in the own zone.

/// An instant, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

/// The instant of the wire; `None` when it is not set.
pub(crate) fn moment(time: Option<&prost_types::Timestamp>) -> Option<Moment> {
    time.map(|time| Moment(time.seconds))
}

/// When something happened, in milliseconds since 1970; 0 when that is not told.
pub(crate) fn happened(event: &aq_proto::v1::Event) -> i64 {
    event.time.as_ref().map_or(0, |time| time.seconds.saturating_mul(1000))
}

/// `in 5 minutes`, `2 hours ago`.
pub(crate) fn relative(at: Moment) -> String {
    format!("<t:{}:R>", at.0)
}

/// Day and time.
pub(crate) fn on(at: Moment) -> String {
    format!("<t:{}:f>", at.0)
}

/// A length of time in its two largest parts.
pub(crate) fn elapsed(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let parts = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = parts.iter().position(|(size, _)| seconds >= *size) else { return "0 s".to_owned() };
    let mut left = seconds;
    let mut made = Vec::new();
    for (size, name) in parts.iter().skip(first).take(2) {
        let count = left / size;
        left %= size;
        if count > 0 {
            made.push(format!("{count} {name}"));
        }
    }
    made.join(" ")
}

/// An instant in the form that boxes take.
pub(super) fn stamp(at: Option<&prost_types::Timestamp>) -> String {
    at.and_then(|time| jiff::Timestamp::new(time.seconds, 0).ok()).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Render R6: lengths people read.
    #[test]
    fn lengths_of_time() {
        for (seconds, text) in [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h"), (-5, "0 s")] {
            assert_eq!(elapsed(seconds), text);
        }
        assert_eq!(relative(Moment(5)), "<t:5:R>");
        assert_eq!(stamp(Some(&prost_types::Timestamp { seconds: 0, nanos: 0 })), "1970-01-01T00:00:00Z");
    }
}
