//! What a model is told of the tools.

use std::collections::BTreeSet;

use aq_core::principal::Role;
use aq_server::api::PERMISSIONS;
use aq_server::tools::{Registry, ToolBox as _, ToolError};
use serde_json::{Value, json};

use crate::api::fixture::{Server, principal};

async fn registry() -> (Server, Registry) {
    let server = Server::start().await;
    let registry = Registry::new(server.api.inside()).unwrap();
    (server, registry)
}

fn names(tools: &[std::sync::Arc<aq_server::tools::Tool>]) -> Vec<&str> {
    tools.iter().map(|tool| tool.name.as_str()).collect()
}

/// tools R1, F-149: each call of the contract is one tool, and those that are none are the ones that the spec lists.
#[tokio::test]
async fn every_call_is_a_tool_or_left_out_for_a_reason() {
    let (_server, registry) = registry().await;
    let paths: BTreeSet<_> = registry.all().map(|(_, path)| path).collect();
    assert_eq!(paths.len(), registry.all().count(), "no call is two tools");
    let missing: Vec<_> = PERMISSIONS
        .iter()
        .map(|(path, _)| *path)
        .filter(|path| !paths.contains(path) && !path.contains(".ChatService/") && !path.contains(".McpService/"))
        .map(|path| path.trim_start_matches("/agentqueue.v1."))
        .collect();
    let left_out = [
        "EventService/WatchEvents",
        "EventService/AcknowledgeEvents",
        "EventService/GetConsumer",
        "EventService/KeepRecords",
        "EventService/ListRecords",
        "AdminService/CreateApiKey",
    ];
    assert_eq!(missing, left_out);
}

/// F-178, tools R4: the schema of a tool names the fields of its command's request and no other, each with the kind that the command takes; only what is given by
/// us (the id of the request, the mask of an update) or only answered with is not shown.
#[tokio::test]
async fn schemas_are_those_of_the_commands() {
    let (_server, registry) = registry().await;
    let pool = prost_reflect::DescriptorPool::decode(aq_proto::FILE_DESCRIPTOR_SET).unwrap();
    for (tool, path) in registry.all() {
        let (service, call) = path.trim_start_matches('/').split_once('/').unwrap();
        let request = pool.get_service_by_name(service).unwrap().methods().find(|method| method.name() == call).unwrap().input();
        let given = ["request_id", "update_mask"];
        let fields: BTreeSet<String> =
            request.fields().map(|field| field.name().to_owned()).filter(|name| !given.contains(&name.as_str())).collect();
        let shown: BTreeSet<String> = tool.input["properties"].as_object().unwrap().keys().cloned().collect();
        // The one tool that reads a part of a stream follows nothing.
        let fields = if tool.name == "read_run_output" { shown.clone() } else { fields };
        assert_eq!(shown, fields, "{}", tool.name);
        for field in request.fields().filter(|field| shown.contains(field.name())) {
            let schema = &tool.input["properties"][field.name()];
            let kind = match (field.is_list(), field.is_map(), field.kind()) {
                (_, true, _) => "object",
                (true, ..) => "array",
                (.., prost_reflect::Kind::Bool) => "boolean",
                (.., prost_reflect::Kind::String | prost_reflect::Kind::Enum(_)) => "string",
                (.., prost_reflect::Kind::Double | prost_reflect::Kind::Float) => "number",
                (.., prost_reflect::Kind::Message(_) | prost_reflect::Kind::Bytes) => continue,
                _ => "integer",
            };
            assert!(schema["type"] == kind || schema["type"][0] == kind, "{}.{}: {schema} is no {kind}", tool.name, field.name());
        }
    }
}

/// tools R2: the core set is small, groups are loaded by name, and an agent sees all that it may use.
#[tokio::test]
async fn groups_keep_the_prompt_small() {
    let (_server, registry) = registry().await;
    let (admin, viewer, run) = (principal(Role::Admin, &[]), principal(Role::Viewer, &[]), principal(Role::Run, &[]));
    let core = registry.list(&admin, &[]);
    assert!((10..=20).contains(&core.len()), "{}", core.len());
    let with_git = registry.list(&admin, &["git"]);
    assert!(names(&with_git).contains(&"merge_branch") && !names(&with_git).contains(&"create_project"));
    assert_eq!(registry.list(&admin, &["*"]).len(), registry.all().count());
    let seen = registry.list(&viewer, &["*"]);
    assert!(seen.iter().all(|tool| !tool.mutates), "a viewer is shown nothing that changes something");
    let own = names(&registry.list(&run, &[])).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(own.contains(&"propose_task".to_owned()) && own.contains(&"get_task".to_owned()) && own.len() <= 14, "{own:?}");
    let groups = registry.groups(&admin);
    let task = groups.iter().find(|group| group.name == "task").unwrap();
    assert!(task.about.starts_with("Tasks:") && task.tools.contains(&"create_task".to_owned()), "{task:?}");
    assert!(registry.groups(&run).len() < groups.len());
}

fn check(name: &str, at: &str, schema: &Value, offences: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        if schema.get("additionalProperties") != Some(&json!(false)) {
            offences.push(format!("{name}{at}: is open"));
        }
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !properties.contains_key(required.as_str().unwrap()) {
                offences.push(format!("{name}{at}: requires {required}, which it does not have"));
            }
        }
        for (field, schema) in properties {
            if schema.get("type").is_none() || (at.is_empty() && schema.get("description").is_none()) {
                offences.push(format!("{name}{at}.{field}: has no type or no description"));
            }
            check(name, &format!("{at}.{field}"), schema, offences);
        }
    }
    if let Some(items) = schema.get("items") {
        check(name, &format!("{at}[]"), items, offences);
    }
}

