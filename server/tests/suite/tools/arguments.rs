//! Arguments as models write them.

use aq_core::principal::{Principal, Role};
use aq_proto::v1 as pb;
use aq_server::tools::{Problem, Registry, ToolBox as _, ToolError};
use serde_json::{Value, json};

use crate::api::fixture::{Server, principal};

struct Desk {
    server: Server,
    registry: Registry,
    admin: Principal,
}

impl Desk {
    async fn open() -> Self {
        let server = Server::start().await;
        let registry = Registry::new(server.api.inside()).unwrap();
        let admin = principal(Role::Admin, &[]);
        let desk = Self { server, registry, admin };
        desk.done("create_project", json!({ "name": "App", "repo_url": "/repos/app" })).await;
        desk
    }

    async fn done(&self, tool: &str, arguments: Value) -> Value {
        self.registry.call(&self.admin, tool, arguments.clone()).await.unwrap_or_else(|error| panic!("{tool} {arguments}: {error}"))
    }

    /// The one problem that a call is refused for before anything is asked of the API.
    async fn wrong(&self, tool: &str, arguments: Value) -> (String, String) {
        match self.registry.call(&self.admin, tool, arguments.clone()).await {
            Err(ToolError::Arguments(problems)) => match problems.as_slice() {
                [Problem { field, problem }] => (field.clone(), problem.clone()),
                more => panic!("{tool} {arguments}: {more:?}"),
            },
            other => panic!("{tool} {arguments}: {other:?}"),
        }
    }
}

/// tools R6: what can mean one thing only is taken.
#[tokio::test]
async fn arguments_are_read_generously() {
    let desk = Desk::open().await;
    let first = desk.done("create_task", json!({ "project_id": "app", "title": "First" })).await;
    let first = first["id"].as_str().unwrap().to_owned();
    let arguments = json!({
        "projectId": "app",
        "title": "Second",
        "priority": "7",
        "type": "bugfix",
        "after": first,
        "requires_approval": "true",
        "time_limit": "2h 30m",
        "criteria": "[{\"type\": \"acceptance\", \"content\": \"it works\"}]",
        "model": null,
    });
    let made = desk.done("create_task", arguments).await;
    assert_eq!((&made["priority"], &made["type"], &made["requires_approval"]), (&json!(7), &json!("BUGFIX"), &json!(true)), "{made}");
    assert_eq!((&made["status"], &made["time_limit"]), (&json!("DEFINED"), &json!("2h 30m")), "{made}");
    assert_eq!(made["criteria"], json!([{ "type": "acceptance", "content": "it works" }]));
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'), "{made}");
    let told = desk.done("get_token_usage", json!({ "since": "2020-01-31T12:00:00+01:00", "group_by": "USAGE_GROUP_UNSPECIFIED" })).await;
    assert_eq!(told["entries"], json!([]), "an empty list is told at the top: {told}");
    desk.done("get_status", Value::Null).await;
    desk.done("list_tasks", json!({ "statuses": ["ready", "In-Progress"], "page_size": 2.0 })).await;
}

