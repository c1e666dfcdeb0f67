//! A secret that an agent knows, on every way that output takes out of a run (goal G24): raw, in the forms in which other texts hold it, cut into pieces.
//!
//! How secrets are found in a text is tested in `aq_runner::redact`; the way of a key to its agent in `provider_key`.

use std::path::Path;
use std::sync::Arc;

use aq_proto::v1 as pb;

use super::place::Place;
use super::provider_key::{holding, key_for_agents};
use super::world::{Launched, Served};

/// It has the shape of no credential, so that only its value can be what is found.
const CANARY: &str = "Kanarienvogel+4f7d9c2b~1a8e6035";

/// What a program of the agent prints, `$K` being the secret: each line is a way out by itself.
const PRINTED: [&str; 42] = [
    "echo $K",
    "echo it is $K.",
    "echo before${K}after",
    "echo $K $K$K",
    "printf %s $K",
    "printf '%s\\n\\n\\n' $K",
    "printf '\\n\\n%s' $K",
    "printf 'percent 10\\r%s\\rpercent 20' $K",
    "printf '\\033[1m%s\\033[0m\\n' $K",
    "printf 'a\\0%s\\0b\\n' $K",
    "printf '\\377\\376%s\\377\\n' $K",
    "printf '\\303\\274%s\\303\\274\\n' $K",
    "printf '{\"key\":\"%s\"}\\n' $K",
    "printf '{\"text\":\"{\\\\\"key\\\\\":\\\\\"%s\\\\\"}\"}\\n' $K",
    "printf 'KEY=%s\\n' $K",
    "printf \"key: '%s'\\n\" $K",
    "printf 'curl -H \"X-Key: %s\"\\n' $K",
    "printf 'Authorization: Basic %s\\n' $(printf %s user:$K | base64 -w0)",
    "printf 'https://user:%s@example.org/\\n' $K",
    "printf 'https://example.org/?key=%s\\n' $(printf %s $K | sed 's,+,%2B,;s,~,%7E,')",
    "printf %s $K | base64",
    "printf %s x$K | base64",
    "printf %s xy$K | base64",
    "printf %s xyz$K | base64",
    "printf %s $K | base64 -w0 | tr +/ -_",
    "printf %s a$K | base64 -w0 | tr +/ -_",
    "printf %s $K | od -An -v -tx1 | tr -d ' \\n'",
    "printf %s $K | od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F",
    "echo $K >&2",
    "printf %s $K >&2",
    "sh -xc \"echo $K\"",
    "sh -c $K",
    "cat /nowhere/$K",
    "ls --$K",
    "env",
    "env | sort",
    "export -p",
    "tr '\\0' '\\n' < /proc/self/environ",
    "head -c 65530 /dev/zero | tr '\\0' x; echo $K",
    "head -c 8190 /dev/zero | tr '\\0' x; echo $K; head -c 8190 /dev/zero | tr '\\0' x",
    "printf %s $K | cut -c1-7 | tr -d '\\n'; sleep 0.1; printf '%s\\n' $K | cut -c8-",
    "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31; do printf %s $K | cut -c$i | tr -d '\\n'; done",
];

/// What an agent leaves or does with it, other than printing: each is a run of its own, with the event that ends it.
const DONE: [(&str, &str); 8] = [
    ("shell touch \"found $K\"", "task.completed"),
    ("shell mkdir \"$K\" && touch \"$K/file\"", "task.completed"),
    ("shell echo x > file && git add -A && git -c user.name=A -c user.email=a@localhost commit -qm \"use $K\"", "task.completed"),
    ("shell echo x > other && git add -A && git -c user.name=\"$K\" -c user.email=a@localhost commit -qm use", "task.completed"),
    (
        "shell mkdir -p .aq; printf '# Plan\\n\\n## Step 1: Use %s\\n\\nAs said.\\n\\n## Step 2: Test %s\\n\\nAs said.\\n' $K $K > .aq/plan.md",
        "task.completed",
    ),
    ("shell echo \"it broke: $K\" >&2; exit 3", "task.failed"),
    ("shell printf '{\"aq\":\"say\",\"text\":\"%s\"}\\n' $K > /proc/$PPID/fd/1", "task.completed"),
    ("shell printf '{\"aq\":\"result\",\"success\":false,\"text\":\"%s\"}\\n' $K > /proc/$PPID/fd/1", "task.completed"),
];

