//! Spans of what ended: names, parents, attributes and status (traces R3 to R5). Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aq_core::ids::{AgentId, ProjectId, RunRef, TaskId};
use aq_core::output::TokenUsage;
use aq_core::task::{BlockedReason, TaskStatus};
use aq_core::time::Timestamp;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::ids::TraceIds;

/// Longest text that stands in a span as a program gave it, in characters.
const LONGEST: usize = 128;

/// The mark of a span that goes on with one that was told (traces R4).
const AGAIN: &str = "aq.again";

/// An instant as spans have it. What lies before 1970 does not exist for them.
pub(super) fn instant(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}

/// A task that ended.
#[derive(Clone, Debug)]
pub(super) struct TaskOver {
    pub(super) task: TaskId,
    pub(super) project: Option<ProjectId>,
    /// The status it ended in; `DELETED` for one that is gone.
    pub(super) status: String,
    /// Why it is blocked; empty when it is not.
    pub(super) reason: String,
    pub(super) runs: u32,
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
    /// The event that ended it, when an end was told before.
    pub(super) again: Option<u64>,
}

/// A run that ended.
#[derive(Clone, Debug)]
pub(super) struct RunOver {
    pub(super) run: RunRef,
    pub(super) project: Option<ProjectId>,
    pub(super) agent: Option<AgentId>,
    pub(super) runtime: String,
    /// `work` or `review`; empty when it is not known.
    pub(super) purpose: String,
    pub(super) result: String,
    /// The class of the failure; empty when there is none.
    pub(super) class: String,
    pub(super) tokens: TokenUsage,
    /// The model that was asked for, and the one that answered last; empty when they are not known.
    pub(super) models: (String, String),
    pub(super) calls: u64,
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
    /// The event that ended it, when an end was told before.
    pub(super) again: Option<u64>,
}

/// How a tool call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Failed,
    /// Nobody answered before the run was over.
    Unfinished,
}

/// A tool call that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The item that began it.
    pub(super) item: u64,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
    pub(super) outcome: Outcome,
}

impl TraceIds {
    /// The span of a task: the root of its trace, or what follows below it.
    pub(super) fn task_span(&self, over: &TaskOver) -> SpanData {
        let root = self.task(&over.task);
        let (id, parent) = over.again.map_or((root, SpanId::INVALID), |event| (self.task_again(&over.task, event), root));
        let mut attributes = vec![text("aq.task.id", over.task.as_str()), text("aq.task.status", &over.status)];
        attributes.extend(over.project.as_ref().map(|project| text("aq.project.id", project.as_str())));
        attributes.push(number("aq.task.runs", u64::from(over.runs)));
        attributes.extend(given("aq.task.reason", &over.reason));
        attributes.extend(over.again.map(|_| KeyValue::new(AGAIN, true)));
        let failed = over.status == TaskStatus::Failed.as_str();
        let blocked = over.status == TaskStatus::Blocked.as_str() && over.reason != BlockedReason::OperatorStop.as_str();
        let status = match (failed, blocked) {
            (true, _) => Status::error("failed"),
            (_, true) => Status::error(over.reason.clone()),
            _ => Status::Unset,
        };
        self.build((&over.task, id, parent), "task".to_owned(), (over.start, over.end), attributes, status)
    }

    /// The span of a run.
    pub(super) fn run_span(&self, over: &RunOver) -> SpanData {
        let (first, task) = (self.run(&over.run), &over.run.task);
        let (id, parent) = over.again.map_or((first, self.task(task)), |event| (self.run_again(&over.run, event), first));
        let mut attributes = vec![
            text("aq.task.id", task.as_str()),
            number("aq.run.number", u64::from(over.run.number)),
            text("gen_ai.operation.name", "invoke_agent"),
        ];
        attributes.extend(over.project.as_ref().map(|project| text("aq.project.id", project.as_str())));
        if let Some(agent) = &over.agent {
            attributes.extend([text("aq.agent.id", agent.as_str()), text("gen_ai.agent.name", agent.as_str())]);
        }
        attributes.extend(given("aq.runtime", &over.runtime));
        attributes.extend(given("aq.run.purpose", &over.purpose));
        attributes.extend(given("aq.run.result", &over.result));
        let failed = !over.class.is_empty() || matches!(over.result.as_str(), "failed" | "not_landed");
        let error = if over.class.is_empty() { &over.result } else { &over.class };
        attributes.extend(failed.then(|| text("error.type", error)));
        match over.again {
            // What it spent was told with its first end, and a sum must not count it twice.
            Some(_) => attributes.push(KeyValue::new(AGAIN, true)),
            None => attributes.extend(spent(over)),
        }
        let status = if failed { Status::error(error.clone()) } else { Status::Unset };
        self.build((task, id, parent), "run".to_owned(), (over.start, over.end), attributes, status)
    }

