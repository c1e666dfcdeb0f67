//! Commands about agents and workspaces.

use aq_proto::v1 as pb;
use prost_types::FieldMask;
use tonic::Status;

use super::options::Asked;
use super::task::done;
use crate::message::Message;
use crate::text::inline;

/// Answers.
pub(super) async fn run(words: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    let agent_id = asked.text("agent");
    let name = inline(&agent_id);
    let request_id = asked.request_id("");
    let mut agents = asked.server.agents();
    match words {
        "agent create" => {
            let word = asked.given("agent_type").unwrap_or("claude").to_uppercase();
            let runtime = pb::Runtime::from_str_name(&format!("RUNTIME_{word}")).unwrap_or_default();
            let request = pb::CreateAgentRequest {
                name: asked.text("name"),
                runtime: runtime.into(),
                account_id: asked.text("account"),
                request_id,
                ..Default::default()
            };
            let made = agents.create_agent(request).await?.into_inner();
            Ok(done(format!("🤖 {} is there and looks for work.", inline(&made.id))))
        }
        "agent edit" => {
            let mut agent = pb::Agent { id: agent_id, ..Default::default() };
            let mut paths = Vec::new();
            if let Some(name) = asked.given("name") {
                name.clone_into(&mut agent.name);
                paths.push("name".to_owned());
            }
            if let Some(model) = asked.given("model") {
                let found = agents.get_agent(pb::GetAgentRequest { agent_id: agent.id.clone() }).await?.into_inner();
                let mut profile = found.profile.unwrap_or_default();
                model.clone_into(&mut profile.model);
                agent.profile = Some(profile);
                paths.push("profile".to_owned());
            }
            if paths.is_empty() {
                return Err(Status::invalid_argument("nothing to change: give at least one new value"));
            }
            let changed = paths.join(", ");
            agents.update_agent(pb::UpdateAgentRequest { agent: Some(agent), update_mask: Some(FieldMask { paths }), request_id }).await?;
            Ok(done(format!("✏️ {name} changed: {changed}.")))
        }
        "agent pause" => {
            agents.pause_agent(pb::PauseAgentRequest { agent_id, request_id }).await?;
            Ok(done(format!("⏸️ {name} takes nothing new.")))
        }
        "agent resume" => {
            agents.resume_agent(pb::ResumeAgentRequest { agent_id, request_id }).await?;
            Ok(done(format!("▶️ {name} takes work again.")))
        }
        "agent delete" => {
            agents.delete_agent(pb::DeleteAgentRequest { agent_id, request_id }).await?;
            Ok(done(format!("🗑️ {name} is deleted.")))
        }
        "workspace add" => {
            let kind = if asked.given("source") == Some("link") { pb::WorkspaceKind::Link } else { pb::WorkspaceKind::Clone };
            let request = pb::AddWorkspaceRequest {
                project_id: asked.project()?,
                kind: kind.into(),
                source: asked.text("path"),
                name: asked.text("name"),
                request_id,
            };
            let made = asked.server.workspaces().add_workspace(request).await?.into_inner();
            Ok(done(format!("📁 {} has the workspace {}.", inline(&made.project_id), inline(&made.id))))
        }
        _ => {
            let workspace_id = asked.text("workspace");
            asked
                .server
                .workspaces()
                .release_workspace(pb::ReleaseWorkspaceRequest { workspace_id: workspace_id.clone(), request_id })
                .await?;
            Ok(done(format!("📁 {} is free.", inline(&workspace_id))))
        }
    }
}
