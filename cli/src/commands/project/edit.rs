//! `aqctl project edit`.

use std::time::Duration;

use aq_proto::v1::{Project, ProposalPolicy, Runtime, UpdateProjectRequest, Verification};
use prost_types::FieldMask;

use crate::candidates;
use crate::commands::values::{self, OrNone, PlanRule};
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::words;

/// Change a project; only what is named changes
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args([
    "name", "repo", "default_branch", "weight", "max_agents", "budget", "runtime", "any_runtime", "tests", "no_tests", "discord_channel",
    "time_limit", "silence_limit",
    "question_timeout", "plan_approval", "skip_plans_of_finished_work", "proposals", "verification", "reviewer_runtime", "no_reviewer_runtime",
    "reviewer",
]))]
pub(crate) struct Args {
    /// The project
    #[arg(add = candidates::projects())]
    project: String,
    /// The name; the id stays
    #[arg(long)]
    name: Option<String>,
    /// URL or path of its repository
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// The branch that finished work lands on
    #[arg(long, value_name = "BRANCH")]
    default_branch: Option<String>,
    /// Share of the agents' work relative to other projects
    #[arg(long, value_name = "NUMBER", value_parser = values::weight)]
    weight: Option<f64>,
    /// Most agents at work at the same time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_agents: Option<u32>,
    /// Most model tokens within the budget window, or none
    #[arg(long, value_name = "TOKENS|none", value_parser = values::tokens_or_none)]
    budget: Option<OrNone<u64>>,
    /// Runtime of tasks that name none
    #[arg(long, value_parser = words::parser::<Runtime>(), ignore_case = true)]
    runtime: Option<Runtime>,
    /// Tasks that name no runtime may go to any agent
    #[arg(long, conflicts_with = "runtime")]
    any_runtime: bool,
    /// Test command of tasks that bring none; may be repeated, replaces all
    #[arg(long = "test", value_name = "COMMAND")]
    tests: Vec<String>,
    /// No test commands
    #[arg(long, conflicts_with = "tests")]
    no_tests: bool,
    /// What becomes of tasks that its agents propose
    #[arg(long, value_parser = words::parser::<ProposalPolicy>(), ignore_case = true)]
    proposals: Option<ProposalPolicy>,
    /// Who checks the work of tasks that say nothing about it
    #[arg(long, value_parser = words::parser::<Verification>(), ignore_case = true)]
    verification: Option<Verification>,
    /// The runtime of agents that review work
    #[arg(long, value_name = "RUNTIME", value_parser = words::parser::<Runtime>(), ignore_case = true)]
    reviewer_runtime: Option<Runtime>,
    /// Reviewers are of the runtime of the reviewer, else of the task
    #[arg(long, conflicts_with = "reviewer_runtime")]
    no_reviewer_runtime: bool,
    /// The agent that reviews work when it is free, or none
    #[arg(long, value_name = "AGENT|none", add = candidates::agents())]
    reviewer: Option<String>,
    /// Discord channel id of the project, or none
    #[arg(long, value_name = "ID|none")]
    discord_channel: Option<String>,
    /// Longest run of its tasks, or none for the server's
    #[arg(long, value_name = "LENGTH|none", value_parser = values::length_or_none)]
    time_limit: Option<OrNone<Duration>>,
    /// Longest time that a run of its tasks may print nothing, or none for the server's
    #[arg(long, value_name = "LENGTH|none", value_parser = values::length_or_none)]
    silence_limit: Option<OrNone<Duration>>,
    /// How long a question of an agent may wait, for example 2h, or none for the server's time
    #[arg(long, value_name = "DURATION|none", value_parser = values::length_or_none)]
    question_timeout: Option<OrNone<Duration>>,
    /// What happens between a plan and its tasks: `none` creates them at once, `approve` asks first, `default` is as configured
    #[arg(long, value_name = "RULE", value_enum)]
    plan_approval: Option<PlanRule>,
    /// Whether a plan becomes no tasks when the task that left it changed three files or fifty lines itself
    #[arg(long, value_name = "true|false")]
    skip_plans_of_finished_work: Option<bool>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let mut project = Project::default();
    let mut paths = Vec::new();
    if let Some(name) = args.name {
        project.name = name;
        paths.push("name");
    }
    if let Some(repo) = args.repo {
        project.repo_url = repo;
        paths.push("repo_url");
    }
    if let Some(branch) = args.default_branch {
        project.default_branch = branch;
        paths.push("default_branch");
    }
    if let Some(weight) = args.weight {
        project.credit_weight = weight;
        paths.push("credit_weight");
    }
    if let Some(most) = args.max_agents {
        project.max_concurrent_agents = most;
        paths.push("max_concurrent_agents");
    }
    if let Some(OrNone(budget)) = args.budget {
        project.budget_limit = budget;
        paths.push("budget_limit");
    }
    if args.runtime.is_some() || args.any_runtime {
        project.default_runtime = args.runtime.unwrap_or_default().into();
        paths.push("default_runtime");
    }
    if !args.tests.is_empty() || args.no_tests {
        project.test_commands = args.tests;
        paths.push("test_commands");
    }
    if let Some(proposals) = args.proposals {
        project.proposals = proposals.into();
        paths.push("proposals");
    }
    if let Some(verification) = args.verification {
        project.verification = verification.into();
        paths.push("verification");
    }
    if args.reviewer_runtime.is_some() || args.no_reviewer_runtime {
        project.reviewer_runtime = args.reviewer_runtime.unwrap_or_default().into();
        paths.push("reviewer_runtime");
    }
    if args.reviewer.is_some() {
        paths.push("reviewer_agent_id");
    }
    if let Some(channel) = args.discord_channel {
        project.discord_channel_id = if channel == "none" { String::new() } else { channel };
        paths.push("discord_channel_id");
    }
    if let Some(OrNone(limit)) = args.time_limit {
        project.time_limit = limit.map(values::wire_length);
        paths.push("time_limit");
    }
    if let Some(OrNone(limit)) = args.silence_limit {
        project.silence_limit = limit.map(values::wire_length);
        paths.push("silence_limit");
    }
    if let Some(OrNone(time)) = args.question_timeout {
        project.question_timeout = time.map(values::wire_length);
        paths.push("question_timeout");
    }
    if let Some(rule) = args.plan_approval {
        project.plan_approval = rule.on_the_wire().into();
        paths.push("plan_approval");
    }
    if let Some(skip) = args.skip_plans_of_finished_work {
        project.skip_plans_of_finished_work = skip;
        paths.push("skip_plans_of_finished_work");
    }
    let connection = context.connect().await?;
    project.id = ids::project(&connection, &args.project).await?;
    if let Some(typed) = args.reviewer.as_deref().filter(|typed| *typed != "none") {
        project.reviewer_agent_id = ids::agent(&connection, typed).await?;
    }
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let request = UpdateProjectRequest { project: Some(project), update_mask, request_id: request_id() };
    let project = connection.projects().update_project(request).await?.into_inner();
    context.ui.done(&project, None, format!("changed {} of project {}", paths.join(", "), project.id))
}
