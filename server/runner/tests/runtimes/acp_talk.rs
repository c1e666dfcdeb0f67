//! Acp R6 to R8, R11: permissions, refusals, messages, modes and models, cancelling.

use std::collections::BTreeMap;
use std::path::Path;

use aq_core::output::{OutputBody, QuestionKind};
use aq_core::profile::{McpServer, McpTransport};
use aq_core::runner_link::{Answer, RunOutcome, StartRun};
use aq_runner::runtimes::{LaunchOrder, LaunchRefused, Normalizer, StdinWish, runtime};
use aq_runner::spool::RawKind;
use serde_json::json as value;

use crate::acp_turns::acp;
use crate::bench::{exit_code, json, order, plan, raw, recording};

/// A normaliser that has read the first lines of a recording.
fn after(start: &StartRun, name: &str, lines: usize) -> (Box<dyn Normalizer>, Vec<OutputBody>) {
    let mut normalizer = runtime(start.runtime).normalizer(&order(start, false, false));
    let items = recording(name)[..lines].iter().flat_map(|line| normalizer.line(line).items).collect();
    (normalizer, items)
}

/// An order whose agent must ask about everything.
fn asking() -> StartRun {
    let mut start = acp();
    start.profile.allowed_tools = vec!["nothing".to_owned()];
    start
}

fn line(text: &str) -> aq_runner::spool::RawLine {
    raw(RawKind::Stdout, text)
}

/// R6: choices are told apart by kind and by what people read, never by their id.
#[test]
fn permissions_are_chosen_by_kind() {
    for (answer, option, closed) in [
        (Answer::Allow, "allow", "allowed"),
        (Answer::Text("Yes".to_owned()), "allow", "allowed"),
        (Answer::Text("allow_always".to_owned()), "allow_always", "allowed: Always Allow Bash(echo hi *) and access to /work/shop"),
        (Answer::Text("3".to_owned()), "reject", "denied"),
        (Answer::Text("rather not".to_owned()), "reject", "denied: rather not"),
        (Answer::Deny { message: String::new() }, "reject", "denied"),
    ] {
        let (mut normalizer, items) = after(&asking(), "acp_claude_turns", 9);
        let Some(OutputBody::Question(question)) = items.last() else { panic!("{items:?}") };
        assert_eq!((question.kind, question.tool.as_str(), question.request_id.as_str()), (QuestionKind::Permission, "Bash", "0"));
        assert_eq!(question.text, "May Bash be used? echo hi > hello.txt");
        assert_eq!(question.options.len(), 3);
        assert!(normalizer.wishes().patient);
        let answered = normalizer.answer("0", &answer).unwrap();
        let sent = json(&answered.frame.unwrap());
        assert_eq!(sent["result"]["outcome"], value!({"outcome": "selected", "optionId": option}), "{answer:?}");
        assert_eq!(answered.closed, [OutputBody::QuestionClosed { request_id: "0".to_owned(), answer: closed.to_owned() }]);
        assert_eq!(normalizer.answer("0", &Answer::Allow), None);
        assert!(!normalizer.wishes().patient);
    }
}

/// R6: of an agent that does not tell a call's input people read what it prepared for them, never the protocol's own words around it.
#[test]
fn people_read_what_they_decide_on() {
    let command = r#"{"type":"content","content":{"type":"text","text":"in /work/shop: make"}}"#;
    let change = r#"{"type":"diff","path":"/work/shop/a.txt","oldText":"old","newText":"new\nlines"}"#;
    for (content, read) in [
        (command.to_owned(), "in /work/shop: make"),
        (format!("{command},{change}"), "in /work/shop: make\na.txt:\nnew\nlines"),
        (r#"{"type":"terminal","terminalId":"t"}"#.to_owned(), "[terminal]"),
        (String::new(), ""),
    ] {
        let (mut normalizer, _) = after(&asking(), "acp_claude_turns", 2);
        let call = format!(r#"{{"toolCallId":"c","title":"make","kind":"execute","content":[{content}]}}"#);
        let ask = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"session/request_permission","params":{{"sessionId":"ses_1","options":[{{"optionId":"y","kind":"allow_once","name":"Y"}}],"toolCall":{call}}}}}"#
        );
        let step = normalizer.line(&line(&ask));
        let Some(OutputBody::Question(question)) = step.items.last() else { panic!("{step:?}") };
        assert_eq!(question.detail, read);
    }
}