/// The forms in which nothing may hold it.
fn forms() -> Vec<String> {
    use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
    let bytes = CANARY.as_bytes();
    // A piece in the middle of what base64 makes of it, wherever it begins.
    let pieces = (0..3).flat_map(|before| {
        let shifted = [&b"xyz"[..before], bytes].concat();
        [BASE64.encode(&shifted), BASE64URL.encode(&shifted)].map(|text| text[4..36].to_owned())
    });
    let whole = [CANARY.to_owned(), HEXLOWER.encode(bytes), HEXUPPER.encode(bytes), CANARY.replace('+', "%2B").replace('~', "%7E")];
    whole.into_iter().chain(pieces).collect()
}

fn assert_absent(what: &str, text: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "{what} holds {form}: {text}");
    }
}

/// What anybody is told of a task: its output, itself, its plans.
async fn told(served: &Served, task: &str) -> String {
    let request = pb::StreamRunOutputRequest { task_id: task.to_owned(), ..Default::default() };
    let mut stream = served.admin.runs().stream_run_output(request).await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        told.push(message);
    }
    let found = served.admin.tasks().get_task(pb::GetTaskRequest { task_id: task.to_owned() }).await.unwrap().into_inner();
    format!("{told:?} {found:?}")
}

/// Redact R1, R4, G24: whatever way it takes, no secret of the agent's gets into an answer, an event, a log or a file of the server's, in any of its usual forms.
/// (What the agent itself puts into its repository stays there.)
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_takes_no_way_out() {
    let folder = Place::new();
    let launched = Launched::on(Arc::clone(&folder), "agents:\n  sandbox: none\n", &[("PLAN_KEY", CANARY)]);
    let served = launched.serving().await;
    let project = served.project().await;
    key_for_agents(&served, "K").await;

    let printed: String =
        PRINTED.iter().enumerate().map(|(number, line)| format!("shell {line} || true; echo; echo way-{number}\n")).collect();
    let mut runs = vec![(printed + "say the-end", "task.completed")];
    runs.extend(DONE.map(|(line, end)| (format!("{line}\nsay the-end"), end)));
    for (number, (script, end)) in runs.iter().enumerate() {
        let task = served.task(&project, script).await;
        let events = served.events_until(&task, end).await;
        assert_absent(script, &format!("{events:?}"));
        let told = told(&served, &task).await;
        assert_absent(script, &told);
        if number == 0 {
            // Every line was run and shown, and where a secret stood there is a word for it.
            let shown = (0..PRINTED.len()).filter(|number| told.contains(&format!("way-{number}"))).count();
            assert_eq!(shown, PRINTED.len(), "{told}");
            assert!(told.matches("[redacted]").count() >= PRINTED.len(), "{told}");
        }
    }
    let events =
        served.admin.events().list_events(pb::ListEventsRequest { page_size: 200, ..Default::default() }).await.unwrap().into_inner();
    assert_absent("the events", &format!("{events:?}"));
    let plans = served.admin.plans().list_plans(pb::ListPlansRequest::default()).await.unwrap().into_inner();
    assert_absent("the plans", &format!("{plans:?}"));
    for part in ["db", "output", "logs", "backups"] {
        for form in forms() {
            assert_eq!(holding(&served.home().join(part), form.as_bytes()), Vec::<String>::new(), "{form}");
        }
    }
    assert!(Path::new(&served.home().join("output")).exists());
    println!(
        "score: canaries: 0 of {} ways leaked; {} forms looked for in answers, events, plans, files",
        PRINTED.len() + DONE.len(),
        forms().len()
    );
}
