//! ProjectService.

use std::collections::BTreeMap;
use std::sync::Arc;

use aq_core::budget::{Share, shares};
use aq_core::ids::ProjectId;
use aq_core::project::ProposalPolicy;
use aq_core::task::{TaskStatus, VerificationType};
use aq_core::time::Timestamp;
use aq_core::workspace::WorkspaceKind;
use aq_proto::v1 as pb;
use pb::project_service_server::ProjectService;
use tonic::Request;

use super::convert;
use super::incoming::{few, given, limit_ms, mask, member, optional_agent, plan_approval, project_id, runtime, short, verification};
use super::page::Page;
use super::service::{Api, Done};
use super::status::{ApiError, Reply};
use crate::commands::projects::{self, ProjectFields};
use crate::commands::{Context, workspaces};
use crate::lifecycle::{Figures, ProjectHot, Tx};

const FIELDS: &[&str] = &[
    "name",
    "credit_weight",
    "max_concurrent_agents",
    "budget_limit",
    "repo_url",
    "default_branch",
    "discord_channel_id",
    "default_runtime",
    "test_commands",
    "time_limit",
    "silence_limit",
    "question_timeout",
    "plan_approval",
    "skip_plans_of_finished_work",
    "proposals",
    "verification",
    "reviewer_runtime",
    "reviewer_agent_id",
];

/// The service.
pub(super) struct Projects(pub(super) Api);

fn shown(figures: &Figures, id: &ProjectId, now: Timestamp) -> Result<pb::Project, ApiError> {
    let hot = figures.projects.get(id).ok_or_else(|| ApiError::not_found("project", id.as_str()))?;
    Ok(convert::project(figures, hot, shared(figures, now).get(id), now))
}

/// The shares of the projects that used something within the window or have open tasks: among them work is shared.
fn shared(figures: &Figures, now: Timestamp) -> BTreeMap<&ProjectId, Share> {
    let open = |hot: &ProjectHot| hot.counts.iter().any(|(status, count)| *status != TaskStatus::Completed && *count > 0);
    let used = |hot: &ProjectHot| (hot.project.credit_weight, hot.usage.tokens_at(now));
    let all = figures.projects.iter().map(|(id, hot)| (id, used(hot), open(hot)));
    shares(all.filter(|(_, (_, tokens), open)| *tokens > 0 || *open).map(|(id, (weight, tokens), _)| (id, weight, tokens)))
}

fn shown_after(tx: &Tx<'_>, id: &ProjectId, context: &Context) -> Result<Done<pb::Project>, ApiError> {
    Ok(shown(tx.state, id, context.now)?.into())
}

fn channel(text: &str) -> Result<Option<String>, ApiError> {
    Ok(Some(short("discord_channel_id", text)?).filter(|id| !id.is_empty()))
}

fn timeout(field: &str, given: Option<prost_types::Duration>) -> Result<Option<u64>, ApiError> {
    let Some(given) = given else { return Ok(None) };
    let millis = u64::try_from(given.seconds).ok().zip(u64::try_from(given.nanos).ok());
    let millis = millis.and_then(|(seconds, nanos)| seconds.checked_mul(1000)?.checked_add(nanos / 1_000_000));
    millis
        .filter(|millis| projects::QUESTION_TIMEOUT_MS.contains(millis))
        .map(Some)
        .ok_or_else(|| ApiError::invalid(field, "must be from 1 second to 366 days"))
}

/// What becomes of proposals; the default where nothing is said.
fn proposals(field: &str, value: i32) -> Result<ProposalPolicy, ApiError> {
    Ok(match member::<pb::ProposalPolicy>(field, value)? {
        Some(pb::ProposalPolicy::Off) => ProposalPolicy::Off,
        Some(pb::ProposalPolicy::Open) => ProposalPolicy::Open,
        Some(pb::ProposalPolicy::Approval | pb::ProposalPolicy::Unspecified) | None => ProposalPolicy::Approval,
    })
}

