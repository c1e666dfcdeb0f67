//! `aqctl mcp`: messages between an assistant and the server, through the binary.

use std::io::Write as _;
use std::process::Stdio;

use crate::fake::{Done, Environment, Fake};

fn exchange(environment: &Environment, lines: &[&str]) -> Vec<serde_json::Value> {
    let mut child = environment.command(&["mcp"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for line in lines {
        writeln!(input, "{line}").unwrap();
    }
    drop(input);
    let done = Done::of(child.wait_with_output().unwrap()).expect(0);
    done.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// mcp R9, R10: each line goes to the server as it stands and comes back as one line; what has no answer has none; what is no JSON is told so; the bridge
/// ends with its input.
#[test]
fn the_bridge_carries_messages() {
    let server = Fake::default().start();
    let environment = Environment::with_server(server.address);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let mut answers = exchange(&environment, &[ping, "", note, "{"]);
    answers.sort_by_key(|answer| answer["id"].as_i64());
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[0]["error"]["code"], -32_700);
    assert_eq!(answers[1]["result"]["echo"], ping);
}

/// mcp R10: a server that is away is told to the assistant, with the message's id.
#[test]
fn a_server_that_is_away_is_told() {
    let address = {
        let server = Fake::default().start();
        server.address
    };
    let environment = Environment::with_server(address);
    let answers = exchange(&environment, &[r#"{"jsonrpc":"2.0","id":"x","method":"ping"}"#]);
    assert_eq!((&answers[0]["id"], &answers[0]["error"]["code"]), (&serde_json::json!("x"), &serde_json::json!(-32_603)));
    assert!(answers[0]["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{answers:?}");
}

/// mcp R11.
#[test]
fn the_configuration_holds_no_key() {
    let environment = Environment::new();
    let done = environment.run(&["--key-file", "/srv/viewer.key", "mcp", "config", "codex"]).expect(0);
    assert!(
        done.stdout.starts_with("[mcp_servers.agent-queue]\n") && done.stdout.contains("\"--key-file\",\"/srv/viewer.key\",\"mcp\""),
        "{}",
        done.stdout
    );
}

/// commands R2, mcp R12: an agent needs no file and no home: key and socket are those of its environment, and what is no key is told without being repeated. A home that
/// is named comes before the socket.
#[test]
fn an_agent_is_led_by_its_environment() {
    let environment = Environment::new();
    let key = "aq_run1_0123456789abcdefABCDEFGH";
    let socket = environment.dir.path().join("none.sock");
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let say = |key: &str, args: &[&str]| {
        let mut command = environment.command(args);
        let mut child = command.env("AQ_API_KEY", key).env("AQ_SOCKET", &socket).stdin(Stdio::piped()).spawn().unwrap();
        // It may have ended before it is asked.
        let _ended = writeln!(child.stdin.take().unwrap(), "{ping}");
        Done::of(child.wait_with_output().unwrap())
    };
    let away = say(key, &["mcp"]).expect(0);
    assert!(away.stdout.contains("none.sock") && !away.stdout.contains(key), "{}", away.stdout);
    let wrong = say("aq_not-a-key", &["mcp"]).expect(4);
    assert!(wrong.stderr.contains("AQ_API_KEY: an API key has the form") && !wrong.stderr.contains("aq_not-a-key"), "{}", wrong.stderr);
    let named = say(key, &["--home", "/nowhere/at/all", "mcp"]);
    assert!(named.code == 6 && named.stderr.contains("/nowhere/at/all"), "{} {}", named.code, named.stderr);
}
