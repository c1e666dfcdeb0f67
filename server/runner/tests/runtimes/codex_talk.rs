//! Codex R5, R9, R12: questions, answers, messages, plans.

use aq_core::output::{OutputBody, Question, QuestionKind};
use aq_core::runner_link::{Answer, RunOutcome};
use aq_core::runtime::RuntimeKind;
use aq_runner::runtimes::{Normalizer, StdinWish, runtime};
use aq_runner::spool::RawKind;
use serde_json::{Value, json as value};

use crate::bench::{exit_code, fresh, json, order, play_to, raw, recording, start};

/// A normaliser that has read a recording up to the line that holds `words`, and the items of that line.
fn up_to(name: &str, words: &str) -> (Box<dyn Normalizer>, Vec<OutputBody>) {
    let mut normalizer = fresh(RuntimeKind::Codex);
    for line in recording(name) {
        let items = normalizer.line(&line).items;
        if line.text().contains(words) {
            return (normalizer, items);
        }
    }
    panic!("{name} has no line with {words}");
}

fn question(items: &[OutputBody]) -> &Question {
    items.iter().find_map(|item| if let OutputBody::Question(question) = item { Some(question) } else { None }).unwrap()
}

fn labels(question: &Question) -> Vec<&str> {
    question.options.iter().map(|option| option.label.as_str()).collect()
}

fn text(text: &str) -> Answer {
    Answer::Text(text.to_owned())
}

fn deny(message: &str) -> Answer {
    Answer::Deny { message: message.to_owned() }
}

fn told(normalizer: &mut dyn Normalizer, answer: &Answer) -> Vec<Value> {
    let bytes = normalizer.answer("ask-0", answer).unwrap().frame.unwrap().bytes;
    std::str::from_utf8(&bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// R5: a command waits for yes, no, or one of the choices that Codex offers; the reason of a no follows as a message into the turn.
#[test]
fn commands() {
    let prefix = value!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["touch", "made.txt"]}});
    for (answer, decision) in [
        (Answer::Allow, value!("accept")),
        (text("allow"), value!("accept")),
        (text("Allow commands that start with touch made.txt"), prefix),
        (text("4"), value!("cancel")),
        (text("deny and stop the turn"), value!("cancel")),
        (deny(""), value!("decline")),
    ] {
        let (mut normalizer, items) = up_to("codex_approval", "requestApproval");
        let asked = question(&items);
        assert_eq!((asked.kind, asked.tool.as_str(), asked.request_id.as_str()), (QuestionKind::Permission, "shell", "ask-0"));
        assert_eq!(asked.text, "May this command run? touch made.txt");
        assert_eq!(asked.detail, r#"{"command":"/bin/bash -lc 'touch made.txt'","cwd":"/work/shop"}"#);
        assert_eq!(labels(asked), ["Allow", "Allow commands that start with touch made.txt", "Deny", "Deny and stop the turn"]);
        assert!(normalizer.wishes().patient);
        assert_eq!(normalizer.answer("ask-1", &Answer::Allow), None);
        assert_eq!(told(normalizer.as_mut(), &answer), [value!({"id": 0, "result": {"decision": decision}})], "{answer:?}");
        assert!(!normalizer.wishes().patient);
        assert_eq!(normalizer.answer("ask-0", &answer), None);
    }
    for answer in [deny("too risky"), text("too risky")] {
        let (mut normalizer, _) = up_to("codex_denied", "requestApproval");
        let told = told(normalizer.as_mut(), &answer);
        assert_eq!(told[0]["result"]["decision"], "decline");
        assert_eq!((told[1]["method"].as_str(), told[1]["id"].as_str()), (Some("turn/steer"), Some("aq-steer-1")));
        assert_eq!(told[1]["params"]["input"][0]["text"], "That was not allowed: too risky");
        // What Codex says of it afterwards is no receipt for anybody.
        let lines = recording("codex_denied");
        let rest = lines.iter().skip_while(|line| !line.text().contains("requestApproval")).skip(1);
        let items: Vec<_> = rest.flat_map(|line| normalizer.line(line).items).collect();
        assert!(!items.iter().any(|item| matches!(item, OutputBody::Delivered { .. } | OutputBody::QuestionClosed { .. })), "{items:?}");
        assert_eq!(normalizer.wishes().stdin, StdinWish::CloseAfter { ms: 0 });
    }
}

