//! A provider key on its way: named by its place, read when a run starts, in the agent's environment, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use aq_proto::v1 as pb;

use super::place::Place;
use super::world::{Launched, Served};

const KEY: &str = "sk-test-4f7d9c2b1a8e6035";

/// Orchestrator R24, R14 of the redaction, models R9: an account names its key by where it lies; the agent finds it in its environment, under the name that
/// the account says; what it prints of it is masked; no answer, no event, no log and no file of the server holds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_reaches_the_agent_alone() {
    let folder = Place::new();
    let launched = Launched::on(Arc::clone(&folder), "agents:\n  sandbox: none\n", &[("PLAN_KEY", KEY)]);
    let served = launched.serving().await;
    let project = served.project().await;
    let account = pb::CreateAccountRequest {
        name: "Plan".into(),
        runtime: pb::Runtime::Claude.into(),
        key_variable: "MY_PROVIDER_KEY".into(),
        provider_key: KEY.into(),
        ..Default::default()
    };
    let refused = served.admin.accounts().create_account(account).await.unwrap_err();
    assert!(refused.code() == tonic::Code::InvalidArgument && !refused.message().contains(KEY), "{refused}");
    key_for_agents(&served, "MY_PROVIDER_KEY").await;

    let outside = folder.path().join("seen.txt").display().to_string();
    let task = served
        .task(&project, &format!("shell printf %s \"$MY_PROVIDER_KEY\" > {outside}; echo \"it is $MY_PROVIDER_KEY.\"\nsay the-end"))
        .await;
    served.said(&task, "the-end").await;
    served.told(&task, "task.completed").await;
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), KEY);

    let request = pb::StreamRunOutputRequest { task_id: task.clone(), ..Default::default() };
    let mut stream = served.admin.runs().stream_run_output(request).await.unwrap().into_inner();
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        messages.push(message);
    }
    let said = format!("{messages:?}");
    assert!(said.contains("it is ") && !said.contains(KEY), "{said}");
    let events = served.admin.events().list_events(pb::ListEventsRequest::default()).await.unwrap().into_inner();
    assert!(!format!("{events:?}").contains(KEY));
    // The shim's own files go with the run.
    let gone = async {
        while std::fs::read_dir(served.home().join("runs")).is_ok_and(|runs| runs.count() > 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
    assert_eq!(holding(&served.home(), KEY.as_bytes()), Vec::<String>::new());
}

/// Gives the scripted agent an account whose key is what `PLAN_KEY` of the server holds, under a name of its environment.
pub(super) async fn key_for_agents(served: &Served, variable: &str) {
    let account = pb::CreateAccountRequest {
        name: "Plan".into(),
        runtime: pb::Runtime::Claude.into(),
        key_variable: variable.into(),
        provider_key: "env:PLAN_KEY".into(),
        ..Default::default()
    };
    let made = served.admin.accounts().create_account(account).await.unwrap().into_inner();
    assert!(made.has_provider_key && made.provider_key.is_empty(), "{made:?}");
    let agents = served.admin.agents().list_agents(pb::ListAgentsRequest::default()).await.unwrap().into_inner().agents;
    let edit = pb::UpdateAgentRequest {
        agent: Some(pb::Agent { id: agents[0].id.clone(), account_id: made.id, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["account_id".into()] }),
        ..Default::default()
    };
    served.admin.agents().update_agent(edit).await.unwrap();
}

/// The files below a folder that hold a text.
pub(super) fn holding(folder: &std::path::Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(holding(&path, text)),
            Ok(kind) if kind.is_file() && std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text)) => {
                found.push(path.display().to_string());
            }
            _ => {}
        }
    }
    found
}
