//! Traces of a real server, as a collector gets them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aq_proto::v1 as pb;

use super::collector::{Collector, Span};
use super::place::Place;
use super::world::{Launched, Served};

fn config(collector: &Collector) -> String {
    let endpoint = format!("  endpoint: http://{}\n  headers: {{x-key: s3cret-key}}\n  service_name: nights\n", collector.address);
    format!("agents:\n  sandbox: none\ntraces:\n{endpoint}")
}

/// The span of this name of a task.
fn named<'s>(spans: &'s [Span], task: &str, name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.is_of(task) && span.name == name);
    let span = found.next().unwrap_or_else(|| panic!("no {name}: {spans:#?}"));
    assert_eq!(found.next(), None, "{name} is told once");
    span
}

/// Everything of a task, as soon as it and so many runs of it are told.
async fn told(collector: &Collector, task: &str, runs: usize) -> Vec<Span> {
    let count = |spans: &[Span], name: &str| spans.iter().filter(|span| span.is_of(task) && span.name == name).count();
    let all = collector.until(|spans| count(spans, "task") == 1 && count(spans, "run") == runs).await;
    all.into_iter().filter(|span| span.is_of(task)).collect()
}

/// Asks the server to end, and waits until it has, which it does in time and in peace.
async fn end(mut served: Served) {
    let process = rustix::process::Pid::from_child(&served.process.child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let waiting = tokio::task::spawn_blocking(move || served.process.child.wait().unwrap());
    let ended = tokio::time::timeout(Duration::from_secs(25), waiting).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
}

/// traces R1 to R3, R5, R7: a task is one trace with its run and its calls, its figures and no word of anybody; the agent finds its span in its environment. Variables
/// that are meant for other programs change nothing. A failure that is tried again does not end a task; a person's stop does.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_one_trace() {
    let collector = Collector::start().await;
    let variables =
        [("OTEL_EXPORTER_OTLP_HEADERS", "x-foreign=1"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"), ("TRACEPARENT", "00-aa-bb-01")];
    let served = Launched::on(Place::new(), &config(&collector), &variables).serving().await;
    let project = served.project().await;
    // A value of the environment is masked in output; files tell it.
    let seen = served.process.folder.path().join("seen");
    let steps = "tool Look argument-of-tool\nwrite a.txt content-of-file\ncommit Greet\ndone It greets.";
    let script = format!("usage 120 30\nsay prose-of-agent\nshell echo $TRACEPARENT > {}\n{steps}", seen.display());
    let task = served.task(&project, &script).await;
    served.told(&task, "task.completed").await;
    let spans = told(&collector, &task, 1).await;
    let (root, run) = (named(&spans, &task, "task"), named(&spans, &task, "run"));
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), format!("00-{}-{}-01\n", run.trace, run.id));
    assert!(root.trace.len() == 32 && root.id.len() == 16 && root.parent.is_empty(), "{root:?}");
    assert_eq!((run.parent.as_str(), run.trace.as_str()), (root.id.as_str(), root.trace.as_str()));
    assert!(root.start <= run.start && run.start < run.end, "{root:?} {run:?}");
    let calls: Vec<_> = spans.iter().filter(|span| span.name.starts_with("execute_tool ")).collect();
    let names: BTreeSet<_> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["execute_tool Bash", "execute_tool Look", "execute_tool Write", "execute_tool Commit"]));
    for call in &calls {
        assert_eq!((call.parent.as_str(), call.trace.as_str()), (run.id.as_str(), run.trace.as_str()));
        assert!(run.start <= call.start && call.start <= call.end && call.end <= run.end, "{call:?}");
        assert_eq!(
            (call.get("gen_ai.operation.name"), call.name.strip_prefix("execute_tool ")),
            ("execute_tool", Some(call.get("gen_ai.tool.name")))
        );
        assert!(call.get("gen_ai.tool.call.id").starts_with("call-") && call.error.is_none(), "{call:?}");
    }
    for (key, value) in [
        ("aq.project.id", project.as_str()),
        ("aq.run.number", "1"),
        ("aq.run.purpose", "work"),
        ("aq.run.result", "done"),
        ("aq.run.tool_calls", "4"),
        ("aq.runtime", "scripted"),
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.usage.input_tokens", "120"),
        ("gen_ai.usage.output_tokens", "30"),
    ] {
        assert_eq!(run.get(key), value, "{run:?}");
    }
    assert!(!run.get("aq.agent.id").is_empty() && run.error.is_none(), "{run:?}");
    assert_eq!((root.get("aq.task.status"), root.get("aq.task.runs"), root.get("aq.project.id")), ("COMPLETED", "1", project.as_str()));
    assert_eq!(root.resource.get("service.name").map(String::as_str), Some("nights"));
    assert_eq!(root.headers.get("x-key").map(String::as_str), Some("s3cret-key"));
    assert!(root.headers.keys().all(|name| name != "x-foreign"), "{:?}", root.headers);
    for span in &spans {
        let words = format!("{:?} {}", span.attributes, span.name);
        for word in ["prose-of-agent", "argument-of-tool", "a.txt", "content-of-file", "look around", "It greets", "s3cret"] {
            assert!(!words.contains(word), "{word}: {span:?}");
        }
    }

    let failing = served.task(&project, "shell exit 3").await;
    served.events_until(&failing, "task.failed").await;
    served.admin.tasks().stop_task(pb::StopTaskRequest { task_id: failing.clone(), ..Default::default() }).await.unwrap();
    let spans = told(&collector, &failing, 1).await;
    let (root, run) = (named(&spans, &failing, "task"), named(&spans, &failing, "run"));
    assert_eq!((run.error.as_deref(), run.get("error.type"), run.get("aq.run.result")), (Some("agent"), "agent", "failed"), "{run:?}");
    assert_eq!((root.get("aq.task.status"), root.get("aq.task.reason"), &root.error), ("BLOCKED", "operator_stop", &None), "{root:?}");
    let call = named(&spans, &failing, "execute_tool Bash");
    assert_eq!((call.error.as_deref(), call.parent.as_str()), (Some("tool"), run.id.as_str()));
    assert_ne!(root.trace, named(&collector.until(|_| true).await, &task, "task").trace);
}

