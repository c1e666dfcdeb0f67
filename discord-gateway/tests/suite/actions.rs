//! What people do: clicks, forms, commands, words in a thread; and what those may not do who have no right.

use aq_proto::v1 as pb;
use serde_json::{Value, json};

use crate::fake::text;
use crate::world::{ADMIN, APP, MAIN, STRANGER, VIEWER, World};

/// F-218, F-189, D-101, D-102: a permission is asked with buttons; strangers and viewers are refused; the answer reaches the agent, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_by_a_click() {
    let mut world = World::start().await;
    let task = world
        .task(
            "Ask",
            "permission Bash rm -rf build\nsay It was allowed.\nask Which way? | Left | Right\nsay I go {answer}.\ndone Went {answer}.",
        )
        .await;
    let asked = world.fake.wait("the question", |fake| fake.find(APP, "Permission wanted")).await;
    assert!(text(&asked).contains("If nobody answers"), "{}", text(&asked));
    for who in [STRANGER, VIEWER] {
        let refused = world.fake.click(who, &asked, "Allow once");
        assert!(text(&world.fake.answered(refused).await).contains("permission"));
        assert!(world.fake.whispered(refused));
    }
    // Ids that nobody wrote do nothing.
    for id in ["aq1:allow:a:b:c", "aq1:allow:../x:y", "aq9:allow:a:b", "x"] {
        let refused = world.fake.press(ADMIN, &asked, id);
        assert!(text(&world.fake.answered(refused).await).contains("That did not work"));
    }
    // Buttons outlive the gateway.
    world.kill_gateway();
    world.start_gateway().await;
    let allowed = world.fake.click(ADMIN, &asked, "Allow once");
    assert_eq!(text(&world.fake.answered(allowed).await), "✅ Allowed.");
    let closed = world.fake.wait("the closed question", |fake| fake.find(APP, "answered by <@1>")).await;
    assert!(text(&closed).contains("Allowed.") && !text(&closed).contains('⚠'), "{}", text(&closed));
    let choice = world.fake.wait("the second question", |fake| fake.find(APP, "Which way?")).await;
    let again = world.fake.press(ADMIN, &choice, asked["components"][0]["components"][0]["custom_id"].as_str().unwrap());
    assert!(text(&world.fake.answered(again).await).contains("no longer waits"));
    let clicked = world.fake.click(ADMIN, &choice, "Right");
    assert_eq!(text(&world.fake.answered(clicked).await), "💬 Answered: Right");
    world.fake.wait("the end", |fake| fake.find(APP, "Task Completed")).await;
    assert_eq!(world.status(&task).await, pb::TaskStatus::Completed);
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-218, D-100: a form takes a reply; words in the thread answer too, reach a working agent with a mark, and reopen what is over.
#[tokio::test(flavor = "multi_thread")]
async fn words_reach_the_agent() {
    let world = World::start().await;
    let gate = world.path("go");
    let script =
        format!("ask What now?\nsay Heard {{answer}}.\nask And then?\nsay Then {{answer}}.\nwait-file {}\ndone Over.", gate.display());
    let task = world.task("Talk", &script).await;
    let asked = world.fake.wait("the question", |fake| fake.find(APP, "What now?")).await;
    let opened = world.fake.click(ADMIN, &asked, "Reply");
    let form = world.fake.answered(opened).await;
    let sent = world.fake.send(ADMIN, APP, &form, "left");
    assert!(text(&world.fake.answered(sent).await).contains("Reply sent for task"));
    let (thread, _) = world.fake.threads().into_iter().next().unwrap();
    world.fake.wait("the answer", |fake| fake.find(thread, "Heard left.")).await;
    world.fake.wait("the second question", |fake| fake.find(APP, "And then?")).await;
    // Who may only look is told so; a stranger hears nothing.
    let silent = world.fake.say(STRANGER, thread, "do not listen");
    let looked = world.fake.say(VIEWER, thread, "nor this");
    world.fake.wait("the lock", |fake| fake.reactions(looked).contains(&"🔒".to_owned()).then_some(())).await;
    let answered = world.fake.say(ADMIN, thread, "right");
    world.fake.wait("the mark", |fake| fake.reactions(answered).contains(&"✅".to_owned()).then_some(())).await;
    world.fake.wait("the second answer", |fake| fake.find(thread, "Then right.")).await;
    let told = world.fake.say(ADMIN, thread, "hurry up");
    world.fake.wait("the delivered mark", |fake| (fake.reactions(told) == ["✅"]).then_some(())).await;
    std::fs::write(&gate, "").unwrap();
    world.fake.wait("the end", |fake| fake.find(APP, "Task Completed")).await;
    let back = world.fake.say(ADMIN, thread, "once more, please");
    world.fake.wait("the reopened mark", |fake| fake.reactions(back).contains(&"🔄".to_owned()).then_some(())).await;
    world.fake.wait("the second run", |fake| fake.threads().into_iter().find(|(_, name)| name.contains("run 2"))).await;
    assert!(world.fake.reactions(silent).is_empty());
    assert_eq!(world.fake.violations(), Vec::<String>::new());
    assert!(!task.is_empty());
}