/// R6: the reason of a no, for which the protocol has no room, is told with the next prompt; an agent that stops at a no is sent on once.
#[test]
fn refusals_are_explained() {
    for (reason, expected) in [("no shells", "The permission was refused: no shells"), ("", "The permission was refused. Go on without it")]
    {
        let (mut normalizer, _) = after(&asking(), "acp_opencode_refused", 7);
        normalizer.answer("0", &Answer::Deny { message: reason.to_owned() }).unwrap();
        let steps: Vec<_> = recording("acp_opencode_refused")[7..].iter().map(|line| normalizer.line(line)).collect();
        let frames: Vec<_> = steps.iter().flat_map(|step| &step.frames).map(json).collect();
        assert_eq!(frames.len(), 1, "{reason}");
        let told = frames[0]["params"]["prompt"][0]["text"].as_str().unwrap().to_owned();
        assert!(told.starts_with(expected), "{told}");
        assert!(!steps.iter().flat_map(|step| &step.items).any(|item| matches!(item, OutputBody::Result { .. })));
        assert_eq!(normalizer.wishes().stdin, StdinWish::Hold);
    }
}

/// R7: kinds, names, titles and the profile's own MCP servers need nobody; the usual kinds count only when the profile names none.
#[test]
fn what_is_allowed_beforehand() {
    for (allowed, asks) in [(vec![], false), (vec!["execute"], false), (vec!["Bash"], false), (vec!["read"], true)] {
        let mut start = acp();
        start.profile.allowed_tools = allowed.iter().map(|tool| (*tool).to_owned()).collect();
        let (normalizer, _) = after(&start, "acp_claude_turns", 9);
        assert_eq!(normalizer.wishes().patient, asks, "{allowed:?}");
    }
    let mut start = asking();
    let transport = McpTransport::Stdio { command: "tools".to_owned(), args: Vec::new(), env: BTreeMap::new() };
    start.profile.mcp_servers = vec![McpServer { name: "lab".to_owned(), transport }];
    let (mut normalizer, _) = after(&start, "acp_claude_turns", 3);
    let ask = r#"{"jsonrpc":"2.0","id":5,"method":"session/request_permission","params":{"sessionId":"ses_1","options":[{"optionId":"y","kind":"allow_once","name":"Y"}],"toolCall":{"toolCallId":"c","title":"mcp__lab__echo","kind":"other"}}}"#;
    assert_eq!(json(&normalizer.line(&line(ask)).frames[0])["result"]["outcome"]["optionId"], "y");
}

