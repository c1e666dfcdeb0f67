//! `aqctl usage`: what was spent.

use std::time::Duration;

use aq_proto::v1::{GetTokenUsageRequest, UsageGroup};

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;
use crate::words;

/// Show spent model tokens and cost: by project, agent, model or day, or of one project or task in detail
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// This task, by agent
    #[arg(long, value_name = "TASK", add = candidates::tasks())]
    task: Option<String>,
    /// This project, by task and agent
    #[arg(short, long, value_name = "PROJECT", conflicts_with = "task", add = candidates::projects())]
    project: Option<String>,
    /// Only what was spent within this time, for example 24h or 7d
    #[arg(long, value_name = "DURATION")]
    since: Option<humantime::Duration>,
    /// What a line stands for [default: projects, or the tasks and agents of what was named]
    #[arg(short, long, value_name = "WHAT", value_parser = words::parser::<UsageGroup>())]
    by: Option<UsageGroup>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = GetTokenUsageRequest::default();
    if let Some(typed) = &args.task {
        request.task_id = ids::task(&connection, typed).await?;
    }
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    request.group_by = args.by.unwrap_or_default().into();
    request.time_zone = context.ui.look.zone.iana_name().unwrap_or_default().to_owned();
    request.since = args.since.map(|since| {
        let length = i64::try_from(Duration::from(since).as_secs()).unwrap_or(i64::MAX);
        prost_types::Timestamp { seconds: context.ui.look.now.as_second().saturating_sub(length).max(0), nanos: 0 }
    });
    let answer = connection.accounts().get_token_usage(request).await?.into_inner();
    context.ui.show(&answer, render::usage::usage)?;
    if answer.entries.is_empty() {
        context.ui.talk("no model tokens were spent");
    }
    Ok(())
}