/// tools R7, D-76: what is wrong is named with its field and a remedy, and nothing is done.
#[tokio::test]
async fn wrong_arguments_are_named() {
    let desk = Desk::open().await;
    let task = |more: Value| {
        let mut arguments = json!({ "project_id": "app", "title": "Task" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let cases = [
        ("get_task", json!({ "task_id": "null" }), "task_id", "is the word `null`, which is no id; leave it out when there is none"),
        ("get_task", json!({ "task_id": 17 }), "task_id", "must be a text, not a number"),
        ("get_task", json!({ "task": "swift-falcon" }), "task", "is not known; did you mean `task_id`?"),
        ("get_task", json!({ "id": "swift-falcon" }), "id", "is not known; did you mean `task_id`?"),
        ("get_task", json!(["swift-falcon"]), "", "the arguments must be an object, not a list"),
        ("get_server_info", json!({ "verbose": true }), "verbose", "is not known; the tool takes no arguments"),
        (
            "create_task",
            task(json!({ "priority": "high" })),
            "priority",
            "must be a whole number from -2147483648 to 2147483647, not `\"high\"`",
        ),
        ("create_task", task(json!({ "priority": 1.5 })), "priority", "must be a whole number from -2147483648 to 2147483647, not `1.5`"),
        ("create_task", task(json!({ "max_retries": -1 })), "max_retries", "must be a whole number from 0 to 4294967295, not `-1`"),
        (
            "create_task",
            task(json!({ "after": ["a-b", "None"] })),
            "after[1]",
            "is the word `None`, which is no id; leave it out when there is none",
        ),
        ("create_task", task(json!({ "requires_approval": "maybe" })), "requires_approval", "must be true or false, not `\"maybe\"`"),
        (
            "create_task",
            task(json!({ "time_limit": "soon" })),
            "time_limit",
            "is not a length of time; give a number with a unit, for example 90s or 2h 30m",
        ),
        ("create_task", task(json!({ "context": [{ "typ": "text" }] })), "context[0].typ", "is not known; did you mean `type`?"),
        ("create_task", task(json!({ "context": "text" })), "context[0]", "must be an object, not a text"),
        ("create_task", task(json!({ "description": { "a": 1 } })), "description", "must be a text, not an object"),
        (
            "get_token_usage",
            json!({ "since": "yesterday" }),
            "since",
            "is not an instant; give date, time and zone, for example 2026-01-31T12:00:00Z",
        ),
        (
            "answer_question",
            json!({ "task_id": "a-b", "allow": {}, "text": "yes" }),
            "text",
            "cannot stand beside `allow`; give one of them",
        ),
        ("read_run_output", json!({ "task_id": "a-b", "limit": 0 }), "limit", "must be a whole number from 1 to 500"),
        ("read_run_output", json!({ "task_id": "a-b", "follow": true }), "follow", "cannot be given here; read again for what is new"),
    ];
    for (tool, arguments, field, problem) in cases {
        assert_eq!(desk.wrong(tool, arguments).await, (field.to_owned(), problem.to_owned()));
    }
    let (field, problem) = desk.wrong("create_task", task(json!({ "type": "bug" }))).await;
    assert_eq!(field, "type");
    assert!(problem.starts_with("is `\"bug\"`; it must be one of FEATURE, BUGFIX, "), "{problem}");
    let all = json!({ "projekt": 1, "title": 2, "priority": [], "x".repeat(5000): 1 });
    let Err(error) = desk.registry.call(&desk.admin, "create_task", all).await else { panic!("it was taken") };
    let ToolError::Arguments(problems) = &error else { panic!("{error}") };
    assert_eq!(problems.len(), 4, "all of them at once: {error}");
    assert!(error.to_string().len() < 2000, "{error}");
    let tasks = desk.done("list_tasks", json!({})).await;
    assert_eq!(tasks["total_size"], 0, "nothing was made by half");
}

/// tools R7: whatever is nested how deep, the answer is a sentence.
#[tokio::test]
async fn hostile_arguments_end_in_a_sentence() {
    let desk = Desk::open().await;
    let mut deep = json!("x");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    for arguments in
        [json!({ "project_id": "app", "title": deep }), json!({ "title": "\u{0}", "project_id": "../../etc" }), json!(1), json!("text")]
    {
        let refused = desk.registry.call(&desk.admin, "create_task", arguments.clone()).await;
        assert!(matches!(&refused, Err(ToolError::Arguments(_) | ToolError::Refused(_))), "{arguments}: {refused:?}");
    }
    let long = json!({ "project_id": "app", "title": "x".repeat(2 * 1024 * 1024) });
    let refused = desk.registry.call(&desk.admin, "create_task", long).await.unwrap_err();
    assert!(refused.to_string().len() < 1000, "{refused}");
    let projects = desk.server.admin().projects().list_projects(pb::ListProjectsRequest::default()).await.unwrap().into_inner();
    assert_eq!(projects.total_size, 1);
}

/// tools R5: the mask of an update is what was given; null clears; a part's other fields stay.
#[tokio::test]
async fn an_update_changes_what_was_given() {
    let desk = Desk::open().await;
    let made = desk.done("create_task", json!({ "project_id": "app", "title": "Task", "type": "docs", "model": "opus" })).await;
    let id = made["id"].clone();
    let changed = desk.done("update_task", json!({ "task": { "id": id, "title": "Other", "type": null } })).await;
    assert_eq!((&changed["title"], &changed["type"], &changed["model"]), (&json!("Other"), &Value::Null, &json!("opus")), "{changed}");
    let refused = desk.registry.call(&desk.admin, "update_task", json!({ "task": { "id": id, "status": "COMPLETED" } })).await.unwrap_err();
    assert!(refused.to_string().contains("`status` is not a field that can be changed"), "{refused}");
    let agent = json!({ "name": "Orion", "runtime": "claude", "profile": { "model": "opus", "env": { "A": "1" } } });
    let agent = desk.done("create_agent", agent).await;
    let changed = desk.done("update_agent", json!({ "agent": { "id": agent["id"], "profile": { "model": "sonnet" } } })).await;
    assert_eq!((&changed["profile"]["model"], changed["profile"]["env"].is_object()), (&json!("sonnet"), true), "{changed}");
}
