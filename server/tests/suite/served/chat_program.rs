//! The chat's `run_command` under a served `aqd`: contained, bounded, for administrators only, and nothing that it started lives on.

use aq_proto::v1 as pb;
use pb::chat_response::Event;
use serde_json::{Value, json};

use super::place::Place;
use super::world::{Launched, Served};
use crate::chat_models::stub::{KEY, Reply, Stub};
use crate::chat_models::words::{Part, Wire};

/// What the programs said, and what the tools refused, of a turn in which the model runs these programs one after the other.
async fn told(served: &Served, who: &aq_proto::client::Connection, stub: &Stub) -> Vec<Value> {
    let request = pb::ChatRequest { text: "look".into(), ..Default::default() };
    let mut stream = who.chat().chat(request).await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(Event::ToolEnded(done)) = message.event {
            told.push(serde_json::from_str(&done.result_json).unwrap_or(Value::String(done.result_json)));
        }
    }
    stub.asked();
    assert!(std::fs::read_dir(served.home().join("errands")).unwrap().next().is_none(), "no folder of a program stays");
    told
}

/// F-171, D-86, chat R10: the model of an administrator runs programs in a folder of a root: what they write and how they end is told; one that never ends is
/// ended at its limit with its children; the server's data, its environment and what lies outside the roots are out of reach; an operator's model is offered no
/// such tool and is refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_chat_runs_programs_and_leaves_nothing_behind() {
    let folder = Place::new();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("hello.txt"), "hello\n").unwrap();
    let marker = format!("{}", 3_000_000 + std::process::id());
    let key = folder.path().join("home/admin.key").display().to_string();
    let here = root.display().to_string();
    let program =
        |argv: &[&str], directory: &str, seconds: u64| json!({ "argv": argv, "directory": directory, "timeout_seconds": seconds });
    let plays = [
        // The first use loads the tool's group and runs nothing.
        program(&["cat", "hello.txt"], &here, 30),
        program(&["cat", "hello.txt"], &here, 30),
        program(&["sh", "-c", &format!("echo begun; sleep {marker} & exec sleep {marker}")], &here, 1),
        program(&["sh", "-c", &format!("env | grep -c ^ANTHROPIC_; cat {key}; exit 3")], &here, 30),
        program(&["ls"], "/etc", 30),
    ];
    let asked = plays.len();
    let mut next = plays.into_iter().cycle();
    let stub = Stub::start(Wire::Anthropic, move |asked_now| {
        let count = asked_now.results.len();
        if count < asked {
            Reply::Say(vec![Part::tool("run_command", &next.next().unwrap())])
        } else {
            Reply::Say(vec![Part::Text("That is all.".into())])
        }
    })
    .await;
    let config = format!(
        "chat_provider: {{provider: anthropic, base_url: \"{}\", model: stub-model, api_key: {KEY}}}\n\
         chat: {{shell: true, file_roots: [\"{here}\"]}}\nagents: {{sandbox: landlock}}\n",
        stub.url
    );
    let served = Launched::on(folder, &config, &[("ANTHROPIC_API_KEY", "sk-of-the-environment")]).serving().await;
    let saw = told(&served, &served.admin, &stub).await.split_off(1);
    assert_eq!((saw.len(), saw[0]["stdout"].as_str(), saw[0]["exit_code"].as_i64()), (4, Some("hello\n"), Some(0)), "{saw:?}");
    assert_eq!(saw[1]["stdout"], "begun\n", "{}", saw[1]);
    assert!(saw[1].to_string().contains("timed"), "{}", saw[1]);
    let left = std::process::Command::new("pgrep").args(["-f", &format!("sleep {marker}")]).output().unwrap();
    assert!(left.stdout.is_empty(), "a child of the program lives on: {}", String::from_utf8_lossy(&left.stdout));
    assert_eq!((saw[2]["stdout"].as_str(), saw[2]["exit_code"].as_i64()), (Some("0\n"), Some(3)), "{}", saw[2]);
    let secret = std::fs::read_to_string(served.home().join("admin.key")).unwrap();
    assert!(!saw[2].to_string().contains(secret.trim()), "the server's key was read");
    assert!(saw[3].to_string().contains("error"), "{}", saw[3]);

    let made = pb::CreateApiKeyRequest { role: pb::Role::Operator.into(), description: "hand".into(), ..Default::default() };
    let made = served.admin.admin().create_api_key(made).await.unwrap().into_inner();
    let operator = served.with_key(&made.secret).await;
    for refused in told(&served, &operator, &stub).await {
        assert!(refused["error"].is_string(), "{refused}");
    }
}
