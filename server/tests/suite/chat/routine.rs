//! Conversations about what is written down and what happens by itself: notes, prompt templates, hooks.

use aq_core::principal::Role;
use serde_json::{Value, json};

use super::script::{Conversation, Play, Twin, Want, tool};
use Want::{Answer, Refused, State};

fn note(title: &str) -> Value {
    json!({ "project_id": "app", "name": title })
}

fn load(group: &str) -> Play {
    tool("load_tools", json!({ "groups": [group] }))
}

/// In project `app`; the twin leaves out the play at `without`.
fn talk(name: &'static str, role: Role, says: &'static str, plays: Vec<Play>, without: usize, wants: Vec<Want>) -> Conversation {
    Conversation { name, role, active: "app", says, plays, wants, twin: Twin::Without(without) }
}

/// A hook that tells people something when a task fails.
fn watcher() -> Value {
    json!({
        "project_id": "app", "name": "Watcher",
        "trigger": { "event": { "events": ["task.failed"] } },
        "actions": [{ "notice": { "text": "{{event.task_id}} failed" } }],
    })
}

fn made(role: Role, name: &'static str, says: &'static str, then: Vec<Play>, wants: Vec<Want>) -> Conversation {
    let plays = [vec![load("hook"), tool("create_hook", watcher())], then].concat();
    talk(name, role, says, plays, 2, wants)
}

fn hook(pointer: &'static str, value: Value) -> Want {
    State("list_hooks", json!({ "project_id": "app" }), pointer, value)
}

fn notes() -> Vec<Conversation> {
    let write = |content: &str| tool("write_note", json!({ "project_id": "app", "title": "Release plan", "content": content }));
    vec![
        talk(
            "write a note",
            Role::Operator,
            "write down that we ship on Friday",
            vec![load("note"), write("# Release plan\n\nWe ship on Friday.\n"), Play::Say("✅ Wrote `{/name}`")],
            1,
            vec![
                State("get_note", note("release-plan"), "/content", json!("# Release plan\n\nWe ship on Friday.\n")),
                Answer("`release-plan`"),
            ],
        ),
        talk(
            "add to a note",
            Role::Operator,
            "note: Friday it is, and mind the changelog",
            vec![
                load("note"),
                tool("append_note", json!({ "project_id": "app", "title": "Release plan", "text": "Friday it is." })),
                tool("append_note", json!({ "project_id": "app", "title": "Release plan", "text": "Mind the changelog." })),
                Play::Say("✅ `{/name}` has more now"),
            ],
            2,
            vec![State("get_note", note("Release plan"), "/content", json!("# Release plan\n\nFriday it is.\n\nMind the changelog.\n"))],
        ),
        talk(
            "what does the note say",
            Role::Operator,
            "write a note that Ann decides, and read it to me",
            vec![load("note"), write("Ann decides."), tool("get_note", note("release-plan")), Play::Say("It says: {/content}")],
            1,
            vec![Answer("It says: Ann decides.")],
        ),
        talk(
            "throw a note away",
            Role::Operator,
            "write a note and throw it away",
            vec![load("note"), write("Nothing."), tool("delete_note", note("release-plan")), Play::Say("✅ Threw {/title} away")],
            2,
            vec![State("list_notes", json!({ "project_id": "app" }), "/total_size", json!(0))],
        ),
        talk(
            "a note that escapes",
            Role::Operator,
            "write a note ../../etc/passwd",
            vec![
                load("note"),
                tool("write_note", json!({ "project_id": "app", "title": "../../etc/passwd", "content": "x" })),
                Play::Say("That did not work: {/error}"),
            ],
            1,
            vec![Refused("write_note"), Answer("title"), State("list_notes", json!({ "project_id": "app" }), "/total_size", json!(0))],
        ),
    ]
}

