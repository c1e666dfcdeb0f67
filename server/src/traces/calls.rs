//! The tool calls of one run, paired from the items of its output. Pure.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aq_proto::v1 as pb;
use pb::output_item::Body;

use super::spans::{Call, Outcome};

/// Calls that wait for their answer at most; a program that has more open speaks nonsense, and those are not told.
const OPEN: usize = 1024;

/// A call without its answer.
#[derive(Debug)]
struct Open {
    item: u64,
    name: String,
    start: SystemTime,
}

/// What was seen of a run's output.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: HashMap<String, Open>,
    begun: u64,
    passed_over: u64,
    model: String,
}

impl Calls {
    /// Takes the next item; a call that is over with it comes back.
    pub(super) fn take(&mut self, item: &pb::OutputItem) -> Option<Call> {
        let at = item.time.as_ref().map_or(UNIX_EPOCH, instant);
        match item.body.as_ref()? {
            Body::ToolCall(call) => {
                self.begun += 1;
                if self.open.len() >= OPEN && !self.open.contains_key(&call.call_id) {
                    self.passed_over += 1;
                    return None;
                }
                let open = Open { item: item.seq, name: call.name.clone(), start: at };
                // A program that names two calls alike answers the later one.
                let earlier = self.open.insert(call.call_id.clone(), open)?;
                Some(over(call.call_id.clone(), earlier, at, Outcome::Unfinished))
            }
            Body::ToolResult(result) => {
                let open = self.open.remove(&result.call_id)?;
                let outcome = if result.is_error { Outcome::Failed } else { Outcome::Answered };
                Some(over(result.call_id.clone(), open, at, outcome))
            }
            Body::SessionStarted(session) => self.answered_by(&session.model),
            Body::Usage(usage) => self.answered_by(&usage.model),
            _ => None,
        }
    }

    fn answered_by(&mut self, model: &str) -> Option<Call> {
        if !model.is_empty() && model != self.model {
            model.clone_into(&mut self.model);
        }
        None
    }

    /// The calls that nobody answered, as the run is over; the earliest first.
    pub(super) fn unfinished(&mut self, end: SystemTime) -> Vec<Call> {
        let mut left: Vec<_> = self.open.drain().map(|(id, open)| over(id, open, end, Outcome::Unfinished)).collect();
        left.sort_by_key(|call| call.item);
        left
    }

    /// How many calls began.
    pub(super) const fn begun(&self) -> u64 {
        self.begun
    }

    /// How many of them are not told, because too many were open.
    pub(super) const fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// The model that spoke last; empty when none was named.
    pub(super) fn model(&self) -> &str {
        &self.model
    }
}

fn over(id: String, open: Open, end: SystemTime, outcome: Outcome) -> Call {
    Call { item: open.item, id, name: open.name, start: open.start, end, outcome }
}

/// An instant of the wire as spans have it.
fn instant(at: &prost_types::Timestamp) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(at.seconds).unwrap_or(0));
    // Beyond what the clock can tell is as good as its beginning: such an item is damaged.
    UNIX_EPOCH.checked_add(seconds + Duration::from_nanos(u64::try_from(at.nanos).unwrap_or(0))).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use pb::output_item as of;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn item(seq: u64, body: Body) -> pb::OutputItem {
        pb::OutputItem { seq, time: Some(prost_types::Timestamp { seconds: i64::try_from(seq).unwrap(), nanos: 0 }), body: Some(body) }
    }

    fn call(seq: u64, id: &str, name: &str) -> pb::OutputItem {
        item(seq, Body::ToolCall(of::ToolCall { call_id: id.into(), name: name.into(), summary: "rm -rf".into(), input: "{}".into() }))
    }

    fn result(seq: u64, id: &str, is_error: bool) -> pb::OutputItem {
        item(seq, Body::ToolResult(of::ToolResult { call_id: id.into(), is_error, text: "text".into() }))
    }

    /// traces R3: a call lasts from the item that calls to the one that answers, also when calls overlap; one without an answer ends with the run.
    #[test]
    fn calls_are_paired_with_their_answers() {
        let mut calls = Calls::default();
        let items = [call(1, "a", "Read"), call(2, "b", "Bash"), result(3, "b", true), result(4, "nobody", false), call(5, "c", "Edit")];
        let told: Vec<_> = items.iter().filter_map(|item| calls.take(item)).collect();
        let bash = Call { item: 2, id: "b".into(), name: "Bash".into(), start: at(2), end: at(3), outcome: Outcome::Failed };
        assert_eq!(told, [bash]);
        let read = calls.take(&result(6, "a", false)).unwrap();
        assert_eq!((read.item, read.start, read.end, read.outcome), (1, at(1), at(6), Outcome::Answered));
        assert_eq!(calls.take(&result(7, "a", false)), None, "it was answered");
        let left = calls.unfinished(at(9));
        assert_eq!(left, [Call { item: 5, id: "c".into(), name: "Edit".into(), start: at(5), end: at(9), outcome: Outcome::Unfinished }]);
        assert_eq!((calls.begun(), calls.unfinished(at(9)).len()), (3, 0));
    }

    /// traces R3, R8: a name that is used twice belongs to the later call; what a program leaves open is bounded and counted.
    #[test]
    fn programs_may_speak_nonsense() {
        let mut calls = Calls::default();
        assert_eq!(calls.take(&call(1, "a", "Read")), None);
        let first = calls.take(&call(2, "a", "Write")).unwrap();
        assert_eq!((first.item, first.end, first.outcome), (1, at(2), Outcome::Unfinished));
        for seq in 3..3 + 2000 {
            assert_eq!(calls.take(&call(seq, &seq.to_string(), "Read")), None);
        }
        assert_eq!((calls.begun(), calls.passed_over()), (2002, 2001 - OPEN as u64));
        assert_eq!(calls.unfinished(at(0)).len(), OPEN);
    }

    /// traces, table: the model that spoke last is known, however it was told.
    #[test]
    fn the_model_is_seen() {
        let mut calls = Calls::default();
        calls.take(&item(1, Body::SessionStarted(of::SessionStarted { model: "small".into(), ..Default::default() })));
        calls.take(&item(2, Body::Usage(of::Usage { model: String::new(), ..Default::default() })));
        assert_eq!(calls.model(), "small");
        calls.take(&item(3, Body::Usage(of::Usage { model: "large".into(), ..Default::default() })));
        assert_eq!(calls.model(), "large");
    }
}
