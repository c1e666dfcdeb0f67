//! Talking in plain words.

use serde_json::Value;

use crate::fake::text;
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
