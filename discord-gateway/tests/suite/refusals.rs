//! What is refused, by the server or by Discord: whoever it concerns reads why.

use serde_json::Value;

use crate::fake::{Fault, text};
use crate::world::{ADMIN, APP, MAIN, World};

/// Events R9: what Discord does not let us write in the project's channel is read in the main one, with the reason and what helps.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_channel_is_told_in_the_main_one() {
    let world = World::start().await;
    world.fake.fault("POST /channels/101/messages", Fault::Status(403), 1000);
    world.task_with("Breaks", "fail no reason", |task| task.max_retries = Some(0)).await;
    let told = text(&world.fake.wait("the notice", |fake| fake.find(MAIN, "Task Blocked")).await);
    assert!(told.contains("[app]") && told.contains("does not let the bot write in <#101>") && told.contains("/channel set"), "{told}");
    world.task("Asks", "ask Which way? | Left | Right\ndone {answer}").await;
    let asked = world.fake.wait("the question", |fake| fake.find(MAIN, "Which way?")).await;
    let clicked = world.fake.click(ADMIN, &asked, "Left");
    assert_eq!(text(&world.fake.answered(clicked).await), "💬 Answered: Left");
    world.fake.wait("the closed question", |fake| fake.find(MAIN, "answered by <@1>")).await;
    world.fake.mend();
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// Actions R9: a button that cannot do its work says why to whoever pressed it; what others see stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_button_says_why() {
    let world = World::start().await;
    let opened = world.fake.slash(ADMIN, APP, "notes", &[]);
    world.fake.answered(opened).await;
    let table = world.fake.find(APP, "Notes of app").unwrap();
    world.fake.click(ADMIN, &table, "Close Thread");
    world.fake.wait("the closed thread", |fake| (fake.count(APP, "Notes of app") == 0).then_some(())).await;
    let again = world.fake.click(ADMIN, &table, "Refresh");
    let said: Value = world.fake.answered(again).await;
    assert!(text(&said).contains("This notes thread was closed; `/notes` opens a new one"), "{said}");
    assert_eq!(said["flags"], 64);
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}
