//! Conversations that change something.

use aq_core::principal::Role;
use serde_json::{Value, json};

use super::script::{Conversation, Play, Twin, Want, tool};
use Want::{Answer, State};

fn task(name: &str) -> Value {
    json!({ "task_id": name })
}

fn load(group: &str) -> Play {
    tool("load_tools", json!({ "groups": [group] }))
}

/// An operator works in project `app`; the first tool is what the twin leaves out.
fn talk(name: &'static str, says: &'static str, plays: Vec<Play>, wants: Vec<Want>) -> Conversation {
    Conversation { name, role: Role::Admin, active: "app", says, plays, wants, twin: Twin::Without(0) }
}

fn listed(query: &str, count: u64) -> Want {
    State("list_tasks", json!({ "query": query, "include_finished": true }), "/total_size", json!(count))
}

pub(super) fn conversations() -> Vec<Conversation> {
    let task_is = |name: &str, pointer: &'static str, value: Value| State("get_task", task(name), pointer, value);
    let agent = json!({ "name": "Nova", "runtime": "scripted" });
    let mut talks = vec![
        talk(
            "create a task",
            "create a task to add a logout button",
            vec![
                tool("create_task", json!({ "project_id": "app", "title": "Add a logout button", "description": "Beside the menu." })),
                Play::Say("✅ Created `{/id}`: {/title}"),
            ],
            vec![listed("logout", 1), Answer("Add a logout button")],
        ),
        talk(
            "create with everything",
            "urgent bug: login fails, needs my approval",
            vec![
                tool(
                    "create_task",
                    json!({ "project_id": "app", "title": "Fix the login", "priority": 10, "type": "BUGFIX", "requires_approval": true }),
                ),
                Play::Say("✅ Created `{/id}` with priority {/priority}"),
            ],
            vec![
                State("list_tasks", json!({ "query": "login" }), "/tasks/0/priority", json!(10)),
                State("list_tasks", json!({ "query": "login" }), "/tasks/0/requires_approval", json!(true)),
                Answer("priority 10"),
            ],
        ),
        talk(
            "two tasks in one answer",
            "create tasks for the header and the sidebar",
            vec![
                Play::Use(vec![
                    ("create_task", json!({ "project_id": "app", "title": "Build the header" })),
                    ("create_task", json!({ "project_id": "app", "title": "Build the sidebar" })),
                ]),
                Play::Say("✅ Created two, the last is `{/id}`"),
            ],
            vec![listed("Build the", 2)],
        ),
        talk(
            "a task after another",
            "after $A write the docs",
            vec![
                tool("create_task", json!({ "project_id": "app", "title": "Write the docs", "after": ["$A"] })),
                Play::Say("✅ Created `{/id}`; it waits for $A"),
            ],
            vec![State("list_tasks", json!({ "query": "docs" }), "/tasks/0/status", json!("DEFINED"))],
        ),
        talk(
            "create, then depend on it",
            "add a task for the schema, $A needs it",
            vec![
                tool("create_task", json!({ "project_id": "app", "title": "Write the schema" })),
                tool("add_dependency", json!({ "task_id": "$A", "depends_on_task_id": "{/id}" })),
                Play::Say("✅ $A waits for `{/dependencies/0/id}`"),
            ],
            vec![task_is("$A", "/dependencies/0/title", json!("Write the schema")), task_is("$A", "/task/status", json!("DEFINED"))],
        ),
        talk(
            "the active project is used",
            "new task: tidy the styles",
            vec![
                tool("create_task", json!({ "project_id": "app", "title": "Tidy the styles" })),
                Play::Say("✅ Created `{/id}` in {/project_id}"),
            ],
            vec![State("list_tasks", json!({ "query": "styles" }), "/tasks/0/project_id", json!("app")), Answer("in app")],
        ),
        talk(
            "another project is named",
            "in web: new task to fix the logo",
            vec![
                tool("create_task", json!({ "project_id": "web", "title": "Fix the logo" })),
                Play::Say("✅ Created `{/id}` in {/project_id}"),
            ],
            vec![State("list_tasks", json!({ "query": "logo" }), "/tasks/0/project_id", json!("web")), Answer("in web")],
        ),
        talk(
            "edit a title",
            "rename $A to Add the contact form",
            vec![tool("update_task", json!({ "task": { "id": "$A", "title": "Add the contact form" } })), Play::Say("✅ {/title}")],
            vec![task_is("$A", "/task/title", json!("Add the contact form")), task_is("$A", "/task/priority", json!(100))],
        ),
        talk(
            "edit a priority",
            "make $C more important",
            vec![tool("update_task", json!({ "task": { "id": "$C", "priority": 5 } })), Play::Say("✅ `{/id}` has priority {/priority}")],
            vec![task_is("$C", "/task/priority", json!(5)), Answer("priority 5")],
        ),
        talk(
            "arguments as models write them",
            "priority 7 for $C",
            vec![tool("update_task", json!({ "task": { "id": "$C", "priority": "7" } })), Play::Say("✅ priority {/priority}")],
            vec![task_is("$C", "/task/priority", json!(7))],
        ),
        talk(
            "stop",
            "kill $C",
            vec![tool("stop_task", json!({ "task_id": "$C", "reason": "not wanted" })), Play::Say("✅ Stopped; it is {/status}")],
            vec![task_is("$C", "/task/status", json!("BLOCKED")), Answer("BLOCKED")],
        ),
        talk(
            "stop and start again",
            "restart $C from scratch",
            vec![tool("stop_task", task("$C")), tool("restart_task", task("$C")), Play::Say("✅ `{/id}` is {/status} again")],
            vec![task_is("$C", "/task/status", json!("READY")), Answer("is READY again")],
        ),
        talk(
            "skip",
            "we do not need $C any more, skip it",
            vec![tool("stop_task", task("$C")), tool("skip_task", task("$C")), Play::Say("✅ Skipped; {/task/status}")],
            vec![task_is("$C", "/task/status", json!("COMPLETED"))],
        ),
        talk(
            "approve what was proposed",
            "LGTM $P",
            vec![tool("approve_task", task("$P")), Play::Say("✅ `{/id}` is {/status}")],
            vec![task_is("$P", "/task/status", json!("READY")), Answer("is READY")],
        ),
        talk(
            "turn a proposal down",
            "no, not $P",
            vec![load("task"), tool("delete_task", task("$P")), Play::Say("✅ Removed $P")],
            vec![listed("Clean up", 0)],
        ),
        talk(
            "dependencies both ways",
            "$C needs $A, and forget that $B needs $A",
            vec![
                load("task"),
                Play::Use(vec![
                    ("remove_dependency", json!({ "task_id": "$B", "depends_on_task_id": "$A" })),
                    ("list_dependencies", task("$A")),
                ]),
                Play::Say("✅ Done for {/task/title}"),
            ],
            vec![task_is("$B", "/task/status", json!("READY"))],
        ),
        talk(
            "pause a project",
            "pause web",
            vec![load("project"), tool("pause_project", json!({ "project_id": "web" })), Play::Say("✅ {/name} is {/status}")],
            vec![State("get_project", json!({ "project_id": "web" }), "/status", json!("PAUSED"))],
        ),
        talk(
            "make a project",
            "set up a project Shop for /repos/shop",
            vec![
                load("project"),
                tool("create_project", json!({ "name": "Shop", "repo_url": "/repos/shop" })),
                Play::Say("✅ Project `{/id}` with {/workspace_count} workspaces"),
            ],
            vec![State("get_project", json!({ "project_id": "shop" }), "/name", json!("Shop")), Answer("`shop`")],
        ),
        talk(
            "make an agent and pause it",
            "add an agent called Nova and keep it paused",
            vec![
                load("agent"),
                tool("create_agent", agent),
                tool("pause_agent", json!({ "agent_id": "{/id}" })),
                Play::Say("✅ {/name} is there, paused"),
            ],
            vec![State("get_agent", json!({ "agent_id": "nova" }), "/paused", json!(true))],
        ),
        talk(
            "delete a task",
            "delete $C",
            vec![load("task"), tool("delete_task", task("$C")), Play::Say("✅ Deleted $C")],
            vec![listed("footer", 0)],
        ),
        talk(
            "hold everything",
            "stop starting new work",
            vec![
                load("admin"),
                tool("pause_scheduling", json!({ "reason": "holiday" })),
                Play::Say("✅ Nothing new starts: {/scheduling_paused}"),
            ],
            vec![State("get_status", json!({}), "/scheduling_paused", json!(true)), Answer("true")],
        ),
        talk(
            "several steps, one fails",
            "approve $A and approve $P",
            vec![
                Play::Use(vec![("approve_task", task("$A")), ("approve_task", task("$P"))]),
                Play::Say("✅ $P is {/status}; $A could not be approved: {/error}"),
            ],
            vec![
                task_is("$P", "/task/status", json!("READY")),
                task_is("$A", "/task/status", json!("READY")),
                Want::Refused("approve_task"),
            ],
        ),
        talk(
            "a plan",
            "turn this plan into tasks",
            vec![
                load("plan"),
                tool(
                    "create_plan",
                    json!({
                        "project_id": "app",
                        "text": "# Shop\n\n## Phase 1: Add the cart\nA cart that keeps its content over a reload.\n\n## Phase 2: Add the checkout\nA checkout with address and payment.\n",
                    }),
                ),
                Play::Say("✅ The first is `{/tasks/0/id}`"),
            ],
            vec![listed("Add the c", 2)],
        ),
    ];
    // What the twin leaves out has to be what changes something.
    for talk in &mut talks {
        let changes = |play: &Play| matches!(play, Play::Use(tools) if tools.iter().any(|(name, _)| *name != "load_tools"));
        let last = |talk: &Conversation| talk.plays.iter().rposition(changes);
        // Of a pair of changes the second one counts.
        let pair = ["stop and start again", "skip"].contains(&talk.name);
        if let Some(index) = if pair { last(talk) } else { talk.plays.iter().position(changes) } {
            talk.twin = Twin::Without(index);
        }
    }
    talks
}