fn new_fields(body: &pb::CreateProjectRequest) -> Result<ProjectFields, ApiError> {
    few("test_commands", body.test_commands.len())?;
    if body.credit_weight.is_some_and(|weight| weight <= 0.0) {
        return Err(ApiError::invalid("credit_weight", "must be above 0"));
    }
    if body.max_concurrent_agents == Some(0) {
        return Err(ApiError::invalid("max_concurrent_agents", "must be at least 1; pause the project to start nothing"));
    }
    Ok(ProjectFields {
        name: Some(short("name", &body.name)?),
        credit_weight: body.credit_weight,
        max_concurrent_agents: body.max_concurrent_agents,
        budget_limit: body.budget_limit.map(Some),
        repo_url: Some(short("repo_url", body.repo_url.trim())?),
        default_branch: Some(short("default_branch", &body.default_branch)?),
        discord_channel_id: Some(channel(&body.discord_channel_id)?),
        test_commands: Some(body.test_commands.clone()),
        default_runtime: Some(runtime("default_runtime", body.default_runtime)?),
        time_limit_ms: limit_ms("time_limit", body.time_limit.as_ref())?.map(Some),
        silence_limit_ms: limit_ms("silence_limit", body.silence_limit.as_ref())?.map(Some),
        question_timeout_ms: Some(timeout("question_timeout", body.question_timeout)?),
        plan_approval: Some(plan_approval("plan_approval", body.plan_approval)?),
        skip_plans_of_finished_work: Some(body.skip_plans_of_finished_work),
        proposals: Some(proposals("proposals", body.proposals)?),
        verification: Some(verification("verification", body.verification)?.unwrap_or(VerificationType::AutoTest)),
        reviewer_runtime: Some(runtime("reviewer_runtime", body.reviewer_runtime)?),
        reviewer: Some(optional_agent("reviewer_agent_id", &body.reviewer_agent_id)?),
    })
}

fn changed_fields(body: &pb::UpdateProjectRequest, project: &pb::Project) -> Result<ProjectFields, ApiError> {
    let named = mask(body.update_mask.as_ref(), FIELDS)?;
    let has = |field: &str| named.contains(field);
    few("project.test_commands", project.test_commands.len())?;
    // A named field that is unset goes back to its default.
    let weight = if project.credit_weight == 0.0 { aq_core::project::DEFAULT_CREDIT_WEIGHT } else { project.credit_weight };
    let most = match project.max_concurrent_agents {
        0 => aq_core::project::DEFAULT_MAX_CONCURRENT_AGENTS,
        most => most,
    };
    Ok(ProjectFields {
        name: if has("name") { Some(short("project.name", &project.name)?) } else { None },
        credit_weight: has("credit_weight").then_some(weight),
        max_concurrent_agents: has("max_concurrent_agents").then_some(most),
        budget_limit: has("budget_limit").then_some(project.budget_limit),
        repo_url: if has("repo_url") { Some(short("project.repo_url", project.repo_url.trim())?) } else { None },
        default_branch: if has("default_branch") { Some(short("project.default_branch", &project.default_branch)?) } else { None },
        discord_channel_id: if has("discord_channel_id") { Some(channel(&project.discord_channel_id)?) } else { None },
        test_commands: has("test_commands").then(|| project.test_commands.clone()),
        default_runtime: if has("default_runtime") { Some(runtime("project.default_runtime", project.default_runtime)?) } else { None },
        time_limit_ms: if has("time_limit") { Some(limit_ms("project.time_limit", project.time_limit.as_ref())?) } else { None },
        silence_limit_ms: if has("silence_limit") {
            Some(limit_ms("project.silence_limit", project.silence_limit.as_ref())?)
        } else {
            None
        },
        question_timeout_ms: if has("question_timeout") {
            Some(timeout("project.question_timeout", project.question_timeout)?)
        } else {
            None
        },
        plan_approval: if has("plan_approval") { Some(plan_approval("project.plan_approval", project.plan_approval)?) } else { None },
        skip_plans_of_finished_work: has("skip_plans_of_finished_work").then_some(project.skip_plans_of_finished_work),
        proposals: if has("proposals") { Some(proposals("project.proposals", project.proposals)?) } else { None },
        verification: if has("verification") {
            Some(verification("project.verification", project.verification)?.unwrap_or(VerificationType::AutoTest))
        } else {
            None
        },
        reviewer_runtime: if has("reviewer_runtime") { Some(runtime("project.reviewer_runtime", project.reviewer_runtime)?) } else { None },
        reviewer: if has("reviewer_agent_id") {
            Some(optional_agent("project.reviewer_agent_id", &project.reviewer_agent_id)?)
        } else {
            None
        },
    })
}

impl Projects {
    /// Asks git before anything depends on the repository.
    async fn check_repository(&self, field: &str, url: Option<&String>) -> Result<(), ApiError> {
        let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(()) };
        if url.starts_with('-') || url.contains(['\n', '\r']) || url.starts_with("ext::") {
            return Err(ApiError::invalid(field, "must be an https or ssh URL or an absolute path"));
        }
        self.0.parts.repositories.repository(url).await.map_err(|refused| ApiError::invalid(field, refused.0))
    }

    async fn get(&self, context: &Context, id: ProjectId) -> Result<pb::Project, ApiError> {
        context.sees(&id, "project", id.as_str())?;
        let now = context.now;
        self.0.turn(context).look(move |seen| shown(seen.figures, &id, now)).await
    }
}

