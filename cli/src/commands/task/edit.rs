//! `aqctl task edit` (F-156).

use std::time::Duration;

use aq_proto::v1::{Runtime, Task, TaskType, UpdateTaskRequest, Verification};
use prost_types::FieldMask;

use crate::candidates;
use crate::commands::values::{self, OrNone, PlanRule, long_text};
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::words;

/// Change a task; only what is named changes. The status has commands of its own
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args([
    "title", "description", "file", "priority", "kind", "no_type", "runtime", "any_runtime", "fallback", "no_fallback", "filler", "verification",
    "plan_approval", "agent", "model", "tests", "no_tests",
    "requires_approval", "max_retries", "budget", "time_limit", "silence_limit",
]))]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
    /// One line for people
    #[arg(long)]
    title: Option<String>,
    /// The agent's full instruction; `-` reads standard input
    #[arg(short, long, value_name = "TEXT", conflicts_with = "file")]
    description: Option<String>,
    /// Read the instruction from a file; `-` reads standard input
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<String>,
    /// Lower runs first
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// What kind of work it is
    #[arg(long = "type", value_parser = words::parser::<TaskType>(), ignore_case = true)]
    kind: Option<TaskType>,
    /// No type
    #[arg(long, conflicts_with = "kind")]
    no_type: bool,
    /// The runtime that must do it
    #[arg(long, value_parser = words::parser::<Runtime>(), ignore_case = true)]
    runtime: Option<Runtime>,
    /// The project's default runtime, else any
    #[arg(long, conflicts_with = "runtime")]
    any_runtime: bool,
    /// A runtime that may do it while the accounts of its own are closed; may be repeated, replaces all
    #[arg(long, value_name = "RUNTIME", value_parser = words::parser::<Runtime>(), ignore_case = true)]
    fallback: Vec<Runtime>,
    /// No runtime but its own
    #[arg(long, conflicts_with = "fallback")]
    no_fallback: bool,
    /// Whether it is filler work, which starts only on what the usage windows would let expire
    #[arg(long, value_name = "true|false")]
    filler: Option<bool>,
    /// Who checks the work before it lands; `default`: as the project says now
    #[arg(long, value_name = "WHO", value_parser = values::or_default::<Verification>)]
    verification: Option<Verification>,
    /// What happens between a plan that it writes and the tasks of the plan; `default`: as the project says
    #[arg(long, value_name = "RULE", value_enum)]
    plan_approval: Option<PlanRule>,
    /// The agent that is preferred, or none; it is never waited for
    #[arg(long, value_name = "AGENT|none", add = candidates::agents())]
    agent: Option<String>,
    /// Model name, or none
    #[arg(long, value_name = "MODEL|none")]
    model: Option<String>,
    /// Command that must succeed before the work lands; may be repeated, replaces all
    #[arg(long = "test", value_name = "COMMAND")]
    tests: Vec<String>,
    /// The project's test commands
    #[arg(long, conflicts_with = "tests")]
    no_tests: bool,
    /// Whether finished work waits for a person
    #[arg(long, value_name = "true|false")]
    requires_approval: Option<bool>,
    /// Most tries in all before it is blocked, 0 to 20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=20))]
    max_retries: Option<u32>,
    /// Most model tokens of all its runs, or none for the server's default
    #[arg(long, value_name = "TOKENS|none", value_parser = values::tokens_or_none)]
    budget: Option<OrNone<u64>>,
    /// Longest run, or none for the project's
    #[arg(long, value_name = "LENGTH|none", value_parser = values::length_or_none)]
    time_limit: Option<OrNone<Duration>>,
    /// Longest time that a run may print nothing, or none for the project's
    #[arg(long, value_name = "LENGTH|none", value_parser = values::length_or_none)]
    silence_limit: Option<OrNone<Duration>>,
}

/// The new values and the names of the fields that change; the agent's id is resolved by the caller.
fn changes(args: Args, description: Option<String>) -> (Task, Vec<&'static str>) {
    let mut task = Task::default();
    let mut paths = Vec::new();
    let unless_none = |text: String| if text == "none" { String::new() } else { text };
    if let Some(title) = args.title {
        task.title = title;
        paths.push("title");
    }
    if let Some(description) = description {
        task.description = description;
        paths.push("description");
    }
    if let Some(priority) = args.priority {
        task.priority = priority;
        paths.push("priority");
    }
    if args.kind.is_some() || args.no_type {
        task.r#type = args.kind.unwrap_or_default().into();
        paths.push("type");
    }
    if args.runtime.is_some() || args.any_runtime {
        task.runtime = args.runtime.unwrap_or_default().into();
        paths.push("runtime");
    }
    if !args.fallback.is_empty() || args.no_fallback {
        task.fallback = args.fallback.into_iter().map(Into::into).collect();
        paths.push("fallback");
    }
    if let Some(filler) = args.filler {
        task.filler = filler;
        paths.push("filler");
    }
    if let Some(verification) = args.verification {
        task.verification = verification.into();
        paths.push("verification");
    }
    if let Some(rule) = args.plan_approval {
        task.plan_approval = rule.on_the_wire().into();
        paths.push("plan_approval");
    }
    if let Some(agent) = args.agent {
        task.required_agent_id = unless_none(agent);
        paths.push("required_agent_id");
    }
    if let Some(model) = args.model {
        task.model = unless_none(model);
        paths.push("model");
    }
    if !args.tests.is_empty() || args.no_tests {
        task.test_commands = args.tests;
        paths.push("test_commands");
    }
    if let Some(requires) = args.requires_approval {
        task.requires_approval = requires;
        paths.push("requires_approval");
    }
    if let Some(most) = args.max_retries {
        task.max_retries = most;
        paths.push("max_retries");
    }
    if let Some(OrNone(budget)) = args.budget {
        task.token_budget = budget;
        paths.push("token_budget");
    }
    if let Some(OrNone(limit)) = args.time_limit {
        task.time_limit = limit.map(values::wire_length);
        paths.push("time_limit");
    }
    if let Some(OrNone(limit)) = args.silence_limit {
        task.silence_limit = limit.map(values::wire_length);
        paths.push("silence_limit");
    }
    (task, paths)
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let description = long_text(&context.ui, args.description.as_deref(), args.file.as_deref())?;
    let typed = args.task.clone();
    let (mut task, paths) = changes(args, description);
    let connection = context.connect().await?;
    task.id = ids::task(&connection, &typed).await?;
    if !task.required_agent_id.is_empty() {
        task.required_agent_id = ids::agent(&connection, &task.required_agent_id).await?;
    }
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let request = UpdateTaskRequest { task: Some(task), update_mask, request_id: request_id() };
    let task = connection.tasks().update_task(request).await?.into_inner();
    context.ui.done(&task, None, format!("changed {} of {}", paths.join(", "), task.id))
}