fn prompts() -> Vec<Conversation> {
    let write = |content: &str| tool("write_prompt", json!({ "project_id": "app", "name": "task/review", "content": content }));
    let review = "---\nname: Review\nvariables:\n  - name: what\n    required: true\n---\nReview {{what}}.\n";
    let read = json!({ "project_id": "app", "name": "task/review" });
    vec![
        talk(
            "make a template",
            Role::Operator,
            "make a prompt for reviews",
            vec![load("prompt"), write(review), Play::Say("✅ Made {/title}")],
            1,
            vec![State("get_prompt", read.clone(), "/title", json!("Review")), Answer("Made Review")],
        ),
        talk(
            "change a template",
            Role::Operator,
            "make a prompt for reviews; no, make it short",
            vec![load("prompt"), write(review), write("Review it.\n"), Play::Say("✅ {/name} is shorter")],
            2,
            vec![State("get_prompt", read.clone(), "/content", json!("Review it.\n"))],
        ),
        talk(
            "fill a template in",
            Role::Operator,
            "make a review prompt and fill in the login",
            vec![
                load("prompt"),
                write(review),
                tool("render_prompt", json!({ "project_id": "app", "name": "task/review", "variables": { "what": "the login" } })),
                Play::Say("{/rendered}"),
            ],
            2,
            vec![Answer("Review the login.")],
        ),
        talk(
            "remove a template",
            Role::Operator,
            "make a review prompt and remove it",
            vec![load("prompt"), write(review), tool("delete_prompt", read), Play::Say("✅ It is gone")],
            2,
            vec![State("list_prompts", json!({ "project_id": "app" }), "/total_size", json!(0))],
        ),
        talk(
            "a template that is not there",
            Role::Operator,
            "use the prompt nothing",
            vec![
                load("prompt"),
                tool("get_prompt", json!({ "project_id": "app", "name": "nothing" })),
                Play::Say("That did not work: {/error}"),
            ],
            1,
            vec![Refused("get_prompt"), Answer("nothing"), State("list_prompts", json!({ "project_id": "app" }), "/total_size", json!(0))],
        ),
    ]
}

fn hooks() -> Vec<Conversation> {
    let by = |id: &'static str| json!({ "hook_id": id });
    let mut talks = vec![
        made(
            Role::Admin,
            "make a hook",
            "tell me when something fails",
            vec![Play::Say("✅ `{/id}` is called {/name}")],
            vec![hook("/total_size", json!(1)), hook("/hooks/0/enabled", json!(true)), Answer("called Watcher")],
        ),
        made(
            Role::Admin,
            "change a hook",
            "tell me when something fails, at most every two hours",
            vec![tool("update_hook", json!({ "hook": { "id": "{/id}", "cooldown": "2h" } })), Play::Say("✅ {/name} waits {/cooldown}")],
            vec![hook("/hooks/0/cooldown", json!("2h")), hook("/hooks/0/name", json!("Watcher")), Answer("waits 2h")],
        ),
        made(
            Role::Admin,
            "switch a hook off",
            "make a hook for failures but keep it off",
            vec![tool("disable_hook", by("{/id}")), Play::Say("✅ {/name} is off")],
            vec![State("list_hooks", json!({ "project_id": "app" }), "/hooks/0/enabled", Value::Null)],
        ),
        made(
            Role::Admin,
            "run a hook",
            "make a hook for failures and try it",
            vec![
                tool("fire_hook", by("{/id}")),
                tool("list_hook_runs", by("{/hook_id}")),
                Play::Say("✅ It was started by {/runs/0/reason}"),
            ],
            vec![Answer("started by manual")],
        ),
        made(
            Role::Admin,
            "remove a hook",
            "make a hook for failures; no, forget it",
            vec![tool("delete_hook", by("{/id}")), Play::Say("✅ {/name} is gone")],
            vec![hook("/total_size", json!(0))],
        ),
        talk(
            "a time that is none",
            Role::Admin,
            "every day at 25 o'clock, say hello",
            vec![
                load("hook"),
                tool(
                    "create_hook",
                    json!({
                        "project_id": "app", "name": "Hello",
                        "trigger": { "cron": { "expression": "0 25 * * *" } }, "actions": [{ "notice": { "text": "Hello" } }],
                    }),
                ),
                Play::Say("That did not work: {/error}"),
            ],
            1,
            vec![Refused("create_hook"), Answer("trigger.cron.expression"), hook("/total_size", json!(0))],
        ),
        Conversation {
            name: "an operator makes no hooks",
            role: Role::Operator,
            active: "app",
            says: "tell me when something fails",
            plays: vec![load("hook"), Play::Forbidden("create_hook", watcher()), Play::Say("That did not work: {/error}")],
            wants: vec![Refused("create_hook"), Answer("there is no tool `create_hook`"), hook("/total_size", json!(0))],
            twin: Twin::As(Role::Admin),
        },
    ];
    // The first of them makes the hook and does nothing else.
    if let Some(first) = talks.first_mut() {
        first.twin = Twin::Without(1);
    }
    talks
}

pub(super) fn conversations() -> Vec<Conversation> {
    [notes(), prompts(), hooks()].concat()
}