/// traces R2, R9, R10: a run that outlives its server ends in the trace that its agent was told of; what the first server told is not told again.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_on_over_a_restart() {
    let collector = Collector::start().await;
    let served = Launched::on(Place::new(), &config(&collector), &[]).serving().await;
    let project = served.project().await;
    let folder = Arc::clone(&served.process.folder);
    let (go, seen) = (folder.path().join("go"), folder.path().join("seen"));
    let script = format!("shell echo $TRACEPARENT > {}\nwait-file {}\ntool Look\ndone Both.", seen.display(), go.display());
    let task = served.task(&project, &script).await;
    let early = collector.until(|spans| spans.iter().any(|span| span.name == "execute_tool Bash")).await;
    let bash = named(&early, &task, "execute_tool Bash").clone();
    assert_eq!(early, std::slice::from_ref(&bash), "nothing else has ended");
    drop(served);

    let served = Launched::on(folder, &config(&collector), &[]).serving().await;
    std::fs::write(&go, "").unwrap();
    served.told(&task, "task.completed").await;
    let spans = told(&collector, &task, 1).await;
    let run = named(&spans, &task, "run");
    assert_eq!((bash.trace.as_str(), bash.parent.as_str()), (run.trace.as_str(), run.id.as_str()));
    assert_eq!(named(&spans, &task, "execute_tool Look").parent, run.id);
    assert_eq!((run.get("aq.run.tool_calls"), named(&spans, &task, "execute_tool Bash")), ("2", &bash));
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), format!("00-{}-{}-01\n", run.trace, run.id));

    // What ended just before the server does is told on its way out.
    let last = served.task(&project, "tool Look\ndone Last.").await;
    served.told(&last, "run.ended").await;
    end(served).await;
    named(&told(&collector, &last, 1).await, &last, "execute_tool Look");
}

/// traces R1: over TLS the authorities of this machine are trusted, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_may_show_a_certificate_of_the_machine() {
    let (collector, authority) = Collector::start_secured().await;
    let endpoint = format!("https://localhost:{}", collector.address.port());
    let config = format!("agents:\n  sandbox: none\ntraces:\n  endpoint: {endpoint}\n");
    let mut foreign = Launched::on(Place::new(), &config, &[("SSL_CERT_FILE", "/nowhere")]).serving().await;
    let project = foreign.project().await;
    let task = foreign.task(&project, "done Nobody sees.").await;
    foreign.told(&task, "task.completed").await;
    let line = foreign.process.until("spans were dropped").await;
    assert!(line.contains("certificate"), "{line}");
    assert_eq!(collector.until(|_| true).await, []);

    let served = Launched::on(Place::new(), &config, &[("SSL_CERT_FILE", authority)]).serving().await;
    let project = served.project().await;
    let task = served.task(&project, "done Seen.").await;
    served.told(&task, "task.completed").await;
    named(&told(&collector, &task, 1).await, &task, "run");
}

/// traces R8, R10: a collector that is not there changes nothing but a line in the log, and does not hold up the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_changes_nothing() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = format!("agents:\n  sandbox: none\ntraces:\n  endpoint: http://{gone}\n");
    let mut served = Launched::on(Place::new(), &config, &[]).serving().await;
    let project = served.project().await;
    for script in ["tool Look\ndone One.", "tool Look\ndone Two."] {
        let task = served.task(&project, script).await;
        served.told(&task, "task.completed").await;
    }
    let line = served.process.until("spans were dropped").await;
    assert!(line.contains(&gone.to_string()) && line.contains("Unavailable"), "{line}");
    end(served).await;
}

/// traces R1, R6, R7: agents are told nothing unasked; those of tasks that are not told learn that.
#[tokio::test(flavor = "multi_thread")]
async fn agents_learn_what_the_configuration_says() {
    let served = Served::start("agents:\n  sandbox: none\n").await;
    let project = served.project().await;
    let task = served.task(&project, "shell echo seen ${TRACEPARENT:-nothing}").await;
    served.said(&task, "seen nothing").await;

    let collector = Collector::start().await;
    let none = format!("{}  sample: 0\n", config(&collector));
    let served = Launched::on(Place::new(), &none, &[]).serving().await;
    let project = served.project().await;
    let task = served.task(&project, "shell case $TRACEPARENT in 00-*-*-00) echo seen it;; esac").await;
    served.said(&task, "\"seen it").await;
    served.told(&task, "task.completed").await;
    assert_eq!(collector.until(|_| true).await, []);
}