/// tools R3, R4: every schema is a closed object, every argument has a type and a description, and nothing is told that a model cannot use.
#[tokio::test]
async fn schemas_are_whole() {
    let (_server, registry) = registry().await;
    let mut offences = Vec::new();
    for (tool, _) in registry.all() {
        assert_eq!(tool.input.get("type"), Some(&json!("object")), "{}", tool.name);
        if tool.description.is_empty() || tool.description.len() > 480 {
            offences.push(format!("{}: description of {} bytes", tool.name, tool.description.len()));
        }
        let text = tool.input.to_string();
        for word in ["\"request_id\"", "Output only", "_UNSPECIFIED", "see Create"] {
            if text.contains(word) {
                offences.push(format!("{}: tells of {word}", tool.name));
            }
        }
        check(&tool.name, "", &tool.input, &mut offences);
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

/// tools R4, R5: the forms of values, what is required, and the fields that an update may change.
#[tokio::test]
async fn schemas_say_what_the_contract_says() {
    let (_server, registry) = registry().await;
    let admin = principal(Role::Admin, &[]);
    let of = |name: &str| registry.find(&admin, name).unwrap().input.clone();
    let create = of("create_task");
    assert_eq!(create["required"], json!(["project_id", "title"]));
    assert!(create["properties"]["runtime"]["enum"].as_array().unwrap().contains(&json!("CLAUDE")));
    assert_eq!(create["properties"]["after"]["items"]["type"], "string");
    assert_eq!(of("get_token_usage")["properties"]["since"]["format"], "date-time");
    let answer = of("answer_question");
    assert!(answer["properties"]["text"]["description"].as_str().unwrap().contains("Give one of `text`, `allow`, `deny`"), "{answer}");
    let update = of("update_task");
    assert_eq!(update["required"], json!(["task"]));
    let task = &update["properties"]["task"];
    assert!(task["properties"]["title"].is_object() && task["properties"]["status"].is_null(), "{task}");
    assert_eq!(task["properties"]["priority"]["type"], json!(["integer", "null"]));
    let run = aq_core::principal::Principal {
        run: Some(aq_core::ids::RunRef { task: aq_core::ids::TaskId::parse("swift-falcon").unwrap(), number: 1 }),
        ..principal(Role::Run, &[])
    };
    let own = registry.find(&run, "get_task").unwrap();
    assert_eq!(own.input["required"], json!([]), "an agent's own task is meant");
    insta::assert_snapshot!(
        "propose_task",
        serde_json::to_string_pretty(&json!({
            "description": registry.find(&admin, "propose_task").unwrap().description,
            "input": of("propose_task"),
        }))
        .unwrap()
    );
}

/// tools R5, contract R13: what a model is told that an update may change is what the API lets it change.
#[tokio::test]
async fn an_update_tells_of_every_field_that_may_change() {
    let (server, registry) = registry().await;
    server.admin().project("App").await;
    let agent = server.admin().agent("Orion").await;
    let task = server.admin().task("app", "Task").await;
    let admin = principal(Role::Admin, &[]);
    let account = registry.call(&admin, "create_account", json!({ "name": "Plan", "runtime": "claude" })).await.unwrap();
    let ids = [("task", json!(task.id)), ("project", json!("app")), ("agent", json!(agent.id)), ("account", account["id"].clone())];
    for (noun, id) in ids {
        let tool = format!("update_{noun}");
        let refused =
            registry.call(&admin, &tool, json!({ noun: { "id": id }, "update_mask": ["nonsense"] })).await.unwrap_err().to_string();
        let (_, allowed) = refused.split_once("allowed: ").unwrap();
        let (allowed, _) = allowed.split_once(", or").unwrap();
        let allowed: BTreeSet<_> = allowed.split(", ").filter(|name| !name.contains('.')).chain(["id"]).collect();
        let schema = registry.find(&admin, &tool).unwrap().input.clone();
        let told: BTreeSet<_> = schema["properties"][noun]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(told, allowed, "{tool}");
    }
}

/// tools R4, contract R13: what a tool calls required is refused without it by the API itself, field by field.
#[tokio::test]
async fn what_is_required_is_refused_without_it() {
    let (server, registry) = registry().await;
    server.admin().project("App").await;
    let admin = principal(Role::Admin, &[]);
    let mut offences = Vec::new();
    for (tool, _) in registry.all() {
        let required = tool.input.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        if required.is_empty() {
            continue;
        }
        // An agent's proposal needs no project; everybody else's does.
        let given = if tool.name == "propose_task" { json!({ "project_id": "app" }) } else { Value::Null };
        let named = |fields: &[(String, String)]| {
            required.iter().any(|name| fields.iter().any(|(field, _)| field.starts_with(name.as_str().unwrap())))
        };
        match registry.call(&admin, &tool.name, given).await {
            Err(ToolError::Refused(refused)) if named(&refused.fields) || refused.sentence.contains("`` not found") => {}
            other => offences.push(format!("{} requires {required:?} and answers {other:?}", tool.name)),
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}
