//! Conversations that only look, that go wrong, or that are refused.

use aq_core::principal::Role;
use serde_json::{Value, json};

use super::script::{Conversation, Play, Twin, Want, tool};
use Want::{Answer, Refused, State};

fn task(name: &str) -> Value {
    json!({ "task_id": name })
}

fn asks(name: &'static str, says: &'static str, plays: Vec<Play>, answer: &'static str) -> Conversation {
    Conversation { name, role: Role::Viewer, active: "app", says, plays, wants: vec![Answer(answer)], twin: Twin::Without(0) }
}

/// A try that is refused: the answer quotes the refusal, and nothing changed.
fn refused(name: &'static str, role: Role, says: &'static str, wanted: Play, tool: &'static str, because: &'static str) -> Conversation {
    let plays = vec![wanted, Play::Say("That did not work: {/error}")];
    let wants = vec![Refused(tool), Answer(because), State("list_tasks", json!({ "include_finished": true }), "/total_size", json!(4))];
    Conversation { name, role, active: "app", says, plays, wants, twin: Twin::Without(0) }
}

pub(super) fn conversations() -> Vec<Conversation> {
    let create = |project: &str| json!({ "project_id": project, "title": "Anything" });
    vec![
        asks(
            "why does it wait",
            "why does $B not start?",
            vec![tool("explain_task", task("$B")), Play::Say("$B: {/sentence} ({/reasons/0/subject_id})")],
            "($A)",
        ),
        asks(
            "what waits for what",
            "what does $B need?",
            vec![
                tool("load_tools", json!({ "groups": ["task"] })),
                tool("list_dependencies", task("$B")),
                Play::Say("It needs {/dependencies/0/title}"),
            ],
            "It needs Add the form",
        ),
        asks(
            "who waits for it",
            "who waits for $A?",
            vec![
                tool("load_tools", json!({ "groups": ["task"] })),
                tool("list_dependencies", task("$A")),
                Play::Say("{/dependents/0/title} does"),
            ],
            "Test the form does",
        ),
        asks(
            "show a task",
            "what is $C?",
            vec![tool("get_task", task("$C")), Play::Say("{/task/title}, {/task/status}, in {/task/project_id}")],
            "Fix the footer, READY, in web",
        ),
        asks(
            "how many",
            "how much is there to do in app?",
            vec![tool("list_tasks", json!({ "project_ids": ["app"] })), Play::Say("{/total_size} active tasks")],
            "2 active tasks",
        ),
        asks(
            "over all projects",
            "what is there overall?",
            vec![tool("get_status", json!({})), Play::Say("{/task_total} tasks in {/project_count} projects")],
            "in 2 projects",
        ),
        asks(
            "find by words",
            "is there something about a footer?",
            vec![tool("list_tasks", json!({ "query": "footer" })), Play::Say("Yes: `{/tasks/0/id}`")],
            "Yes: `$C`",
        ),
        asks(
            "projects",
            "which projects are there?",
            vec![tool("list_projects", json!({})), Play::Say("{/projects/0/name} and {/projects/1/name}")],
            "App and Web",
        ),
        asks(
            "a group is loaded",
            "who works here?",
            vec![
                tool("load_tools", json!({ "groups": ["agent"] })),
                tool("list_agents", json!({})),
                Play::Say("{/total_size} agents: {/agents}"),
            ],
            "0 agents",
        ),
        asks(
            "a tree",
            "show the tree of $A",
            vec![tool("load_tools", json!({ "groups": ["task"] })), tool("get_task_tree", task("$A")), Play::Say("```\n{/formatted}\n```")],
            "Add the form",
        ),
        asks(
            "what happened",
            "what happened lately?",
            vec![tool("load_tools", json!({ "groups": ["event"] })), tool("list_events", json!({})), Play::Say("Last: {/events/0/type}")],
            "Last: task.",
        ),
        asks(
            "two looks in one answer",
            "compare $A and $C",
            vec![Play::Use(vec![("get_task", task("$A")), ("get_task", task("$C"))]), Play::Say("The second is {/task/title}")],
            "The second is Fix the footer",
        ),
        refused(
            "a wrong id",
            Role::Operator,
            "stop task no-such-task",
            tool("stop_task", task("no-such-task")),
            "stop_task",
            "task `no-such-task` not found",
        ),
        refused("the text null as an id", Role::Operator, "stop it", tool("stop_task", task("null")), "stop_task", "task_id"),
        refused(
            "an unknown project",
            Role::Operator,
            "new task in nowhere",
            tool("create_task", create("nowhere")),
            "create_task",
            "project `nowhere` not found",
        ),
        refused(
            "a wrong type",
            Role::Operator,
            "set up a task",
            tool("create_task", json!({ "project_id": "app", "title": 7 })),
            "create_task",
            "title",
        ),
        refused("a state that does not allow it", Role::Operator, "approve $A", tool("approve_task", task("$A")), "approve_task", "READY"),
        refused(
            "a circle of dependencies",
            Role::Operator,
            "$A needs $B",
            tool("add_dependency", json!({ "task_id": "$A", "depends_on_task_id": "$B" })),
            "add_dependency",
            "$B",
        ),
        Conversation {
            name: "a viewer cannot change anything",
            role: Role::Viewer,
            active: "app",
            says: "create a task",
            // The tool is not offered to a viewer, so a model that follows the request cannot even try; one that does is refused (limits).
            plays: vec![tool("list_tasks", json!({})), Play::Say("Your key may only look; there are {/total_size} active tasks")],
            wants: vec![
                Answer("may only look; there are 3"),
                State("list_tasks", json!({ "include_finished": true }), "/total_size", json!(4)),
            ],
            twin: Twin::Instead(0, tool("create_task", create("app"))),
        },
        Conversation {
            name: "an operator cannot manage",
            role: Role::Operator,
            active: "",
            says: "set up a project X and pause everything",
            plays: vec![
                Play::Forbidden("create_project", json!({ "name": "X", "repo_url": "/repos/x" })),
                Play::Forbidden("pause_scheduling", json!({ "reason": "X" })),
                Play::Say("That did not work: {/error}"),
            ],
            wants: vec![
                Refused("create_project"),
                Refused("pause_scheduling"),
                Answer("there is no tool `pause_scheduling`"),
                State("list_projects", json!({}), "/total_size", json!(2)),
                State("get_status", json!({}), "/scheduling_paused", Value::Null),
            ],
            twin: Twin::As(Role::Admin),
        },
        Conversation {
            name: "an administrator does what an operator may not",
            role: Role::Admin,
            active: "app",
            says: "nuke web with everything in it",
            plays: vec![
                tool("load_tools", json!({ "groups": ["project"] })),
                tool("load_tools", json!({ "groups": ["task"] })),
                tool("delete_task", task("$C")),
                tool("delete_project", json!({ "project_id": "web" })),
                Play::Say("✅ Deleted web"),
            ],
            wants: vec![State("list_projects", json!({}), "/total_size", json!(1))],
            twin: Twin::As(Role::Operator),
        },
    ]
}
