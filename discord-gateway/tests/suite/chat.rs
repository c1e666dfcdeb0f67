//! Talking in plain words.

use serde_json::Value;

use crate::fake::{Fault, text};
use crate::world::{ADMIN, APP, MAIN, STRANGER, World};

/// F-195, F-202, F-205, F-207, F-209, F-212, F-214: what is said is answered in order, with what was said before; the sign is gone then; a long answer
/// is a file; strangers are heard by the model and answered by nobody.
#[tokio::test(flavor = "multi_thread")]
async fn words_are_answered() {
    let world = World::start().await;
    world.fake.say(STRANGER, APP, "I was here first");
    world.fake.say(ADMIN, APP, "please list the projects");
    world.fake.say(ADMIN, APP, "and again");
    world.fake.wait("the second answer", |fake| (fake.count(APP, "I heard") == 2).then_some(())).await;
    let answers: Vec<Value> = world.fake.messages(APP).into_iter().filter(|message| text(message).contains("I heard")).collect();
    assert!(answers[0]["message_reference"]["message_id"].as_str() < answers[1]["message_reference"]["message_id"].as_str());
    let signs = |world: &World| world.fake.count(APP, "Thinking") + world.fake.count(APP, "Working") + world.fake.count(APP, "omposing");
    assert_eq!(signs(&world), 0, "{:#?}", world.fake.texts());
    let asked: String = world.fake.thoughts().iter().map(|body| body["messages"].to_string()).collect();
    assert!(asked.contains("[from user3]: I was here first") && asked.contains("list_projects"), "{asked}");
    assert!(world.fake.requests().iter().any(|line| line.contains("/typing")));
    world.fake.say(ADMIN, MAIN, "break it");
    world.fake.wait("the long answer", |fake| fake.find(MAIN, "Full response attached (7,000 chars)")).await;
    assert!(world.fake.files().iter().any(|(_, name, bytes)| name == "response.md" && bytes.len() == 7000));
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-213, chat R9: who asks while the server restarts is answered when it is back, once; the sign says what is waited for, and goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_is_waited_for() {
    let mut world = World::start().await;
    world.fake.say(ADMIN, APP, "are you there");
    world.fake.wait("the answer", |fake| fake.find(APP, "I heard")).await;
    world.kill_server();
    world.fake.say(ADMIN, APP, "tell me in chapters");
    world.fake.wait("the sign", |fake| fake.find(APP, "The server is away")).await;
    world.restart_server().await;
    world.fake.wait("the answer", |fake| fake.find(APP, "Chapter 12.")).await;
    assert_eq!((world.fake.count(APP, "Chapter 1."), world.fake.count(APP, "Chapter 12.")), (1, 1));
    assert_eq!((world.fake.count(APP, "Chapter"), world.fake.count(APP, "The server is away")), (2, 0), "{:#?}", world.fake.texts());
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-203: who asks a model that has to be loaded first is told so; the answer comes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_cold_model_is_told() {
    let mut world = World::with_model("chat_provider: {provider: ollama, model: stub, base_url: '{url}'}\n").await;
    world.start_gateway().await;
    // The answer waits until the notice was seen.
    let held = world.fake.hold("/api/chat");
    world.fake.say(ADMIN, APP, "are you awake");
    world.fake.wait("the notice", |fake| fake.find(APP, "⏳ Loading model, this may take a moment...")).await;
    drop(held);
    world.fake.wait("the answer", |fake| fake.find(APP, "Warm now.")).await;
    assert_eq!(world.fake.count(APP, "Loading model"), 0);
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-204, D-88: without a model the sentence says so, and everything else goes on.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_the_sentence_says_so() {
    let mut world = World::with_model("").await;
    world.start_gateway().await;
    for _ in 0..2 {
        world.fake.say(ADMIN, APP, "hello");
    }
    let sentence = "LLM not configured — I can only respond to slash commands. Set `ANTHROPIC_API_KEY` or run `claude login`.";
    world.fake.wait("both sentences", |fake| (fake.count(APP, sentence) == 2).then_some(())).await;
    let asked = world.fake.slash(ADMIN, APP, "status", &[]);
    assert!(text(&world.fake.answered(asked).await).contains("Status of app"));
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-206, F-213: an error of the model is told, and its sign goes; the project of a channel is meant there only, also after an error.
#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_model_are_told() {
    let world = World::start().await;
    world.fake.fault("/chat/completions", Fault::Status(400), 1);
    world.fake.say(ADMIN, APP, "hello");
    let told = world.fake.wait("the error", |fake| fake.find(APP, "**LLM error:**")).await;
    assert!(text(&told).contains("not in the mood"), "{}", text(&told));
    assert_eq!(world.fake.count(APP, "Thinking"), 0);
    world.fake.say(ADMIN, MAIN, "and here");
    world.fake.wait("the answer", |fake| fake.find(MAIN, "I heard")).await;
    world.fake.say(ADMIN, APP, "and there");
    world.fake.wait("the answer", |fake| fake.find(APP, "I heard")).await;
    let meant: Vec<bool> = world.fake.thoughts().iter().map(|body| body["messages"][0].to_string().contains("`app`")).collect();
    assert_eq!(meant, [false, true], "{:#?}", world.fake.thoughts());
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-208, F-210: when a conversation is long its older part is summarised behind the answer; the next question uses that and waits for none.
#[tokio::test(flavor = "multi_thread")]
async fn long_conversations_are_summarised_in_the_background() {
    let world = World::start().await;
    for number in 0..30 {
        world.fake.say(STRANGER, APP, &format!("remark {number}"));
    }
    world.fake.say(ADMIN, APP, "what do you think");
    world.fake.wait("the answer", |fake| fake.find(APP, "I heard")).await;
    let summaries = |fake: &crate::fake::Fake| fake.thoughts().iter().filter(|body| !body["tools"].is_array()).count();
    world.fake.wait("a summary", |fake| (summaries(fake) > 0).then_some(())).await;
    world.fake.say(ADMIN, APP, "and now");
    world.fake.wait("the next answer", |fake| (fake.count(APP, "I heard") == 2).then_some(())).await;
    let asked = world.fake.thoughts().into_iter().rfind(|body| body["tools"].is_array()).unwrap();
    assert!(asked["messages"].to_string().contains("CONVERSATION SUMMARY"), "{asked:#}");
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-212: the sign has a button that cancels; what was asked is not answered then, and the next question is.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_cancelled() {
    let world = World::start().await;
    let held = world.fake.hold("/chat/completions");
    world.fake.say(ADMIN, APP, "tell me everything");
    let sign = world.fake.wait("the sign", |fake| fake.find(APP, "Thinking")).await;
    let refused = world.fake.click(STRANGER, &sign, "Cancel");
    assert!(text(&world.fake.answered(refused).await).contains("permission"));
    let cancelled = world.fake.click(ADMIN, &sign, "Cancel");
    world.fake.answered(cancelled).await;
    world.fake.wait("the end of it", |fake| fake.find(APP, "🛑 Cancelled.")).await;
    drop(held);
    world.fake.say(ADMIN, APP, "and now");
    world.fake.wait("the next answer", |fake| fake.find(APP, "I heard")).await;
    assert_eq!((world.fake.count(APP, "Thinking"), world.fake.count(APP, "I heard")), (0, 1));
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}
