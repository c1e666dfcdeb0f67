//! `aqctl task add` (F-155).

use std::fs::File;
use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1::{CreateTaskRequest, ListProjectsRequest, PlanApproval, Runtime, TaskContext, TaskCriterion, TaskType, Verification};

use super::wait;
use crate::candidates;
use crate::commands::values::{self, PlanRule, long_text};
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;
use crate::ui::read_limited;
use crate::words;

/// Add a task; an agent starts it as soon as it can
///
/// The instruction comes from -d, from a file, or with `-` from standard input; without one the title is all the agent gets.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// One line for people
    title: String,
    /// The project; may be left out when there is only one
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// The agent's full instruction; `-` reads standard input
    #[arg(short, long, value_name = "TEXT", conflicts_with = "file")]
    description: Option<String>,
    /// Read the instruction from a file; `-` reads standard input
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<String>,
    /// Start only when this task is completed; may be repeated
    #[arg(long, value_name = "TASK", add = candidates::tasks())]
    after: Vec<String>,
    /// Make it a subtask of this task
    #[arg(long, value_name = "TASK", add = candidates::tasks())]
    parent: Option<String>,
    /// Lower runs first [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// What kind of work it is
    #[arg(long = "type", value_parser = words::parser::<TaskType>(), ignore_case = true)]
    kind: Option<TaskType>,
    /// The runtime that must do it
    #[arg(long, value_parser = words::parser::<Runtime>(), ignore_case = true)]
    runtime: Option<Runtime>,
    /// A runtime that may do it while the accounts of its own are closed; may be repeated
    #[arg(long, value_name = "RUNTIME", value_parser = words::parser::<Runtime>(), ignore_case = true)]
    fallback: Vec<Runtime>,
    /// Filler work: start it only on what the usage windows would let expire
    #[arg(long)]
    filler: bool,
    /// The agent that is preferred: it gets the task when it is idle, and is never waited for
    #[arg(long, value_name = "AGENT", add = candidates::agents())]
    agent: Option<String>,
    /// Model name, in the runtime's own words
    #[arg(long, default_value = "")]
    model: String,
    /// Command that must succeed before the work lands; may be repeated [default: the project's]
    #[arg(long = "test", value_name = "COMMAND")]
    tests: Vec<String>,
    /// Who checks the work before it lands [default: the project's]
    #[arg(long, value_parser = words::parser::<Verification>(), ignore_case = true)]
    verification: Option<Verification>,
    /// What happens between a plan that it writes and the tasks of the plan [default: the project's]
    #[arg(long, value_name = "RULE", value_enum)]
    plan_approval: Option<PlanRule>,
    /// Finished work waits for a person before it lands
    #[arg(long)]
    requires_approval: bool,
    /// Something the agent should know: text, a URL, or @FILE; may be repeated
    #[arg(long, value_name = "TEXT|URL|@FILE")]
    context: Vec<String>,
    /// A condition that the work must meet; may be repeated
    #[arg(long, value_name = "TEXT")]
    criterion: Vec<String>,
    /// Most tries in all before it is blocked, 0 to 20 [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=20))]
    max_retries: Option<u32>,
    /// Most model tokens of all its runs, for example 500k
    #[arg(long, value_name = "TOKENS", value_parser = values::tokens)]
    budget: Option<u64>,
    /// Longest run, for example 2h [default: the project's, else the server's]
    #[arg(long, value_name = "LENGTH", value_parser = values::length)]
    time_limit: Option<Duration>,
    /// Longest time that a run may print nothing [default: the project's, else the server's]
    #[arg(long, value_name = "LENGTH", value_parser = values::length)]
    silence_limit: Option<Duration>,
    /// Wait until it is completed; ends with 7 when it failed, 8 when it waits for a person
    #[arg(long)]
    wait: bool,
}

/// A piece of context as it was typed.
fn context_of(typed: &str) -> Result<TaskContext, CliError> {
    let entry = |kind: &str, label: &str, content: String| TaskContext { r#type: kind.to_owned(), label: label.to_owned(), content };
    if let Some(path) = typed.strip_prefix('@') {
        let source = File::open(path).map_err(|error| CliError::usage(format!("cannot read {path}: {error}")))?;
        return Ok(entry("file", path, read_limited(source, path)?));
    }
    let kind = if typed.starts_with("https://") || typed.starts_with("http://") { "url" } else { "text" };
    Ok(entry(kind, "", typed.to_owned()))
}

/// The project that was named, or the only one.
async fn project(connection: &Connection, typed: Option<&str>) -> Result<String, CliError> {
    if let Some(typed) = typed {
        return ids::project(connection, typed).await;
    }
    let page = connection.projects().list_projects(ListProjectsRequest { page_size: 2, ..Default::default() }).await?.into_inner();
    match page.projects.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(CliError::usage("there is no project yet").hint("create one with: aqctl project create NAME --repo URL")),
        _ => Err(CliError::usage("there are several projects; name one with --project").hint("see: aqctl project list")),
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let description = long_text(&context.ui, args.description.as_deref(), args.file.as_deref())?.unwrap_or_default();
    let pieces = args.context.iter().map(|typed| context_of(typed)).collect::<Result<Vec<_>, _>>()?;
    let connection = context.connect().await?;
    let mut request = CreateTaskRequest {
        project_id: project(&connection, args.project.as_deref()).await?,
        title: args.title,
        description,
        priority: args.priority,
        r#type: args.kind.unwrap_or_default().into(),
        after: ids::tasks(&connection, &args.after).await?,
        runtime: args.runtime.unwrap_or_default().into(),
        fallback: args.fallback.into_iter().map(Into::into).collect(),
        filler: args.filler,
        verification: args.verification.unwrap_or_default().into(),
        plan_approval: args.plan_approval.map_or_else(PlanApproval::default, PlanRule::on_the_wire).into(),
        model: args.model,
        context: pieces,
        criteria: args.criterion.into_iter().map(|content| TaskCriterion { r#type: "acceptance".to_owned(), content }).collect(),
        test_commands: args.tests,
        requires_approval: args.requires_approval,
        max_retries: args.max_retries,
        token_budget: args.budget,
        time_limit: args.time_limit.map(values::wire_length),
        silence_limit: args.silence_limit.map(values::wire_length),
        request_id: request_id(),
        ..Default::default()
    };
    if let Some(typed) = &args.parent {
        request.parent_task_id = ids::task(&connection, typed).await?;
    }
    if let Some(typed) = &args.agent {
        request.required_agent_id = ids::agent(&connection, typed).await?;
    }
    let task = connection.tasks().create_task(request).await?.into_inner();
    let talk = format!("task {0} is {1}; follow it with: aqctl logs -f {0}", task.id, render::task::status(&task));
    if args.wait {
        context.ui.talk(talk);
        return wait::until_done(context, &connection, &task.id).await;
    }
    context.ui.done(&task, Some(&task.id), talk)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-155: context is a URL, a file or text.
    #[test]
    fn context_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.md");
        std::fs::write(&path, "# Notes").unwrap();
        let typed = format!("@{}", path.display());
        let file = context_of(&typed).unwrap();
        assert_eq!((file.r#type.as_str(), file.content.as_str()), ("file", "# Notes"));
        assert_eq!(context_of("https://example.org").unwrap().r#type, "url");
        assert_eq!(context_of("mind the gap").unwrap().r#type, "text");
        assert!(context_of("@/nowhere/at/all").is_err());
    }
}
