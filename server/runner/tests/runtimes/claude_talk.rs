//! Claude R6, R7, R11: questions, answers, messages.

use aq_core::output::{OutputBody, Question, QuestionKind};
use aq_core::runner_link::Answer;
use aq_runner::runtimes::StdinWish;
use serde_json::json as value;

use crate::bench::{after, exit_code, json, play, raw, recording};
use aq_runner::spool::RawKind;

fn questions(items: &[OutputBody]) -> Vec<&Question> {
    items.iter().filter_map(|item| if let OutputBody::Question(question) = item { Some(question) } else { None }).collect()
}

fn text(text: &str) -> Answer {
    Answer::Text(text.to_owned())
}

/// R6: a label, its number, or free text; the answer travels with the questions. An unanswered question is closed by the tool's result.
#[test]
fn one_question() {
    for (given, expected) in [("postgres", "postgres"), ("POSTGRES", "postgres"), ("2", "postgres"), ("duckdb", "duckdb"), ("7", "7")] {
        let (mut normalizer, items) = {
            let mut normalizer = crate::bench::fresh(aq_core::runtime::RuntimeKind::Claude);
            let items: Vec<_> = recording("question")[..4].iter().flat_map(|line| normalizer.line(line).items).collect();
            (normalizer, items)
        };
        let asked = questions(&items);
        assert_eq!((asked[0].kind, asked[0].text.as_str()), (QuestionKind::Question, "Which database?"));
        assert_eq!(asked[0].options[0].description, "one file");
        assert_eq!(asked[0].options[1].description, "");
        assert!(normalizer.wishes().patient);
        assert_eq!(normalizer.answer("r2", &text("x")), None);
        let answered = normalizer.answer("r1", &text(given)).unwrap();
        let sent = json(&answered.frame.unwrap());
        assert_eq!(sent["response"]["request_id"], "r1");
        assert_eq!(sent["response"]["response"]["behavior"], "allow");
        assert_eq!(sent["response"]["response"]["updatedInput"]["answers"], value!({"Which database?": expected}));
        assert_eq!(answered.closed, [OutputBody::QuestionClosed { request_id: "r1".to_owned(), answer: expected.to_owned() }]);
        assert!(!normalizer.wishes().patient);
        assert_eq!(normalizer.answer("r1", &text("again")), None);
    }
    let played = play(&recording("question"), &exit_code(0));
    let closed = OutputBody::QuestionClosed { request_id: "r1".to_owned(), answer: "answered".to_owned() };
    assert_eq!(played.items.iter().filter(|item| **item == closed).count(), 1);
}

/// R6: several questions in one request are answered one by one and sent together.
#[test]
fn several_questions() {
    let (mut normalizer, items) = after("two_questions");
    assert_eq!(questions(&items).iter().map(|question| question.request_id.as_str()).collect::<Vec<_>>(), ["r1.1", "r1.2"]);
    let first = normalizer.answer("r1.2", &text("8080")).unwrap();
    assert_eq!((first.frame, first.closed.len()), (None, 1));
    assert_eq!(normalizer.answer("r1.2", &text("9090")), None);
    let second = normalizer.answer("r1.1", &Answer::Allow).unwrap();
    let answers = &json(&second.frame.unwrap())["response"]["response"]["updatedInput"]["answers"];
    assert_eq!(*answers, value!({"Which database?": "sqlite", "Which port?": "8080"}));
}

/// R6: the plan comes from the call when the request has none, and goes back with the yes.
#[test]
fn plans() {
    let (mut normalizer, items) = after("plan");
    let asked = questions(&items);
    assert_eq!((asked[0].kind, asked[0].detail.as_str()), (QuestionKind::PlanApproval, "# Plan\n1. dig"));
    let sent = json(&normalizer.answer("r1", &Answer::Allow).unwrap().frame.unwrap());
    assert_eq!(sent["response"]["response"]["updatedInput"]["plan"], "# Plan\n1. dig");
}

/// R6: permissions: yes in any form, no with its reason; withdrawn when the CLI or the run says so.
#[test]
fn permissions() {
    for (answer, behaviour, message) in [
        (Answer::Allow, "allow", None),
        (text("Yes"), "allow", None),
        (text("rather not"), "deny", Some("rather not")),
        (Answer::Deny { message: "too risky".to_owned() }, "deny", Some("too risky")),
    ] {
        let (mut normalizer, items) = after("permission");
        let asked = questions(&items);
        assert_eq!(
            (asked[0].kind, asked[0].tool.as_str(), asked[0].detail.as_str()),
            (QuestionKind::Permission, "Bash", r#"{"command":"rm -rf build"}"#)
        );
        let sent = json(&normalizer.answer("r1", &answer).unwrap().frame.unwrap());
        let response = &sent["response"]["response"];
        assert_eq!((response["behavior"].as_str(), response["message"].as_str()), (Some(behaviour), message));
        if behaviour == "allow" {
            assert_eq!(response["updatedInput"], value!({"command": "rm -rf build"}));
        }
    }
    for name in ["withdrawn", "permission"] {
        let closed =
            play(&recording(name), &exit_code(0)).items.into_iter().filter(|item| matches!(item, OutputBody::QuestionClosed { .. }));
        assert_eq!(closed.count(), 1, "{name}");
    }
}

/// R7, R3: a message that was sent keeps the input open until it is read; its echo is the receipt, the prompt's is none.
#[test]
fn messages() {
    let (mut normalizer, _) = after("died");
    let frame = normalizer.message("m-1", "use tabs").unwrap().remove(0);
    let sent = json(&frame);
    assert_eq!((frame.id.as_str(), sent["message"]["content"].as_str()), ("message-m-1", Some("use tabs")));
    let uuid = sent["uuid"].as_str().unwrap().to_owned();
    assert_eq!(json(&normalizer.message("m-1", "use tabs").unwrap()[0])["uuid"], uuid.as_str());
    let lines = recording("replay");
    let line = |at: usize| raw(RawKind::Stdout, &lines[at].text().replace("UUID", &uuid));
    assert_eq!(normalizer.line(&line(1)).items, []);
    drop(normalizer.line(&line(2)));
    assert_eq!(normalizer.wishes().stdin, StdinWish::CloseAfter { ms: 30_000 });
    assert_eq!(normalizer.line(&line(3)).items, [OutputBody::Delivered { message_id: "m-1".to_owned() }]);
    assert_eq!(normalizer.line(&line(3)).items, []);
    assert_eq!(normalizer.wishes().stdin, StdinWish::Hold);
    drop(normalizer.line(&line(5)));
    assert_eq!(normalizer.wishes().stdin, StdinWish::CloseAfter { ms: 0 });
    assert_eq!(json(&normalizer.interrupt().unwrap())["request"]["subtype"], "interrupt");
}
