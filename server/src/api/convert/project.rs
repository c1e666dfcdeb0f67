//! Projects.

use aq_core::budget::Share;
use aq_core::project::{ProjectStatus, ProposalPolicy};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::admin::status_counts;
use super::words::{limit, plan_approval, runtime, timestamp, verification};
use crate::lifecycle::{Figures, ProjectHot};

/// A project with what is known of its work. `share`: how it stands among those that share; `None`: it takes no part.
pub(in crate::api) fn project(figures: &Figures, hot: &ProjectHot, share: Option<&Share>, now: Timestamp) -> pb::Project {
    let project = &hot.project;
    let workspaces = figures.workspaces.values().filter(|space| space.project == project.id).count();
    pb::Project {
        id: project.id.to_string(),
        name: project.name.clone(),
        status: match project.status {
            ProjectStatus::Active => pb::ProjectStatus::Active,
            ProjectStatus::Paused | ProjectStatus::Archived => pb::ProjectStatus::Paused,
        }
        .into(),
        credit_weight: project.credit_weight,
        max_concurrent_agents: project.max_concurrent_agents,
        budget_limit: project.budget_limit,
        repo_url: project.repo_url.clone(),
        default_branch: project.default_branch.clone(),
        discord_channel_id: project.discord_channel_id.clone().unwrap_or_default(),
        default_runtime: runtime(project.default_runtime),
        test_commands: project.test_commands.clone(),
        created_at: Some(timestamp(project.created_at)),
        updated_at: Some(timestamp(project.updated_at)),
        task_counts: status_counts(&hot.counts),
        workspace_count: u32::try_from(workspaces).unwrap_or(u32::MAX),
        proposals: match project.proposals {
            ProposalPolicy::Off => pb::ProposalPolicy::Off,
            ProposalPolicy::Approval => pb::ProposalPolicy::Approval,
            ProposalPolicy::Open => pb::ProposalPolicy::Open,
        }
        .into(),
        window_tokens: hot.usage.tokens_at(now),
        time_limit: limit(project.limits.time_ms),
        silence_limit: limit(project.limits.silence_ms),
        question_timeout: project.question_timeout_ms.map(|ms| prost_types::Duration {
            seconds: i64::try_from(ms / 1000).unwrap_or(i64::MAX),
            nanos: i32::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
        }),
        plan_approval: plan_approval(project.plan_approval),
        skip_plans_of_finished_work: project.skip_plans_of_finished_work,
        verification: verification(project.verification),
        reviewer_runtime: runtime(project.reviewer_runtime),
        reviewer_agent_id: project.reviewer.as_ref().map(ToString::to_string).unwrap_or_default(),
        due_share: share.map(|share| share.due),
        deficit: share.map(|share| share.deficit()),
    }
}
