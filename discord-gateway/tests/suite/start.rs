//! Starting: what is refused with a sentence, what is registered, what is found.

use crate::fake::{call, text};
use crate::world::{ADMIN, APP, MAIN, World};

fn ends_with(world: &World) -> String {
    let output = world.command().output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// F-187, F-189, D-101: a wrong token, a missing intent and an empty list end the program with a sentence.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_at_the_start_is_said() {
    let world = World::without_gateway().await;
    world.fake.refuse_intents();
    assert!(ends_with(&world).contains("Message Content Intent"));
    let path = world.path("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("C_ikow", "C_ikox")).unwrap();
    assert!(ends_with(&world).contains("does not accept the bot token"));
    std::fs::write(&path, text.replace("users: [1]", "users: []").replace("users: [2]", "users: []")).unwrap();
    assert!(ends_with(&world).contains("nobody may speak to the bot"));
    std::fs::write(&path, text.replace("guild_id: 1000", "guild_id: 1001")).unwrap();
    assert!(ends_with(&world).contains("not in the guild"));
}

/// F-188, F-190, F-192: the commands are registered once; channels are found; a dead channel is cleared; another client's change counts at once.
#[tokio::test(flavor = "multi_thread")]
async fn channels_are_found_and_follow_changes() {
    let mut world = World::start().await;
    let failing = "fail no reason";
    world.task_with("first", failing, |task| task.max_retries = Some(0)).await;
    world.fake.wait("the notice", |fake| fake.find(APP, "Task Blocked")).await;
    let registered = |world: &World| world.fake.requests().iter().filter(|line| line.starts_with("PUT /applications")).count();
    assert_eq!(registered(&world), 1);
    // The channel dies behind the bot's back: notices go to the main one, and the server forgets it.
    world.fake.delete_channel(APP);
    world.task_with("second", failing, |task| task.max_retries = Some(0)).await;
    world.fake.wait("the notice in the main channel", |fake| fake.find(MAIN, "[app]")).await;
    world.kill_gateway();
    world.start_gateway().await;
    let project =
        world.admin.projects().get_project(aq_proto::v1::GetProjectRequest { project_id: "app".into() }).await.unwrap().into_inner();
    assert_eq!(project.discord_channel_id, "");
    assert_eq!(registered(&world), 1);
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// Routing R10: an event that the library dies of costs that event and no more. The gateway is the same process all the time.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_kills_the_library_is_survived() {
    let world = World::start().await;
    world.fake.say_what_kills(MAIN);
    world.fake.wait("a new session", |fake| (fake.sessions() == 2).then_some(())).await;
    world.fake.say(ADMIN, MAIN, "<@77>");
    world.fake.wait("the greeting", |fake| fake.find(MAIN, "How can I help?")).await;
    // The library sets up by itself what was cut, and nobody gets in its way.
    world.fake.cut();
    world.fake.invalidate();
    world.fake.wait("one more session", |fake| (fake.sessions() == 3).then_some(())).await;
    world.fake.say(ADMIN, APP, "<@77>");
    world.fake.wait("the greeting", |fake| fake.find(APP, "How can I help?")).await;
    assert_eq!((world.fake.sessions(), world.fake.count(MAIN, "How can I help?")), (3, 1));
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-232, F-233, D-106: the set-up asks again until an answer holds, and writes a file of its owner's; the check says what is wrong and what helps.
#[tokio::test(flavor = "multi_thread")]
async fn set_up_and_check() {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Stdio;

    use crate::fake::TOKEN;

    let world = World::without_gateway().await;
    let output = world.command().arg("check").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.matches("ok  ").count() == 8, "{text}");
    let path = world.path("gateway.yaml");
    std::fs::write(&path, "server: {grace: 5s}\n").unwrap();
    let mut setup = world.command();
    setup.args(["setup", "--api-url", &world.fake.url()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = setup.spawn().unwrap();
    let wrong = TOKEN.replace("C_ikow", "C_ikox");
    let answers = format!("nonsense\n{wrong}\n{TOKEN}\n\n12\n\n1000\nme\n1\nnowhere\n#agent-queue\n");
    child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    for said in [
        "does not have the form",
        "does not accept the token",
        "Hello, `queue`",
        "not in that one",
        "`Lab` it is",
        "long number",
        "no #nowhere",
        "Written to",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("grace: 5s") && written.contains("channel: agent-queue"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // A bot that may not read, and a channel that is not there.
    world.configure("  channels: {channel: elsewhere}\n");
    world.fake.refuse_intents();
    let output = world.command().arg("check").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && text.contains("Message Content Intent") && text.contains("#elsewhere is not there"), "{text}");
}

/// Routing R5: when the main channel is deleted, the next one of its name takes its place at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_main_channel_takes_the_place_of_the_old_one() {
    let world = World::start().await;
    world.project("Web", "").await;
    let main = async |wanted: &str| {
        for _ in 0..500 {
            let asked = world.fake.slash(ADMIN, APP, "channel map", &[]);
            if text(&world.fake.answered(asked).await).contains(wanted) {
                return;
            }
        }
        panic!("{wanted} is not told");
    };
    world.fake.delete_channel(MAIN);
    main("Main channel: does not exist").await;
    world.fake.make_channel("elsewhere");
    let id = world.fake.make_channel("Agent-Queue");
    main(&format!("Main channel: <#{id}>")).await;
    world.task_with("Back", "done Over.", |task| task.project_id = "web".into()).await;
    world.fake.wait("the notice", |fake| fake.find(id, "Task Completed: Back")).await;
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-228: the fake refuses what Discord refuses: each rule has a client that breaks it.
#[tokio::test(flavor = "multi_thread")]
async fn the_fake_is_strict() {
    use serde_json::json;

    use crate::fake::{Fake, TOKEN};

    let fake = Fake::start().await;
    let off = json!({ "parse": [] });
    let post = "/channels/100/messages";
    assert_eq!(call(&fake, "GET", "/users/@me", "wrong", None).await.0, 401);
    assert_eq!(call(&fake, "GET", "/channels/9/messages", TOKEN, None).await.1["code"], 10_003);
    assert_eq!(
        call(&fake, "PATCH", "/channels/100/messages/9", TOKEN, Some(json!({ "content": "x", "allowed_mentions": off }))).await.1["code"],
        10_008
    );
    for body in [
        json!({ "content": "" }),
        json!({ "content": "x".repeat(2001) }),
        json!({ "embeds": [{ "title": "x".repeat(257) }] }),
        json!({ "embeds": [{ "description": "x".repeat(4000) }, { "description": "x".repeat(2001) }] }),
        json!({ "content": "x", "nonce": "x".repeat(26) }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [] }] }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [{ "type": 2, "style": 1, "label": "a", "custom_id": "" }] }] }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [{ "type": 3, "custom_id": "s", "options": [] }] }] }),
    ] {
        let fake = Fake::start().await;
        assert_eq!(call(&fake, "POST", post, TOKEN, Some(body.clone())).await.0, 400, "{body}");
        assert!(!fake.violations().is_empty());
    }
    call(&fake, "POST", post, TOKEN, Some(json!({ "content": "```", "allowed_mentions": { "parse": ["everyone"] } }))).await;
    assert_eq!(fake.violations(), ["mentions are not off", "a code block is not closed"]);
    let mut refused = 0;
    for _ in 0..7 {
        refused += usize::from(call(&fake, "POST", post, TOKEN, Some(json!({ "content": "x", "allowed_mentions": off }))).await.0 == 429);
    }
    assert!(refused > 0 && fake.violations().iter().any(|line| line.starts_with("429")));
    assert_eq!(call(&fake, "POST", "/interactions/1/t/callback", "", Some(json!({ "type": 5 }))).await.1["code"], 10_062);
    let asked = fake.slash(1, 100, "status", &[]);
    let answer = |kind: u64| json!({ "type": kind, "data": {} });
    let path = format!("/interactions/{asked}/token-{asked}/callback");
    assert_eq!(call(&fake, "POST", &path, "", Some(answer(5))).await.0, 204);
    assert_eq!(call(&fake, "POST", &path, "", Some(answer(5))).await.1["code"], 40_060);
}