    /// The span of a tool call.
    pub(super) fn call_span(&self, run: &RunRef, call: &Call) -> SpanData {
        let (name, id) = (clean(&call.name), clean(&call.id));
        let mut attributes = vec![
            text("aq.task.id", run.task.as_str()),
            number("aq.run.number", u64::from(run.number)),
            text("gen_ai.operation.name", "execute_tool"),
        ];
        attributes.extend(given("gen_ai.tool.name", &name));
        attributes.extend(given("gen_ai.tool.call.id", &id));
        let status = match call.outcome {
            Outcome::Answered => Status::Unset,
            Outcome::Failed => {
                attributes.push(text("error.type", "tool"));
                Status::error("tool")
            }
            Outcome::Unfinished => {
                attributes.push(KeyValue::new("aq.unfinished", true));
                Status::Unset
            }
        };
        let title = if name.is_empty() { "execute_tool".to_owned() } else { format!("execute_tool {name}") };
        self.build((&run.task, self.call(run, call.item), self.run(run)), title, (call.start, call.end), attributes, status)
    }

    fn build(
        &self,
        (task, id, parent): (&TaskId, SpanId, SpanId),
        name: String,
        (start, end): (SystemTime, SystemTime),
        attributes: Vec<KeyValue>,
        status: Status,
    ) -> SpanData {
        SpanData {
            span_context: SpanContext::new(self.trace(task), id, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: start,
            // A clock that was set back makes no span that ends before it starts.
            end_time: end.max(start),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: InstrumentationScope::builder("agent-queue").with_version(env!("CARGO_PKG_VERSION")).build(),
        }
    }
}

/// Models, tokens and calls. Input tokens count those of the cache, as the conventions for generative AI want it.
fn spent(over: &RunOver) -> Vec<KeyValue> {
    let tokens = over.tokens;
    let mut spent = vec![number("aq.run.tool_calls", over.calls)];
    spent.extend(given("gen_ai.request.model", &clean(&over.models.0)));
    spent.extend(given("gen_ai.response.model", &clean(&over.models.1)));
    if tokens.total() > 0 {
        let input = tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write);
        spent.extend([number("gen_ai.usage.input_tokens", input), number("gen_ai.usage.output_tokens", tokens.output)]);
        let cached =
            [("gen_ai.usage.cache_read.input_tokens", tokens.cache_read), ("gen_ai.usage.cache_creation.input_tokens", tokens.cache_write)];
        spent.extend(cached.into_iter().filter(|(_, count)| *count > 0).map(|(key, count)| number(key, count)));
    }
    spent
}

fn text(key: &'static str, value: &str) -> KeyValue {
    KeyValue::new(key, value.to_owned())
}

fn number(key: &'static str, value: u64) -> KeyValue {
    KeyValue::new(key, i64::try_from(value).unwrap_or(i64::MAX))
}

/// An attribute, unless there is nothing to say.
fn given(key: &'static str, value: &str) -> Option<KeyValue> {
    (!value.is_empty()).then(|| text(key, value))
}

