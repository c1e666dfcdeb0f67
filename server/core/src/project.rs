//! Projects: weight, limits, repository. How shares are computed from the weight lives in `schedule`.
//!
//! Spec: specs/server/core/models.md

use crate::ids::{AgentId, ProjectId};
use crate::runtime::RuntimeKind;
use crate::task::{OwnLimits, VerificationType};
use crate::text_enum::text_enum;
use crate::time::Timestamp;

/// Weight of a project that names none.
pub const DEFAULT_CREDIT_WEIGHT: f64 = 1.0;
/// Most agents that work on a project that names no number.
pub const DEFAULT_MAX_CONCURRENT_AGENTS: u32 = 2;

text_enum! {
    /// Whether a project gets work.
    ProjectStatus, "project status" {
        /// Takes part in scheduling.
        Active = "ACTIVE",
        /// Gets nothing new; what runs goes on.
        Paused = "PAUSED",
        /// Gets nothing new and is hidden from default lists.
        Archived = "ARCHIVED",
    }
}

text_enum! {
    /// What happens between a plan and its tasks.
    PlanApproval, "plan approval" {
        /// The tasks are created at once.
        None = "none",
        /// A person accepts the plan first.
        Approve = "approve",
    }
}

text_enum! {
    /// What becomes of tasks that agents of the project propose.
    ProposalPolicy, "proposal policy" {
        /// They may propose none, and get no key of their own.
        Off = "off",
        /// A proposal waits for a person.
        Approval = "approval",
        /// A proposal starts like any other task.
        Open = "open",
    }
}

/// The top unit of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Slug of the first name; never changes.
    pub id: ProjectId,
    /// The name shown to people.
    pub name: String,
    /// Share of the tokens relative to the other projects; 0 or more, finite.
    pub credit_weight: f64,
    /// Most runs at a time.
    pub max_concurrent_agents: u32,
    /// Whether it gets work.
    pub status: ProjectStatus,
    /// Model tokens in the rolling window at which nothing new starts; `None`: the default (`budget`).
    pub budget_limit: Option<u64>,
    /// URL or absolute path of the repository; empty: none.
    pub repo_url: String,
    /// The branch finished work lands on; empty: detected from the repository.
    pub default_branch: String,
    /// The Discord channel.
    pub discord_channel_id: Option<String>,
    /// Shell lines that check every task without own test commands.
    pub test_commands: Vec<String>,
    /// Runtime required of tasks that name none; `None`: any.
    pub default_runtime: Option<RuntimeKind>,
    /// Limits of the runs of its tasks.
    pub limits: OwnLimits,
    /// How long a question of an agent may wait, in milliseconds; `None`: the configured time.
    pub question_timeout_ms: Option<u64>,
    /// What happens with plans; `None`: as configured.
    pub plan_approval: Option<PlanApproval>,
    /// Whether a plan of a task that did work itself becomes no tasks (`plan::is_finished_work`).
    pub skip_plans_of_finished_work: bool,
    /// What becomes of tasks that its agents propose.
    pub proposals: ProposalPolicy,
    /// Who checks the work of tasks that say nothing about it.
    pub verification: VerificationType,
    /// The runtime of reviewers; `None`: what the task asks for.
    pub reviewer_runtime: Option<RuntimeKind>,
    /// The agent that reviews, preferred and never waited for; its runtime is required where `reviewer_runtime` says nothing.
    pub reviewer: Option<AgentId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When any field last changed.
    pub updated_at: Timestamp,
}

impl Project {
    /// A project with every default (F-006).
    #[must_use]
    pub fn new(id: ProjectId, name: impl Into<String>, at: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            credit_weight: DEFAULT_CREDIT_WEIGHT,
            max_concurrent_agents: DEFAULT_MAX_CONCURRENT_AGENTS,
            status: ProjectStatus::Active,
            budget_limit: None,
            repo_url: String::new(),
            default_branch: String::new(),
            discord_channel_id: None,
            test_commands: Vec::new(),
            default_runtime: None,
            limits: OwnLimits::default(),
            question_timeout_ms: None,
            plan_approval: None,
            skip_plans_of_finished_work: false,
            proposals: ProposalPolicy::Approval,
            verification: VerificationType::AutoTest,
            reviewer_runtime: None,
            reviewer: None,
            created_at: at,
            updated_at: at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-006, models R1.
    #[test]
    fn defaults_are_as_listed() {
        let project = Project::new(ProjectId::parse("app").unwrap(), "App", Timestamp::from_millis(7));
        assert!((project.credit_weight - 1.0).abs() < f64::EPSILON);
        assert_eq!((project.max_concurrent_agents, project.status, project.budget_limit), (2, ProjectStatus::Active, None));
    }
}
