//! The whole system at work, from a sentence in a channel to the merged work. To watch it:
//! `cargo build --workspace --bins && cargo test -p aq-discord-gateway --test suite -- --nocapture demo`.

use crate::fake::text;
use crate::world::{ADMIN, APP, World};

/// F-243: server, scripted agents, `aqctl` and the gateway run a plan with three steps unattended: somebody asks for it in plain words, a task plans
/// it, its steps are worked off one after the other, and each is landed.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_runs_unattended() {
    let world = World::start().await;
    world.aqctl(&["agent", "create", "Lyra", "--runtime", "scripted"]);
    world.fake.say(ADMIN, APP, "Please plan and build the greeting.");
    world.fake.wait("the answer", |fake| fake.find(APP, "I made a task")).await;
    let titles = ["Plan the greeting", "Write the words", "Choose the language", "Say it aloud"];
    for title in titles {
        let over = |fake: &crate::fake::Fake| {
            fake.messages(APP).into_iter().find(|message| text(message).contains("Task Completed") && text(message).contains(title))
        };
        world.fake.wait(&format!("`{title}` to be told"), over).await;
    }
    for message in world.fake.messages(APP) {
        println!("{}\n", text(&message));
    }
    println!("{}", world.aqctl(&["task", "list", "--project", "app", "--finished"]));
    // The card of the one who planned shows the steps; no plan reached the default branch, each step did, in order.
    world.fake.wait("the steps", |fake| fake.find(APP, "🟢 Plan the greeting").filter(|card| text(card).contains("3 of 3 steps"))).await;
    let commits = world.commits("App");
    println!("{commits:#?}");
    assert_eq!(commits.len(), 4, "{commits:?}");
    let order = |title: &str| commits.iter().position(|commit| commit.contains(title)).unwrap_or_else(|| panic!("{title}: {commits:?}"));
    assert!(order(titles[1]) > order(titles[2]) && order(titles[2]) > order(titles[3]));
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}
