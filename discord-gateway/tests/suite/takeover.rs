//! What the original left behind, and threads about notes: taken over once, and written in.

use aq_proto::v1 as pb;
use serde_json::{Value, json};

use crate::fake::text;
use crate::world::{ADMIN, APP, MAIN, World};

/// F-225, notes R8: a file that is not what the original wrote ends the start with the entry; a good one is taken over once: the table that is
/// there gets our buttons, a thread without one gets one, what is gone is left out; the file is not looked at again.
#[tokio::test(flavor = "multi_thread")]
async fn notes_threads_of_the_original_are_taken_over() {
    let mut world = World::without_gateway().await;
    let (first, second) = (world.fake.open_thread(APP, "Notes: App"), world.fake.open_thread(APP, "Notes: App too"));
    let table = world.fake.put(APP, "Notes of before");
    let file = world.path("notes_threads.json");
    let write = |threads: Value| {
        let whole = json!({ "threads": threads, "toc_messages": { first.to_string(): table, second.to_string(): "4711", "9": 8 } });
        std::fs::write(&file, whole.to_string()).unwrap();
    };
    write(json!({ first.to_string(): "app", second.to_string(): 5 }));
    let output = world.command().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(&format!("threads.{second}: must be the name of a project")), "{said}");
    assert!(text(&world.fake.find(APP, "Notes of before").unwrap()).contains("of before"), "nothing is half taken over");
    write(json!({ first.to_string(): "app", second.to_string(): "app", "4712": "app", "4713": "gone" }));
    world.start_gateway().await;
    let adopted = world.fake.wait("the table", |fake| fake.find(APP, "Notes of app")).await;
    assert_eq!(adopted["id"], table.to_string());
    let made = world.fake.wait("the second table", |fake| fake.find(second, "Notes of app")).await;
    assert!(made["components"].to_string().contains("Close Thread"));
    let request =
        pb::WriteNoteRequest { project_id: "app".into(), title: "Plan".into(), content: "# Plan\nShip it.".into(), ..Default::default() };
    world.admin.notes().write_note(request).await.unwrap();
    let fresh = world.fake.wait("the fresh table", |fake| fake.find(APP, "**1.** Plan")).await;
    world.fake.wait("the fresh second table", |fake| fake.find(second, "**1.** Plan")).await;
    world.fake.click(ADMIN, &fresh, "1. Plan");
    world.fake.wait("the note", |fake| fake.find(first, "Ship it.")).await;
    // Once is enough: what stands in the file now is not looked at.
    std::fs::write(&file, "nonsense").unwrap();
    world.kill_gateway();
    world.start_gateway().await;
    assert_eq!(world.fake.count(second, "Notes of app"), 1);
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-195, F-205: what is written in a notes thread is answered in notes mode, without our name; elsewhere the note about notes is missing. F-193,
/// D-104: with the project its threads are forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_notes_thread_takes_thoughts() {
    let mut world = World::start().await;
    let opened = world.fake.slash(ADMIN, APP, "notes", &[]);
    assert!(text(&world.fake.answered(opened).await).contains("are open in <#"));
    let (thread, _) = world.fake.threads().into_iter().next().unwrap();
    world.kill_gateway();
    world.start_gateway().await;
    world.fake.say(ADMIN, thread, "the landing page should be blue");
    world.fake.wait("the answer", |fake| fake.find(thread, "I heard")).await;
    world.fake.say(ADMIN, MAIN, "and elsewhere");
    world.fake.wait("the other answer", |fake| fake.find(MAIN, "I heard")).await;
    let thoughts = world.fake.thoughts();
    let asked = |what: &str| thoughts.iter().map(|body| body["messages"].to_string()).find(|asked| asked.contains(what)).unwrap();
    let noted = asked("should be blue");
    assert!(["NOTES MODE", "(1)", "(2)", "(3)", "(4)", "(5)", "`app`"].iter().all(|part| noted.contains(part)), "{noted}");
    assert!(!asked("and elsewhere").contains("NOTES MODE"));
    let asked = world.fake.slash(ADMIN, APP, "project delete", &[("project", json!("app"))]);
    let mut sure = world.fake.answered(asked).await;
    (sure["id"], sure["channel_id"]) = (json!("999998"), json!(APP.to_string()));
    let deleted = world.fake.click(ADMIN, &sure, "Yes, delete it");
    world.fake.answered(deleted).await;
    let request = pb::ListRecordsRequest {
        consumer: "discord-gateway".into(),
        key_prefix: "notes:".into(),
        page_size: 10,
        page_token: String::new(),
    };
    let forgotten = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while !world.admin.events().list_records(request.clone()).await.unwrap().into_inner().records.is_empty() {}
    });
    forgotten.await.expect("the notes thread is forgotten with its project");
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-220: `/set-project` says which project a channel belongs to, and takes it away again.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_gets_its_project() {
    let world = World::start().await;
    world.project("Site", "").await;
    for (channel, options, expected) in [
        (MAIN, vec![("project", json!("site"))], "main channel"),
        (APP, vec![("project", json!("nowhere"))], "That did not work"),
        (APP, vec![("project", json!("site"))], "belongs to `site` now"),
        (APP, vec![], "no longer belongs to `site`"),
        (APP, vec![], "belongs to no project"),
    ] {
        let asked = world.fake.slash(ADMIN, channel, "set-project", &options);
        let answer = text(&world.fake.answered(asked).await);
        assert!(answer.contains(expected), "{options:?}: {answer}");
    }
    let project = world.admin.projects().get_project(pb::GetProjectRequest { project_id: "site".into() }).await.unwrap().into_inner();
    assert_eq!(project.discord_channel_id, "");
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}