#[tonic::async_trait]
impl ProjectService for Projects {
    async fn create_project(&self, request: Request<pb::CreateProjectRequest>) -> Reply<pb::Project> {
        let call = self.0.admit(request)?;
        let fields = new_fields(&call.body)?;
        self.check_repository("repo_url", fields.repo_url.as_ref()).await?;
        let clones = self.0.parts.facts.clones.clone();
        let create = move |tx: &mut Tx<'_>, context: &Context| {
            let project = projects::create(tx, context, &fields)?;
            // A project with a repository is usable at once: one workspace for each agent that may work on it.
            if !project.repo_url.is_empty() {
                for _ in 0..project.max_concurrent_agents.min(u32::try_from(workspaces::MAX_WORKSPACES).unwrap_or(u32::MAX)) {
                    workspaces::add(tx, context, &project.id, WorkspaceKind::Clone, None, "", &clones)?;
                }
            }
            shown_after(tx, &project.id, context)
        };
        self.0.mutate(&call.context, &call.body, create).await
    }

    async fn get_project(&self, request: Request<pb::GetProjectRequest>) -> Reply<pb::Project> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        Ok(tonic::Response::new(self.get(&call.context, id).await?))
    }

    async fn list_projects(&self, request: Request<pb::ListProjectsRequest>) -> Reply<pb::ListProjectsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<String>::of(&call.body)?;
        let status = member::<pb::ProjectStatus>("status", call.body.status)?;
        let (context, channel) = (Arc::new(call.context), short("discord_channel_id", &call.body.discord_channel_id)?);
        let found = self
            .0
            .turn(&context)
            .look(move |seen| {
                let visible = seen.figures.projects.values().filter(|hot| context.principal.projects.covers(&hot.project.id));
                let shares = shared(seen.figures, context.now);
                let all = visible.map(|hot| convert::project(seen.figures, hot, shares.get(&hot.project.id), context.now));
                let wanted = all.filter(|project| {
                    status.is_none_or(|status| project.status == i32::from(status))
                        && (channel.is_empty() || project.discord_channel_id == channel)
                });
                Ok(wanted.collect::<Vec<_>>())
            })
            .await?;
        let slice = page.slice(found, |project| project.id.clone());
        Ok(tonic::Response::new(pb::ListProjectsResponse { projects: slice.items, next_page_token: slice.next, total_size: slice.total }))
    }

    async fn update_project(&self, request: Request<pb::UpdateProjectRequest>) -> Reply<pb::Project> {
        let call = self.0.admit(request)?;
        let project = given("project", call.body.project.as_ref())?;
        let id = project_id("project.id", &project.id)?;
        let fields = changed_fields(&call.body, project)?;
        self.check_repository("project.repo_url", fields.repo_url.as_ref()).await?;
        let edit = move |tx: &mut Tx<'_>, context: &Context| {
            projects::edit(tx, context, &id, &fields)?;
            shown_after(tx, &id, context)
        };
        self.0.mutate(&call.context, &call.body, edit).await
    }

    async fn pause_project(&self, request: Request<pb::PauseProjectRequest>) -> Reply<pb::Project> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let pause = move |tx: &mut Tx<'_>, context: &Context| {
            projects::set_paused(tx, context, &id, true)?;
            shown_after(tx, &id, context)
        };
        self.0.mutate(&call.context, &call.body, pause).await
    }

    async fn resume_project(&self, request: Request<pb::ResumeProjectRequest>) -> Reply<pb::Project> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let resume = move |tx: &mut Tx<'_>, context: &Context| {
            projects::set_paused(tx, context, &id, false)?;
            shown_after(tx, &id, context)
        };
        self.0.mutate(&call.context, &call.body, resume).await
    }

    async fn delete_project(&self, request: Request<pb::DeleteProjectRequest>) -> Reply<pb::DeleteProjectResponse> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let delete = move |tx: &mut Tx<'_>, context: &Context| {
            let tasks = tx.state.projects.get(&id).map_or(0, |hot| hot.counts.values().sum());
            let gone = projects::delete(tx, context, &id)?;
            let discord_channel_id = gone.discord_channel_id.unwrap_or_default();
            Ok(pb::DeleteProjectResponse { deleted_tasks: tasks, discord_channel_id }.into())
        };
        self.0.mutate(&call.context, &call.body, delete).await
    }
}
