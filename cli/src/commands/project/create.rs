//! `aqctl project create`.

use std::time::Duration;

use aq_proto::v1::{CreateProjectRequest, PlanApproval, ProposalPolicy, Runtime, Verification};

use crate::candidates;
use crate::commands::values::{self, PlanRule};
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::words;

/// Create a project; its id is made from the name
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The name, for example "My App"
    name: String,
    /// URL or path of its repository
    #[arg(long, value_name = "URL", default_value = "")]
    repo: String,
    /// The branch that finished work lands on [default: the repository's]
    #[arg(long, value_name = "BRANCH", default_value = "")]
    default_branch: String,
    /// Share of the agents' work relative to other projects [default: 1.0]
    #[arg(long, value_name = "NUMBER", value_parser = values::weight)]
    weight: Option<f64>,
    /// Most agents at work at the same time [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_agents: Option<u32>,
    /// Most model tokens within the budget window, for example 5M
    #[arg(long, value_name = "TOKENS", value_parser = values::tokens)]
    budget: Option<u64>,
    /// Runtime of tasks that name none
    #[arg(long, value_parser = words::parser::<Runtime>(), ignore_case = true)]
    runtime: Option<Runtime>,
    /// Test command of tasks that bring none; may be repeated
    #[arg(long = "test", value_name = "COMMAND")]
    tests: Vec<String>,
    /// What becomes of tasks that its agents propose [default: approval]
    #[arg(long, value_parser = words::parser::<ProposalPolicy>(), ignore_case = true)]
    proposals: Option<ProposalPolicy>,
    /// Who checks the work of tasks that say nothing about it [default: tests]
    #[arg(long, value_parser = words::parser::<Verification>(), ignore_case = true)]
    verification: Option<Verification>,
    /// The runtime of agents that review work [default: the reviewer's, else the task's]
    #[arg(long, value_name = "RUNTIME", value_parser = words::parser::<Runtime>(), ignore_case = true)]
    reviewer_runtime: Option<Runtime>,
    /// The agent that reviews work when it is free
    #[arg(long, value_name = "AGENT", add = candidates::agents())]
    reviewer: Option<String>,
    /// Discord channel id of the project
    #[arg(long, value_name = "ID", default_value = "")]
    discord_channel: String,
    /// Longest run of its tasks, for example 2h [default: the server's]
    #[arg(long, value_name = "LENGTH", value_parser = values::length)]
    time_limit: Option<Duration>,
    /// Longest time that a run of its tasks may print nothing [default: the server's]
    #[arg(long, value_name = "LENGTH", value_parser = values::length)]
    silence_limit: Option<Duration>,
    /// How long a question of an agent may wait, for example 2h [default: the server's]
    #[arg(long, value_name = "DURATION", value_parser = values::length)]
    question_timeout: Option<Duration>,
    /// What happens between a plan and its tasks [default: the server's]
    #[arg(long, value_name = "RULE", value_enum)]
    plan_approval: Option<PlanRule>,
    /// Make no tasks of a plan when the task that left it changed three files or fifty lines itself
    #[arg(long)]
    skip_plans_of_finished_work: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let reviewer_agent_id = match &args.reviewer {
        Some(typed) => ids::agent(&connection, typed).await?,
        None => String::new(),
    };
    let request = CreateProjectRequest {
        name: args.name,
        credit_weight: args.weight,
        max_concurrent_agents: args.max_agents,
        budget_limit: args.budget,
        repo_url: args.repo,
        default_branch: args.default_branch,
        discord_channel_id: args.discord_channel,
        default_runtime: args.runtime.unwrap_or_default().into(),
        test_commands: args.tests,
        time_limit: args.time_limit.map(values::wire_length),
        silence_limit: args.silence_limit.map(values::wire_length),
        question_timeout: args.question_timeout.map(values::wire_length),
        plan_approval: args.plan_approval.map_or_else(PlanApproval::default, PlanRule::on_the_wire).into(),
        skip_plans_of_finished_work: args.skip_plans_of_finished_work,
        proposals: args.proposals.unwrap_or_default().into(),
        verification: args.verification.unwrap_or_default().into(),
        reviewer_runtime: args.reviewer_runtime.unwrap_or_default().into(),
        reviewer_agent_id,
        request_id: request_id(),
    };
    let project = connection.projects().create_project(request).await?.into_inner();
    let next = if project.repo_url.is_empty() {
        format!("project {} created; give it a workspace with: aqctl workspace add {0} --init PATH, or --link PATH", project.id)
    } else {
        format!("project {} created; give it work with: aqctl task add \"What is to be done\" --project {0}", project.id)
    };
    context.ui.done(&project, Some(&project.id), next)
}
