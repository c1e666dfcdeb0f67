//! PromptService over the wire (F-170).

use std::collections::HashMap;

use aq_proto::v1 as pb;
use tonic::Code;

use super::fixture::{Server, refusal};

const WATCH: &str = "---\nname: Test watcher\ncategory: hooks\ntags: [ci, tests]\nvariables:\n  - name: command\n    required: true\n  - name: branch\n    default: main\n---\n\nRun {{command}} on {{branch}} for {{who}}.\n";

fn write(name: &str, content: &str) -> pb::WritePromptRequest {
    pb::WritePromptRequest { project_id: "web".into(), name: name.into(), content: content.into(), ..Default::default() }
}

/// F-170: listed by category and tag, read, filled in with defaults, deleted.
#[tokio::test]
async fn templates_are_listed_and_filled_in() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("Web").await;
    let mut prompts = admin.prompts();
    let made = prompts.write_prompt(write("ci/watch", WATCH)).await.unwrap().into_inner();
    assert_eq!((made.title.as_str(), made.category.as_str(), made.version), ("Test watcher", "hooks", 1));
    assert_eq!(made.variables[1].default_value.as_deref(), Some("main"));
    prompts.write_prompt(write("plain", "Hello")).await.unwrap();
    let list = pb::ListPromptsRequest { project_id: "web".into(), ..Default::default() };
    let names = async |request: pb::ListPromptsRequest| {
        let page = admin.prompts().list_prompts(request).await.unwrap().into_inner();
        assert_eq!(page.categories.len(), 2, "categories are those of the project");
        page.prompts.into_iter().map(|prompt| prompt.name).collect::<Vec<_>>()
    };
    assert_eq!(names(list.clone()).await, ["plain", "ci/watch"]);
    assert_eq!(names(pb::ListPromptsRequest { category: "hooks".into(), ..list.clone() }).await, ["ci/watch"]);
    assert_eq!(names(pb::ListPromptsRequest { tag: "ci".into(), ..list.clone() }).await, ["ci/watch"]);
    assert!(names(pb::ListPromptsRequest { tag: "none".into(), ..list }).await.is_empty());

    let variables = HashMap::from([("command".to_owned(), "cargo test".to_owned())]);
    let render = pb::RenderPromptRequest { project_id: "web".into(), name: "watch".into(), variables };
    let done = prompts.render_prompt(render).await.unwrap().into_inner();
    assert_eq!(done.rendered, "Run cargo test on main for {{who}}.\n");
    assert_eq!((done.variables_used, done.missing), (vec!["branch".to_owned(), "command".to_owned()], vec!["who".to_owned()]));
    let read = pb::GetPromptRequest { project_id: "web".into(), name: "Test watcher".into() };
    assert!(prompts.get_prompt(read.clone()).await.unwrap().into_inner().content.starts_with("Run {{command}}"));
    let delete = pb::DeletePromptRequest { project_id: "web".into(), name: "watch".into(), ..Default::default() };
    assert_eq!(prompts.delete_prompt(delete).await.unwrap().into_inner().name, "ci/watch");
    assert_eq!(refusal(&prompts.get_prompt(read).await.unwrap_err()).1, "PROMPT_NOT_FOUND");
}

/// F-170, notes R10: hostile names and headers are refused with their field.
#[tokio::test]
async fn bad_templates_are_refused() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("Web").await;
    for name in ["", "../x", "a/../b", "/x", "a/b/c/d", "con", "a\\b", "a/.hidden/", "a\0"] {
        let refused = admin.prompts().write_prompt(write(name, "x")).await.unwrap_err();
        assert_eq!((refused.code(), refusal(&refused).2.as_str()), (Code::InvalidArgument, "name"), "{name:?}");
    }
    for header in ["tags: {}", "name: [", "version: new", "- a", "variables: [{}]"] {
        let refused = admin.prompts().write_prompt(write("x", &format!("---\n{header}\n---\ntext"))).await.unwrap_err();
        assert_eq!((refused.code(), refusal(&refused).2.as_str()), (Code::InvalidArgument, "content"), "{header}");
    }
    let foreign = pb::ListPromptsRequest { project_id: "nothing".into(), ..Default::default() };
    assert_eq!(refusal(&admin.prompts().list_prompts(foreign).await.unwrap_err()).1, "PROJECT_NOT_FOUND");
}