/// F-218: the buttons of a failure, a stop that asks first, an approval; each is used up by its use.
#[tokio::test(flavor = "multi_thread")]
async fn buttons_do_what_they_say() {
    let world = World::start().await;
    world.task_with("Breaks", "fail invalid_request: the key is wrong", |task| task.max_retries = Some(0)).await;
    let blocked = world.fake.wait("the notice", |fake| fake.find(APP, "Task Blocked")).await;
    let shown = world.fake.click(VIEWER, &blocked, "View error");
    assert!(text(&world.fake.answered(shown).await).contains("the key is wrong"));
    let skipped = world.fake.click(ADMIN, &blocked, "Skip");
    assert!(text(&world.fake.answered(skipped).await).contains("counts as done"));
    world
        .fake
        .wait("the used buttons", |fake| {
            fake.find(APP, "Decided").filter(|found| found["components"].to_string().contains("\"disabled\":true"))
        })
        .await;
    // What it was about can still be read.
    let used = world.fake.find(APP, "Decided").unwrap();
    let shown = world.fake.click(VIEWER, &used, "View error");
    assert!(text(&world.fake.answered(shown).await).contains("the key is wrong"));
    let stopping = world.task("Hangs", "say Waiting.\nwait-file /nonexistent/file").await;
    let card = world.fake.wait("the card", |fake| fake.find(APP, &stopping)).await;
    let ask = world.fake.click(ADMIN, &card, "Stop");
    let sure = world.fake.answered(ask).await;
    let mut sure = sure.clone();
    (sure["id"], sure["channel_id"]) = (json!("999999"), json!(APP.to_string()));
    let stop = world.fake.click(ADMIN, &sure, "Yes, stop it");
    assert!(text(&world.fake.answered(stop).await).contains("is being stopped"));
    world.fake.wait("the stopped task", |fake| fake.find(APP, "Task Stopped")).await;
    let wanted = world.task_with("Careful", "write a.txt a\ncommit a\ndone Look at it.", |task| task.requires_approval = true).await;
    let approval = world.fake.wait("the approval", |fake| fake.find(APP, "Approval wanted")).await;
    let changes = world.fake.click(VIEWER, &approval, "Changes");
    assert!(text(&world.fake.answered(changes).await).contains("a.txt"));
    let rejected = world.fake.click(ADMIN, &approval, "Reject");
    let form = world.fake.answered(rejected).await;
    let sent = world.fake.send(ADMIN, APP, &form, "not like this");
    assert!(text(&world.fake.answered(sent).await).contains("is rejected"));
    assert_eq!(world.status(&wanted).await, pb::TaskStatus::Blocked);
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-220, F-223, F-189, D-92, D-118: commands find their project by the channel, offer choices, refuse who has no right, and tell errors to the asker only.
#[tokio::test(flavor = "multi_thread")]
async fn commands_work() {
    let world = World::start().await;
    let added = world.fake.slash(ADMIN, APP, "task add", &[("description", json!("Write the readme\nwith all of it"))]);
    let answer = text(&world.fake.answered(added).await);
    assert!(answer.contains("Task added: Write the readme with all of it"), "{answer}");
    let nowhere = world.fake.slash(ADMIN, MAIN, "task add", &[("description", json!("x"))]);
    assert!(text(&world.fake.answered(nowhere).await).contains("ould not determine project"));
    let refused = world.fake.slash(VIEWER, APP, "task add", &[("description", json!("x"))]);
    assert!(text(&world.fake.answered(refused).await).contains("You don't have permission to use this command."));
    assert!(world.fake.whispered(refused));
    let stranger = world.fake.slash(STRANGER, APP, "status", &[]);
    assert!(text(&world.fake.answered(stranger).await).contains("permission"));
    let task = world.fake.wait("the end", |fake| fake.find(APP, "Task Completed")).await;
    let id = text(&task).lines().find_map(|line| line.strip_prefix("Task ID: `")).unwrap().trim_end_matches('`').to_owned();
    let offered = world.fake.complete(ADMIN, MAIN, "task show", "task", "readme");
    assert_eq!(world.fake.answered(offered).await["choices"][0]["value"], id);
    let listed = world.fake.slash(ADMIN, APP, "tasks", &[("show_completed", json!(true))]);
    let list = world.fake.answered(listed).await;
    let chosen = world.fake.choose(VIEWER, &list, &id);
    assert!(text(&world.fake.answered(chosen).await).contains("Write the readme"));
    let toggled = world.fake.click(VIEWER, &list, "Completed (1)");
    assert!(text(&world.fake.answered(toggled).await).contains("The 1 task is completed"));
    for (words, options, expected) in [
        ("status", vec![], "Status of app"),
        ("task show", vec![("task", json!(id))], "Write the readme"),
        ("task result", vec![("task", json!(id))], "Result of"),
        ("task deps", vec![("task", json!(id))], "Dependencies of"),
        ("task diff", vec![("task", json!(id))], "Changes of"),
        ("explain", vec![("task", json!(id))], "COMPLETED"),
        ("tasks", vec![("show_completed", json!(true))], "Completed (1)"),
        ("tasks", vec![("view", json!("tree"))], "Tree View"),
        ("active-tasks", vec![], "Active tasks"),
        ("projects", vec![], "App (app)"),
        ("agents", vec![], "Vega"),
        ("workspaces", vec![], "Workspaces of app"),
        ("limits", vec![], "Usage limits"),
        ("budget", vec![], "Budgets"),
        ("usage", vec![], "Model tokens"),
        ("usage", vec![("by", json!("day"))], "Model tokens"),
        ("usage", vec![("by", json!("agent")), ("over", json!("day"))], "the last 24 hours"),
        ("board", vec![], "Board · app"),
        ("forecast", vec![], "Forecast"),
        ("events", vec![("limit", json!(5))], "A "),
        ("questions", vec![], "No question waits"),
        ("chain-health", vec![], "Chain health"),
        ("help", vec![], "/task add"),
        ("archive list", vec![], "Archive"),
        ("archive settings", vec![], "Archive settings"),
        ("channel map", vec![], "<#101>"),
        ("project show", vec![], "Repository"),
        ("git status", vec![], "Repository of app"),
        ("git branches", vec![], "main"),
        ("git log", vec![("count", json!(3))], "Commits of app"),
        ("git conflicts", vec![], "Landing"),
        ("plan list", vec![], "Plans"),
        ("note write", vec![("title", json!("Release plan")), ("content", json!("Ship it."))], "is written"),
        ("note append", vec![("title", json!("release-plan")), ("content", json!("Then rest."))], "has more now"),
        ("note show", vec![("note", json!("release-plan"))], "Then rest."),
        ("note list", vec![], "release-plan"),
        ("note delete", vec![("note", json!("release-plan"))], "is deleted"),
        ("task messages", vec![("task", json!(id))], "Messages to"),
        ("task show", vec![("task", json!("no-such-task"))], "That did not work"),
        ("orchestrator", vec![("action", json!("pause"))], "Everything is paused"),
        ("orchestrator", vec![("action", json!("resume"))], "Work goes on"),
        ("project pause", vec![], "is paused"),
        ("project resume", vec![], "works again"),
        ("task edit", vec![("task", json!(id)), ("title", json!("New title"))], "changed: title"),
        ("archive add", vec![("task", json!(id))], "Archived 1 task"),
        ("archive restore", vec![("task", json!(id))], "is back"),
        ("agent create", vec![("name", json!("Lyra")), ("agent_type", json!("scripted"))], "lyra"),
        ("agent pause", vec![("agent", json!("lyra"))], "takes nothing new"),
        ("agent delete", vec![("agent", json!("lyra"))], "is deleted"),
        ("git branch", vec![("branch", json!("topic"))], "topic"),
        ("hook list", vec![], "No hooks yet"),
    ] {
        let asked = world.fake.slash(ADMIN, APP, words, &options);
        let answer = text(&world.fake.answered(asked).await);
        assert!(answer.contains(expected), "/{words}: {answer}");
    }
    // Actions R9: a refusal is for the asker only, also where everybody would have seen the answer.
    let asked = world.fake.slash(ADMIN, APP, "task show", &[("task", json!("no-such-task"))]);
    let refused = world.fake.answered(asked).await;
    assert!(!world.fake.whispered(asked) && refused["flags"].as_u64() == Some(64), "{refused:#}");
    // Charts R7: pictures stand in the answer's box, with words for who does not see them.
    for (words, said) in [("usage", "Model tokens · everything"), ("limits", "Limits and shares"), ("board", "Queue · everything")] {
        let asked = world.fake.slash(VIEWER, MAIN, words, &[]);
        let shown = world.fake.answered(asked).await;
        assert_eq!(shown["embeds"][0]["image"]["url"], format!("attachment://{words}.png"));
        let told = shown["attachments"][0]["description"].as_str().unwrap();
        assert!(told.contains(said), "{told}");
    }
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-220: hooks are made, listed, changed, fired and deleted; what is wrong names the option.
#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_worked_with() {
    let world = World::start().await;
    let value = |name: &'static str, text: &str| (name, json!(text));
    let answer = async |words: &str, options: &[(&str, Value)]| {
        let asked = world.fake.slash(ADMIN, APP, words, options);
        text(&world.fake.answered(asked).await)
    };
    let new = |kind: &str, given: &str| {
        [
            value("name", "Sweep"),
            value("trigger_type", kind),
            value("trigger_value", given),
            value("prompt", "Sweep the yard."),
            value("does", "task"),
        ]
    };
    let wrong = answer("hook create", &new("periodic", "soon")).await;
    assert!(wrong.contains("`trigger_value`"), "{wrong}");
    let made = answer("hook create", &new("periodic", "3600")).await;
    assert!(made.contains("Sweep is there") && made.contains("every 1 h"), "{made}");
    let id = made.split('`').nth(1).unwrap().to_owned();
    let offered = world.fake.complete(ADMIN, APP, "hook fire", "hook", "swe");
    assert_eq!(world.fake.answered(offered).await["choices"][0]["value"], id);
    let hook = || value("hook", &id);
    let listed = answer("hook list", &[]).await;
    assert!(listed.contains("🟢 Sweep") && listed.contains("makes a task: Sweep"), "{listed}");
    let changed = answer("hook edit", &[hook(), ("enabled", json!(false)), value("prompt", "Sweep the street.")]).await;
    assert!(changed.contains("changed: enabled, actions"), "{changed}");
    let fired = answer("hook fire", &[hook()]).await;
    assert!(fired.contains("starts now"), "{fired}");
    world.fake.wait("the task of the hook", |fake| fake.find(APP, "Task Completed: Sweep")).await;
    let runs = answer("hook runs", &[hook()]).await;
    assert!(runs.contains("✅"), "{runs}");
    let refused = world.fake.slash(VIEWER, APP, "hook delete", &[hook()]);
    assert!(text(&world.fake.answered(refused).await).contains("permission"));
    assert!(answer("hook delete", &[hook()]).await.contains("Sweep is deleted"));
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// D-60, F-218, F-220: a plan is read and refused by commands, another one is approved by a click, one of finished work is told as put away; git acts on the project's
/// repository.
#[tokio::test(flavor = "multi_thread")]
async fn plans_and_git_are_worked_with() {
    let world = World::start().await;
    world.aqctl(&["project", "edit", "app", "--plan-approval", "approve"]);
    let answer = async |words: &str, options: &[(&str, Value)]| {
        let asked = world.fake.slash(ADMIN, APP, words, options);
        text(&world.fake.answered(asked).await)
    };
    let write = "write .aq/plan.md # Yard\\n\\n## Phase 1: Sweep\\n\\nWith a broom.\\n\\n## Phase 2: Rake\\n\\nWith a rake.\\n";
    world.task("Plan the yard", &format!("{write}\ndone Planned.")).await;
    let told = world.fake.wait("the plan", |fake| fake.find(APP, "Plan: Plan the yard")).await;
    assert!(text(&told).contains("With a broom.") && !text(&told).contains("part of the implementation plan"), "{}", text(&told));
    let offered = world.fake.complete(ADMIN, APP, "plan show", "plan", "yard");
    let plan = world.fake.answered(offered).await["choices"][0]["value"].clone();
    let shown = answer("plan show", &[("plan", plan.clone())]).await;
    assert!(shown.contains("Sweep") && shown.contains("Rake"), "{shown}");
    let refused = answer("plan reject", &[("plan", plan.clone())]).await;
    assert!(!refused.contains("did not work"), "{refused}");
    assert!(answer("plan approve", &[("plan", plan)]).await.contains("did not work"));
    world.task("Plan it again", &format!("{write}\ndone Planned.")).await;
    let again = world.fake.wait("the second plan", |fake| fake.find(APP, "Plan: Plan it again")).await;
    let approved = world.fake.click(ADMIN, &again, "Approve plan");
    let said = text(&world.fake.answered(approved).await);
    assert!(!said.contains("did not work"), "{said}");
    world.fake.wait("the step", |fake| fake.find(APP, "Task Completed: Yard")).await;
    world.aqctl(&["project", "edit", "app", "--plan-approval", "none", "--skip-plans-of-finished-work", "true"]);
    let work = format!("{}\nwrite a.txt a\nwrite b.txt b\nwrite c.txt c\ndone Swept and raked.", write.replace("Yard", "Court"));
    world.task("Sweep the court", &work).await;
    let told = text(&world.fake.wait("the plan of finished work", |fake| fake.find(APP, "Plan put away: Sweep the court")).await);
    for said in ["did the work itself: it changed 3 files", "`Court`", "aqctl plan create --project app"] {
        assert!(told.contains(said), "{said}: {told}");
    }
    for (words, options, expected) in [
        ("git branch", vec![("branch", json!("topic"))], "topic"),
        ("git checkout", vec![("branch", json!("topic"))], "topic"),
        ("git log", vec![("branch", json!("topic"))], "Commits of app"),
        ("git files", vec![("branch", json!("topic"))], "topic"),
        ("git diff", vec![("branch", json!("topic"))], "topic"),
        ("git commit", vec![("message", json!("by hand"))], "Nothing had changed"),
        ("git merge", vec![("branch", json!("topic"))], "nothing to merge"),
        ("git push", vec![("branch", json!("topic"))], "That did not work"),
    ] {
        let said = answer(words, &options).await;
        assert!(said.contains(expected), "/{words}: {said}");
    }
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-221, F-222, F-192, F-193: channels are made, linked, controlled from, taken away, and locked with their project.
#[tokio::test(flavor = "multi_thread")]
async fn channels_are_made_and_linked() {
    let world = World::start().await;
    let made = world.fake.slash(ADMIN, MAIN, "project create", &[("name", json!("Web Shop")), ("auto_create_channels", json!(true))]);
    let answer = text(&world.fake.answered(made).await);
    assert!(answer.contains("Project created: Web Shop") && answer.contains("created"), "{answer}");
    let id: u64 = answer.split("<#").nth(1).unwrap().split('>').next().unwrap().parse().unwrap();
    let here = world.fake.slash(ADMIN, id, "tasks", &[]);
    assert!(text(&world.fake.answered(here).await).contains("web-shop"));
    let linked = world.fake.slash(ADMIN, id, "channel create", &[("project", json!("app")), ("name", json!("app"))]);
    assert!(text(&world.fake.answered(linked).await).contains("Channel linked"));
    let control = world.fake.slash(ADMIN, APP, "channel set", &[("project", json!("web-shop")), ("as", json!("control"))]);
    assert!(text(&world.fake.answered(control).await).contains("controlled from"));
    let asked = world.fake.slash(ADMIN, MAIN, "project delete", &[("project", json!("web-shop")), ("archive_channels", json!(true))]);
    let mut sure = world.fake.answered(asked).await;
    (sure["id"], sure["channel_id"]) = (json!("999998"), json!(MAIN.to_string()));
    let deleted = world.fake.click(ADMIN, &sure, "Yes, delete it");
    let answer = text(&world.fake.answered(deleted).await);
    assert!(answer.contains("is deleted") && answer.contains("is locked"), "{answer}");
    let gone = world.fake.slash(ADMIN, id, "tasks", &[]);
    assert!(text(&world.fake.answered(gone).await).contains("ould not determine project"));
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-195, F-199, F-200, F-201: who is named with nothing to say gets the help sentence; strangers, other channels and old messages get nothing.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_routed() {
    let world = World::start().await;
    world.fake.say(STRANGER, MAIN, "<@77>");
    world.fake.say(ADMIN, MAIN, "<@77>  ");
    world.fake.wait("the greeting", |fake| fake.find(MAIN, "How can I help?")).await;
    world.fake.say(ADMIN, APP, "<@77>");
    world.fake.wait("the greeting", |fake| fake.find(APP, "How can I help?")).await;
    assert_eq!(world.fake.count(MAIN, "How can I help?"), 1);
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-224, F-225, F-226, D-89: the notes of a project in a thread: read, put away, deleted with a question, kept fresh, outliving the gateway, closed.
#[tokio::test(flavor = "multi_thread")]
async fn notes_have_a_thread() {
    let mut world = World::start().await;
    let write = |title: &str, content: &str| {
        let request = pb::WriteNoteRequest { project_id: "app".into(), title: title.into(), content: content.into(), ..Default::default() };
        let mut notes = world.admin.notes();
        async move { notes.write_note(request).await.unwrap().into_inner() }
    };
    write("Plan", "# Plan\nShip it.").await;
    let opened = world.fake.slash(ADMIN, APP, "notes", &[]);
    assert!(text(&world.fake.answered(opened).await).contains("are open in <#"));
    let table = world.fake.find(APP, "Notes of app").unwrap();
    let (thread, name) = world.fake.threads().into_iter().next().unwrap();
    assert_eq!(name, "Notes: app");
    world.fake.click(VIEWER, &table, "1. Plan");
    world.fake.wait("the note", |fake| fake.find(thread, "Ship it.")).await;
    world.fake.click(VIEWER, &table, "1. Plan");
    world.fake.wait("the note again", |fake| (fake.count(thread, "Ship it.") == 1).then_some(())).await;
    write("Plan", "# Plan\nRest first.").await;
    world.fake.wait("the fresh note", |fake| fake.find(thread, "*(updated)*").filter(|found| text(found).contains("Rest first."))).await;
    world.kill_gateway();
    world.start_gateway().await;
    let request =
        pb::WriteNoteRequest { project_id: "app".into(), title: "Ideas".into(), content: "# Ideas\nMany.".into(), ..Default::default() };
    world.admin.notes().write_note(request).await.unwrap();
    let table = world.fake.wait("the fresh table", |fake| fake.find(APP, "Ideas")).await;
    let note = world.fake.find(thread, "Rest first.").unwrap();
    let asked = world.fake.click(ADMIN, &note, "Delete");
    let mut sure = world.fake.answered(asked).await;
    (sure["id"], sure["channel_id"]) = (json!("999997"), json!(thread.to_string()));
    let deleted = world.fake.click(ADMIN, &sure, "Yes, delete it");
    assert!(text(&world.fake.answered(deleted).await).contains("is deleted"));
    world.fake.wait("the note to go", |fake| (fake.count(thread, "Rest first.") == 0).then_some(())).await;
    let refused = world.fake.click(VIEWER, &table, "Close Thread");
    assert!(text(&world.fake.answered(refused).await).contains("permission"));
    world.fake.click(ADMIN, &table, "Close Thread");
    world.fake.wait("the table to go", |fake| (fake.count(APP, "Notes of app") == 0).then_some(())).await;
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}