/// R8: a message waits for the end of the turn, is sent as the next prompt, and only then has its receipt; the same id is told once.
#[test]
fn messages_are_the_next_prompt() {
    let (mut normalizer, _) = after(&acp(), "acp_claude_turns", 17);
    assert_eq!(normalizer.message("m-1", "use tabs"), Some(Vec::new()));
    assert_eq!(normalizer.message("m-1", "use tabs"), Some(Vec::new()));
    let step = normalizer.line(&recording("acp_claude_turns")[17]);
    assert_eq!(step.items.last(), Some(&OutputBody::Delivered { message_id: "m-1".to_owned() }));
    assert_eq!(json(&step.frames[0])["params"]["prompt"], value!([{"type": "text", "text": "use tabs"}]));
    assert_eq!(normalizer.wishes().stdin, StdinWish::Hold);
    let rest: Vec<_> = recording("acp_claude_turns")[18..].iter().flat_map(|line| normalizer.line(line).items).collect();
    assert_eq!(rest.last(), Some(&OutputBody::Result { success: true, text: "Second.".to_owned() }));
    // Between the last answer and the closing of the input a message goes out at once; its receipt follows with the next line.
    let frames = normalizer.message("m-2", "one more").unwrap();
    assert_eq!(json(&frames[0])["id"], "aq-prompt-3");
    let step = normalizer.line(&line(r#"{"jsonrpc":"2.0","id":"aq-prompt-3","result":{"stopReason":"end_turn"}}"#));
    assert_eq!(step.items[0], OutputBody::Delivered { message_id: "m-2".to_owned() });
    assert_eq!(normalizer.end(&exit_code(0)).outcome, RunOutcome::Succeeded { summary: "Second.".to_owned() });
    let (mut failed, _) = after(&acp(), "acp_claude_limit", 6);
    assert_eq!(failed.message("m-3", "hello"), None);
}

/// R3: modes and models are chosen in the way that the agent offers, before the prompt; what it does not offer ends the run at once.
#[test]
fn modes_and_models() {
    let mut start = acp();
    start.profile.permission_mode = "acceptEdits".to_owned();
    start.profile.model = "sonnet".to_owned();
    let mut normalizer = runtime(start.runtime).normalizer(&order(&start, false, false));
    let lines = recording("acp_claude_turns");
    drop(normalizer.line(&lines[0]));
    let frames: Vec<_> = normalizer.line(&lines[1]).frames.iter().map(json).collect();
    assert_eq!(frames.iter().map(|frame| frame["method"].clone()).collect::<Vec<_>>(), ["session/set_mode", "session/set_config_option"]);
    assert_eq!(frames[1]["params"], value!({"sessionId": "ses_1", "configId": "model", "value": "sonnet"}));
    assert_eq!(normalizer.line(&line(r#"{"jsonrpc":"2.0","id":"aq-mode","result":{}}"#)).frames, []);
    let step = normalizer.line(&line(r#"{"jsonrpc":"2.0","id":"aq-model","result":{}}"#));
    assert_eq!(json(&step.frames[0])["method"], "session/prompt");
    start.profile.permission_mode = "warp".to_owned();
    let (mut normalizer, _) = after(&start, "acp_claude_turns", 2);
    assert_eq!(normalizer.wishes().stdin, StdinWish::CloseAfter { ms: 0 });
    let RunOutcome::Failed { message, .. } = normalizer.end(&exit_code(0)).outcome else { panic!("no failure") };
    assert!(message.contains("`warp`") && message.contains("acceptEdits"), "{message}");
}

/// R1: a command is needed; instructions come before the prompt; secrets of servers are known for redaction.
#[test]
fn the_start() {
    let mut start = acp();
    start.profile.system_prompt_suffix = "Be brief.".to_owned();
    let headers = BTreeMap::from([("Authorization".to_owned(), "s3cret".to_owned())]);
    let transport = McpTransport::Http { url: "https://x".to_owned(), headers };
    start.profile.mcp_servers = vec![McpServer { name: "far".to_owned(), transport }];
    let plan_of = plan(&start).unwrap();
    assert_eq!((plan_of.argv.as_slice(), plan_of.close_stdin), (["agent".to_owned()].as_slice(), false));
    assert_eq!(json(&plan_of.frames[0])["params"]["clientCapabilities"]["fs"]["readTextFile"], false);
    assert_eq!(plan_of.secrets, ["s3cret"]);
    let mut normalizer = runtime(start.runtime).normalizer(&order(&start, false, false));
    let lines = recording("acp_claude_turns");
    let new = json(&normalizer.line(&lines[0]).frames[0]);
    assert_eq!(new["params"]["mcpServers"][0]["headers"], value!([{"name": "Authorization", "value": "s3cret"}]));
    let prompt = json(&normalizer.line(&lines[1]).frames[0]);
    assert_eq!(prompt["params"]["prompt"][0]["text"], "Be brief.");
    start.profile.command.clear();
    assert_eq!(plan(&start), Err(LaunchRefused::NoCommand));
}

/// R2: an agent that does not announce HTTP gets no server behind a URL, and the run says so once for each: also for the one that every run is given, by what
/// the agent lacks without it.
#[test]
fn servers_that_cannot_be_reached_are_told() {
    let mut start = acp();
    let server = |name: &str| McpServer {
        name: name.to_owned(),
        transport: McpTransport::Http { url: "https://x".to_owned(), headers: BTreeMap::new() },
    };
    start.profile.mcp_servers = vec![server("far"), server(aq_core::profile::OWN_SERVER)];
    let mut normalizer = runtime(start.runtime).normalizer(&order(&start, false, false));
    let mut greeting = serde_json::from_slice::<serde_json::Value>(&recording("acp_claude_turns")[0].bytes).unwrap();
    greeting["result"]["agentCapabilities"]["mcpCapabilities"]["http"] = value!(false);
    let step = normalizer.line(&line(&greeting.to_string()));
    assert_eq!(json(&step.frames[0])["params"]["mcpServers"], value!([]));
    let notes: Vec<_> =
        step.items.iter().filter_map(|item| if let OutputBody::Note { text } = item { Some(text.as_str()) } else { None }).collect();
    assert_eq!(
        notes,
        [
            "the agent cannot reach MCP servers by HTTP; far is left out",
            "the agent cannot reach MCP servers by HTTP; it works without the tools of its task, such as ask_human and propose_task",
        ]
    );
}

/// R2, mcp R12: an agent that takes only programs gets the tools of its task as one, with the run's key and socket in its environment and nowhere else, and needs
/// no note; one that reaches servers by HTTP is not given the program; a server of the person's own that bears the name stays what it is.
#[test]
fn own_tools_come_as_a_program() {
    let mut start = acp();
    start.profile.env = [("AQ_API_KEY", "aq_k_secret"), ("AQ_SOCKET", "/srv/aqd.sock")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    let own = |bearer: &str| McpServer {
        name: aq_core::profile::OWN_SERVER.to_owned(),
        transport: McpTransport::Http {
            url: "http://127.0.0.1:7/mcp".to_owned(),
            headers: BTreeMap::from([("Authorization".to_owned(), format!("Bearer {bearer}"))]),
        },
    };
    let given = |start: &StartRun, http: bool| {
        let order = LaunchOrder { bridge: Some(Path::new("/opt/aq/aqctl")), ..order(start, false, false) };
        let mut greeting = serde_json::from_slice::<serde_json::Value>(&recording("acp_claude_turns")[0].bytes).unwrap();
        greeting["result"]["agentCapabilities"]["mcpCapabilities"]["http"] = value!(http);
        let first = runtime(start.runtime).normalizer(&order);
        // The server may be started again in between.
        let mut normalizer = runtime(start.runtime).restore(&first.state()).unwrap();
        let step = normalizer.line(&line(&greeting.to_string()));
        (json(&step.frames[0])["params"]["mcpServers"].clone(), step.items)
    };
    start.profile.mcp_servers = vec![own("aq_k_secret")];
    let env = [value!({"name": "AQ_API_KEY", "value": "aq_k_secret"}), value!({"name": "AQ_SOCKET", "value": "/srv/aqd.sock"})];
    assert_eq!(given(&start, false), (value!([{"name": "aq", "command": "/opt/aq/aqctl", "args": ["mcp"], "env": env}]), Vec::new()));
    assert_eq!(given(&start, true).0[0]["type"], "http");
    assert!(!plan(&start).unwrap().argv.iter().any(|arg| arg.contains("secret")));
    start.profile.mcp_servers = vec![own("of-somebody-else")];
    let (servers, notes) = given(&start, false);
    assert_eq!((servers, notes.len()), (value!([]), 1));
}

/// R11: cancelling answers what waits for a person, as the protocol demands; nothing can be cancelled before there is a turn.
#[test]
fn cancelling() {
    let (normalizer, _) = after(&asking(), "acp_claude_turns", 9);
    let frame = normalizer.interrupt().unwrap();
    let lines: Vec<serde_json::Value> = frame
        .bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!((&lines[0]["method"], &lines[0]["params"]["sessionId"]), (&"session/cancel".into(), &"ses_1".into()));
    assert_eq!((&lines[1]["id"], &lines[1]["result"]["outcome"]["outcome"]), (&0.into(), &"cancelled".into()));
    assert_eq!(after(&asking(), "acp_claude_turns", 1).0.interrupt(), None);
}