/// A text of a program, cut and on one line (traces R5).
fn clean(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn ids() -> TraceIds {
        TraceIds::new("store", 1.0)
    }

    fn run() -> RunRef {
        RunRef { task: TaskId::parse("swift-falcon").unwrap(), number: 2 }
    }

    fn run_over() -> RunOver {
        RunOver {
            run: run(),
            project: Some(ProjectId::parse("app").unwrap()),
            agent: Some(AgentId::parse("worker").unwrap()),
            runtime: "claude".into(),
            purpose: "work".into(),
            result: "done".into(),
            class: String::new(),
            tokens: TokenUsage { input: 10, output: 5, cache_read: 100, cache_write: 0 },
            models: ("opus".into(), "opus-4".into()),
            calls: 3,
            start: at(10),
            end: at(20),
            again: None,
        }
    }

    /// `key=value` of every attribute, sorted.
    fn told(span: &SpanData) -> Vec<String> {
        let mut told: Vec<_> = span.attributes.iter().map(|pair| format!("{}={}", pair.key, pair.value)).collect();
        told.sort();
        told
    }

    /// traces R3, R5, table: a run lies below its task, with its figures by the names of the conventions.
    #[test]
    fn a_run_has_its_figures() {
        let span = ids().run_span(&run_over());
        assert_eq!((span.name.as_ref(), span.parent_span_id, &span.status), ("run", ids().task(&run().task), &Status::Unset));
        assert_eq!(span.span_context.span_id(), ids().run(&run()));
        assert_eq!((span.start_time, span.end_time), (at(10), at(20)));
        assert_eq!(
            told(&span),
            [
                "aq.agent.id=worker",
                "aq.project.id=app",
                "aq.run.number=2",
                "aq.run.purpose=work",
                "aq.run.result=done",
                "aq.run.tool_calls=3",
                "aq.runtime=claude",
                "aq.task.id=swift-falcon",
                "gen_ai.agent.name=worker",
                "gen_ai.operation.name=invoke_agent",
                "gen_ai.request.model=opus",
                "gen_ai.response.model=opus-4",
                "gen_ai.usage.cache_read.input_tokens=100",
                "gen_ai.usage.input_tokens=110",
                "gen_ai.usage.output_tokens=5",
            ]
        );
    }

    /// traces R4, table: a failure is told by its class; what goes on after an end has an id of its own below the first span, and no figures again.
    #[test]
    fn failures_and_second_ends() {
        let failed = ids().run_span(&RunOver { result: "failed".into(), class: "timeout".into(), end: at(5), ..run_over() });
        assert_eq!(failed.status, Status::error("timeout"));
        assert!(told(&failed).contains(&"error.type=timeout".to_owned()));
        assert_eq!(failed.end_time, at(10), "never before its start");
        let landed = ids().run_span(&RunOver { again: Some(77), ..run_over() });
        assert_eq!(landed.parent_span_id, ids().run(&run()));
        assert_ne!(landed.span_context.span_id(), ids().run(&run()));
        assert!(told(&landed).contains(&"aq.again=true".to_owned()) && !told(&landed).concat().contains("tokens"));

        let over = TaskOver {
            task: run().task,
            project: None,
            status: "BLOCKED".into(),
            reason: "retries_exhausted".into(),
            runs: 2,
            start: at(1),
            end: at(2),
            again: None,
        };
        let root = ids().task_span(&over);
        assert_eq!((root.parent_span_id, &root.status), (SpanId::INVALID, &Status::error("retries_exhausted")));
        let stopped = ids().task_span(&TaskOver { reason: "operator_stop".into(), again: Some(9), ..over.clone() });
        assert_eq!((stopped.parent_span_id, &stopped.status), (ids().task(&over.task), &Status::Unset));
        assert_eq!(ids().task_span(&TaskOver { status: "FAILED".into(), ..over.clone() }).status, Status::error("failed"));
        assert_eq!(ids().task_span(&TaskOver { status: "COMPLETED".into(), reason: String::new(), ..over }).status, Status::Unset);
    }

    /// traces R3, R5: a call lies below its run; names of programs are cut and hold no control characters.
    #[test]
    fn calls_have_clean_names() {
        let call = Call { item: 4, id: "c\n1".into(), name: "x".repeat(500), start: at(3), end: at(4), outcome: Outcome::Unfinished };
        let span = ids().call_span(&run(), &call);
        assert_eq!(
            (span.name.len(), span.parent_span_id, &span.status),
            ("execute_tool ".len() + LONGEST, ids().run(&run()), &Status::Unset)
        );
        assert!(told(&span).contains(&"gen_ai.tool.call.id=c 1".to_owned()) && told(&span).contains(&"aq.unfinished=true".to_owned()));
        let failed = ids().call_span(&run(), &Call { outcome: Outcome::Failed, name: String::new(), ..call });
        assert_eq!((failed.name.as_ref(), &failed.status), ("execute_tool", &Status::error("tool")));
    }
}
