//! Questions and messages while the agent works.

use aq_core::output::{OutputBody, QuestionKind};
use aq_core::runner_link::{Answer, RunOutcome, RunnerLink, RunnerOrder};

use crate::world::{World, begin, run};

/// Scripted R5: a question waits, an answer reaches the agent, the question is closed once; answers to nothing are dropped.
#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(
        &service,
        world.start("ask Which database? | sqlite | postgres\nsay took {answer}\npermission Bash rm -rf build\nsay then {answer}"),
    );
    let question = |kind: QuestionKind| {
        move |body: &OutputBody| match body {
            OutputBody::Question(question) if question.kind == kind => Some(question.clone()),
            _ => None,
        }
    };
    let first = memory.item(question(QuestionKind::Question)).await;
    assert_eq!(first.options.iter().map(|option| option.label.as_str()).collect::<Vec<_>>(), ["sqlite", "postgres"]);
    let answer = |request_id: &str, answer| RunnerOrder::Answer { run: run(), request_id: request_id.to_owned(), answer };
    service.order(answer("nobody-asked", Answer::Allow));
    service.order(answer(&first.request_id, Answer::Text("postgres".to_owned())));
    memory.said("took postgres").await;
    let second = memory.item(question(QuestionKind::Permission)).await;
    assert_eq!((second.tool.as_str(), second.detail.as_str()), ("Bash", "rm -rf build"));
    service.order(answer(&second.request_id, Answer::Deny { message: "too risky".to_owned() }));
    let (outcome, _) = memory.finished().await;
    assert_eq!(outcome, RunOutcome::Succeeded { summary: "then too risky".to_owned() });
    let closed = memory.items().iter().filter(|item| matches!(item.body, OutputBody::QuestionClosed { .. })).count();
    assert_eq!(closed, 2);
    service.shutdown().await;
}

/// Scripted R5: a message reaches the working agent once, however often it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_delivered_once() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("say here\nwait-file gate\ndone ok"));
    memory.said("here").await;
    for _ in 0..3 {
        service.order(RunnerOrder::Message { run: run(), message_id: "m-1".to_owned(), text: "use tabs".to_owned() });
    }
    memory.said("You told me: use tabs").await;
    world.open_gate();
    memory.finished().await;
    let delivered = memory.items().iter().filter(|item| item.body == OutputBody::Delivered { message_id: "m-1".to_owned() }).count();
    assert_eq!(delivered, 1);
    service.shutdown().await;
}