/// R5: changes of files are shown with the question; more permissions are granted as asked, or not at all.
#[test]
fn changes_and_permissions() {
    let (mut normalizer, items) = up_to("codex_patch", "requestApproval");
    let asked = question(&items);
    assert_eq!((asked.tool.as_str(), asked.text.as_str()), ("apply_patch", "May these files be changed?"));
    assert_eq!(asked.detail, r#"{"changes":[{"kind":"add","path":"/work/shop/src/a.txt"}]}"#);
    assert_eq!(
        told(normalizer.as_mut(), &text("allow for the whole session")),
        [value!({"id": 0, "result": {"decision": "acceptForSession"}})]
    );
    for (answer, expected) in [
        (Answer::Allow, value!({"permissions": {"network": {"enabled": true}}, "scope": "turn"})),
        (text("2"), value!({"permissions": {"network": {"enabled": true}}, "scope": "session"})),
        (deny(""), value!({"permissions": {}, "scope": "turn"})),
    ] {
        let (mut normalizer, items) = up_to("codex_permissions", "requestApproval");
        assert!(question(&items).text.ends_with("needs the network"));
        assert_eq!(told(normalizer.as_mut(), &answer), [value!({"id": 0, "result": expected})]);
    }
}

/// R5: several questions in one request are answered one by one and sent together; what nobody answered is closed by Codex's word.
#[test]
fn questions() {
    let (mut normalizer, items) = up_to("codex_question", "requestUserInput");
    let asked = question(&items);
    assert_eq!((asked.kind, asked.text.as_str(), asked.request_id.as_str()), (QuestionKind::Question, "Which database?", "ask-0.1"));
    assert_eq!((labels(asked), asked.options[0].description.as_str()), (vec!["sqlite", "postgres"], "one file"));
    let first = normalizer.answer("ask-0.2", &text("9090")).unwrap();
    assert_eq!((first.frame, first.closed.len()), (None, 1));
    assert_eq!(normalizer.answer("ask-0.2", &text("1")), None);
    let second = normalizer.answer("ask-0.1", &text("2")).unwrap();
    let sent = json(&second.frame.unwrap());
    assert_eq!(sent, value!({"id": 0, "result": {"answers": {"db": {"answers": ["postgres"]}, "port": {"answers": ["9090"]}}}}));
    let closed = OutputBody::QuestionClosed { request_id: "ask-0.1".to_owned(), answer: "postgres".to_owned() };
    assert_eq!(second.closed, [closed]);
    let played = play_to(&start(RuntimeKind::Codex), &recording("codex_question"), &exit_code(0));
    let closed = played.items.iter().filter(|item| matches!(item, OutputBody::QuestionClosed { .. }));
    assert_eq!(closed.count(), 2);
    // A secret is told to the agent and shown to nobody.
    let mut normalizer = fresh(RuntimeKind::Codex);
    let secret = r#"{"method":"item/tool/requestUserInput","id":0,"params":{"questions":[{"id":"k","question":"The key?","isSecret":true,"options":null}]}}"#;
    drop(normalizer.line(&raw(RawKind::Stdout, secret)));
    let answered = normalizer.answer("ask-0", &text("hush")).unwrap();
    assert_eq!(answered.closed, [OutputBody::QuestionClosed { request_id: "ask-0".to_owned(), answer: "(secret)".to_owned() }]);
    assert_eq!(json(&answered.frame.unwrap())["result"]["answers"]["k"]["answers"], value!(["hush"]));
}

/// R5: MCP servers ask for a yes, or for what a form wants, each field in its own type.
#[test]
fn forms() {
    for (answer, expected) in [
        (Answer::Allow, value!({"action": "accept", "content": {}, "_meta": null})),
        (text("2"), value!({"action": "accept", "content": {}, "_meta": {"persist": "session"}})),
        (deny(""), value!({"action": "decline", "content": null, "_meta": null})),
    ] {
        let (mut normalizer, items) = up_to("codex_mcp", "elicitation");
        let asked = question(&items);
        assert_eq!(asked.text, "The MCP server lab asks: Allow the lab MCP server to run tool \"echo\"?");
        assert_eq!(labels(asked), ["Allow", "Allow for the whole session", "Deny"]);
        assert_eq!(told(normalizer.as_mut(), &answer), [value!({"id": 0, "result": expected})]);
    }
    let form = value!({"method": "mcpServer/elicitation/request", "id": "f", "params": {"serverName": "s", "mode": "form", "message": "Fill in",
    "requestedSchema": {"type": "object", "properties": {
        "a": {"type": "boolean", "title": "Sure"}, "b": {"type": "integer"}, "c": {"type": "string", "enum": ["x", "y"]},
        "d": {"type": "array", "items": {"anyOf": [{"const": "p", "title": "Pear"}]}}}}}});
    let mut normalizer = fresh(RuntimeKind::Codex);
    let items = normalizer.line(&raw(RawKind::Stdout, &form.to_string())).items;
    assert_eq!((items.len(), labels(question(&items))), (4, vec!["yes", "no"]));
    for (part, words) in [("ask-f.2", "7"), ("ask-f.3", "2"), ("ask-f.4", "pear")] {
        assert_eq!(normalizer.answer(part, &text(words)).unwrap().frame, None);
    }
    let sent = json(&normalizer.answer("ask-f.1", &text("no")).unwrap().frame.unwrap());
    assert_eq!(sent["result"]["content"], value!({"a": false, "b": 7, "c": "y", "d": ["p"]}));
    drop(normalizer.line(&raw(RawKind::Stdout, &form.to_string())));
    let refused = normalizer.answer("ask-f.2", &deny("none of your business")).unwrap();
    assert_eq!((refused.closed.len(), json(&refused.frame.unwrap())["result"]["action"].as_str()), (4, Some("decline")));
    let address = r#"{"method":"mcpServer/elicitation/request","id":"u","params":{"serverName":"s","mode":"url","message":"Log in","url":"https://x.invalid/"}}"#;
    let items = normalizer.line(&raw(RawKind::Stdout, address)).items;
    assert_eq!(question(&items).text, "The MCP server s asks: Log in\nhttps://x.invalid/");
}

/// R9: a message goes into the running turn, its echo is the receipt; what comes too late becomes the next turn; what comes too early waits.
#[test]
fn messages() {
    let lines = recording("codex_steer");
    let mut normalizer = fresh(RuntimeKind::Codex);
    assert_eq!(normalizer.message("m-1", "use tabs"), Some(Vec::new()), "kept until there is a turn");
    let mut sent = Vec::new();
    let mut delivered = Vec::new();
    for line in &lines {
        // The person writes again after the turn is over, before anybody here knows it.
        if line.text().contains(r#""turn/completed""#) && delivered.len() == 1 {
            sent.extend(normalizer.message("m-2", "late").unwrap());
            assert_eq!(normalizer.message("m-2", "late").unwrap(), sent[4..], "the same frame, which is delivered once");
            assert_eq!(normalizer.message("m-1", "use tabs"), Some(Vec::new()), "read already");
        }
        let step = normalizer.line(line);
        sent.extend(step.frames);
        delivered.extend(step.items.into_iter().filter_map(|item| match item {
            OutputBody::Delivered { message_id } => Some(message_id),
            _ => None,
        }));
    }
    let ids: Vec<_> = sent.iter().map(|frame| frame.id.as_str()).collect();
    assert_eq!(ids, ["aq-initialized", "aq-thread-start", "aq-turn-1", "aq-steer-1", "aq-steer-2", "aq-turn-2"]);
    let steered = json(&sent[3]);
    assert_eq!(steered["params"]["expectedTurnId"], "0199aaaa-0000-7000-8000-000000000002");
    assert_eq!(
        (steered["params"]["clientUserMessageId"].as_str(), steered["params"]["input"][0]["text"].as_str()),
        (Some("m-1"), Some("use tabs"))
    );
    let next = json(&sent[5]);
    assert_eq!((next["method"].as_str(), next["params"]["clientUserMessageId"].as_str()), (Some("turn/start"), Some("m-2")));
    assert_eq!(delivered, ["m-1", "m-2"]);
    assert_eq!(normalizer.wishes().stdin, StdinWish::CloseAfter { ms: 0 });
    // A finished agent is given another turn; one that failed takes nothing any more.
    assert_eq!(json(&normalizer.message("m-3", "one more").unwrap()[0])["method"], "turn/start");
    assert_eq!(normalizer.wishes().stdin, StdinWish::Hold);
    let mut failed = fresh(RuntimeKind::Codex);
    recording("codex_auth").iter().for_each(|line| drop(failed.line(line)));
    assert_eq!(failed.message("m-1", "hello"), None);
}

/// R12: the polite stop names the running turn; without one there is nobody to ask.
#[test]
fn interrupts() {
    let (normalizer, _) = up_to("codex_interrupted", "sleep 300");
    let asked = json(&normalizer.interrupt().unwrap());
    assert_eq!(
        (asked["method"].as_str(), asked["params"]["turnId"].as_str()),
        (Some("turn/interrupt"), Some("0199aaaa-0000-7000-8000-000000000002"))
    );
    assert_eq!(fresh(RuntimeKind::Codex).interrupt(), None);
}

/// R3, R5: in the mode `plan` the proposed plan waits for a person, whose yes starts the work and whose no starts another try.
#[test]
fn plans() {
    let mut wanted = start(RuntimeKind::Codex);
    wanted.profile.permission_mode = "plan".to_owned();
    let order = order(&wanted, false, false);
    let lines = recording("codex_plan");
    let end = lines.iter().position(|line| line.text().contains(r#""turn/completed""#)).unwrap();
    for (answer, mode, words) in [(Answer::Allow, "default", "accepted"), (deny("dig deeper"), "plan", "not accepted: dig deeper")] {
        let mut normalizer = runtime(RuntimeKind::Codex).normalizer(&order);
        let steps: Vec<_> = lines[..=end].iter().map(|line| normalizer.line(line)).collect();
        let first = steps.iter().flat_map(|step| &step.frames).last().unwrap();
        assert_eq!(json(first)["params"]["collaborationMode"]["mode"], "plan");
        let items: Vec<_> = steps.into_iter().flat_map(|step| step.items).collect();
        let asked = question(&items);
        assert_eq!((asked.kind, asked.detail.trim()), (QuestionKind::PlanApproval, "# Plan\n1. dig"));
        let wishes = normalizer.wishes();
        assert_eq!((wishes.patient, wishes.stdin), (true, StdinWish::Hold));
        assert_eq!(normalizer.message("m-1", "hurry"), Some(Vec::new()), "the plan comes first");
        let mut dead = runtime(RuntimeKind::Codex).restore(&normalizer.state()).unwrap();
        assert!(matches!(dead.end(&exit_code(0)).outcome, RunOutcome::Failed { .. }), "a plan is no result");
        let answered = normalizer.answer(&asked.request_id.clone(), &answer).unwrap();
        let next = json(&answered.frame.unwrap());
        assert_eq!((next["method"].as_str(), next["params"]["collaborationMode"]["mode"].as_str()), (Some("turn/start"), Some(mode)));
        assert!(matches!(&answered.closed[0], OutputBody::QuestionClosed { answer, .. } if answer == words));
        for line in &lines[end + 1..] {
            drop(normalizer.line(line));
        }
        if mode == "default" {
            assert_eq!(normalizer.end(&exit_code(0)).outcome, RunOutcome::Succeeded { summary: "Dug.".to_owned() });
        }
    }
}
