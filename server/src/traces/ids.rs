//! Ids of traces and spans, made of what they stand for: nothing is kept, and that of a run is known before the run starts.

use std::sync::Arc;

use aq_core::ids::{RunRef, TaskId};
use opentelemetry::trace::{SpanId, SpanKind, TraceFlags, TraceId};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};
use sha2::{Digest as _, Sha256};

/// Names traces and spans, and says which tasks are told. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TraceIds {
    identity: Arc<str>,
    sample: f64,
}

impl TraceIds {
    /// Ids for the tasks of the store with this identity; `sample` is the part of the tasks that are told, 0.0 to 1.0.
    #[must_use]
    pub fn new(identity: &str, sample: f64) -> Self {
        Self { identity: Arc::from(identity), sample }
    }

    /// The store's identity.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The trace of a task.
    #[must_use]
    pub fn trace(&self, task: &TaskId) -> TraceId {
        let bytes = self.digest(&["trace", task.as_str()]);
        // Zero is no id; that a digest is zero does not happen, and costs nothing to rule out.
        TraceId::from(bytes.first_chunk().copied().map_or(1, u128::from_be_bytes).max(1))
    }

    /// The first span of a task.
    #[must_use]
    pub fn task(&self, task: &TaskId) -> SpanId {
        self.span(&["task", task.as_str()])
    }

    /// The span of a task that went on after an end, by the event that ended it once more.
    pub(super) fn task_again(&self, task: &TaskId, event: u64) -> SpanId {
        self.span(&["task", task.as_str(), &event.to_string()])
    }

    /// The span of a run.
    #[must_use]
    pub fn run(&self, run: &RunRef) -> SpanId {
        self.span(&["run", run.task.as_str(), &run.number.to_string()])
    }

    /// The span of a run that was taken up again, by the event that ended it once more.
    pub(super) fn run_again(&self, run: &RunRef, event: u64) -> SpanId {
        self.span(&["run", run.task.as_str(), &run.number.to_string(), &event.to_string()])
    }

    /// The span of a tool call, by the item that began it.
    pub(super) fn call(&self, run: &RunRef, item: u64) -> SpanId {
        self.span(&["call", run.task.as_str(), &run.number.to_string(), &item.to_string()])
    }

    /// Whether a task is told, by the rule of samplers by ratio, so that others who see its trace decide the same (traces R6).
    #[must_use]
    pub fn sampled(&self, task: &TaskId) -> bool {
        let sampled = Sampler::TraceIdRatioBased(self.sample).should_sample(None, self.trace(task), "task", &SpanKind::Internal, &[], &[]);
        sampled.decision == SamplingDecision::RecordAndSample
    }

    /// What the program of a run finds in its environment, in the form of W3C Trace Context (traces R7).
    #[must_use]
    pub fn traceparent(&self, run: &RunRef) -> String {
        let flags = if self.sampled(&run.task) { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        format!("00-{}-{}-{:02x}", self.trace(&run.task), self.run(run), flags.to_u8())
    }

    fn span(&self, parts: &[&str]) -> SpanId {
        let bytes = self.digest(parts);
        SpanId::from(bytes.first_chunk().copied().map_or(1, u64::from_be_bytes).max(1))
    }

    /// Parts are told apart by a byte that none of them holds.
    fn digest(&self, parts: &[&str]) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in ["agent queue", &*self.identity].iter().chain(parts) {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    fn run(task: &str, number: u32) -> RunRef {
        RunRef { task: TaskId::parse(task).unwrap(), number }
    }

    /// traces R2: the same thing has the same id wherever it is made, another thing or another store has another one, and none is zero. The very ids are
    /// held, since those of running tasks must not change with a new version.
    #[test]
    fn ids_follow_from_what_they_stand_for() {
        let ids = TraceIds::new("store", 1.0);
        let first = run("swift-falcon", 1);
        assert_eq!(ids.traceparent(&first), TraceIds::new("store", 1.0).traceparent(&first));
        assert_eq!(ids.traceparent(&first), "00-550250314ff1d5633fb7eca3f4485fb5-88f5dbfb432d8d9c-01");
        assert_eq!(ids.trace(&first.task), ids.trace(&run("swift-falcon", 2).task));
        let spans = [
            ids.task(&first.task),
            ids.task_again(&first.task, 1),
            ids.run(&first),
            ids.run(&run("swift-falcon", 2)),
            ids.run(&run("swift-falcon", 11)),
            ids.run_again(&first, 1),
            ids.call(&first, 1),
            ids.call(&run("swift-falcon", 11), 1),
            ids.call(&first, 11),
            ids.task(&run("calm-otter", 1).task),
            TraceIds::new("other", 1.0).run(&first),
        ];
        assert_eq!(spans.iter().copied().collect::<HashSet<_>>().len(), spans.len());
        assert!(spans.iter().all(|id| *id != SpanId::INVALID));
        assert_ne!(ids.trace(&first.task), TraceIds::new("other", 1.0).trace(&first.task));
    }

    /// traces R6, R7: a part of the tasks is told, the same ones whoever asks and the more the larger the part; agents of the others are told so.
    #[test]
    fn a_part_of_the_tasks_is_told() {
        let told = |sample: f64| {
            let ids = TraceIds::new("store", sample);
            (0..1000)
                .map(|n| run(&format!("task-{n}"), 1))
                .filter(|run| ids.sampled(&run.task))
                .map(|run| run.task)
                .collect::<BTreeSet<_>>()
        };
        let (none, quarter, half, all) = (told(0.0), told(0.25), told(0.5), told(1.0));
        assert!(none.is_empty() && all.len() == 1000);
        assert!((200..300).contains(&quarter.len()) && (430..570).contains(&half.len()), "{} {}", quarter.len(), half.len());
        assert!(quarter.is_subset(&half));
        assert!(TraceIds::new("store", 0.0).traceparent(&run("a", 1)).ends_with("-00"));
    }
}
