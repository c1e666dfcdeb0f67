//! `aqctl events`: what happened and what happens (F-152).

use aq_proto::client::Connection;
use aq_proto::resume::watch_events;
use aq_proto::v1::watch_events_response::Event as Message;
use aq_proto::v1::{EventFilter, ListEventsRequest, WatchEventsRequest};

use super::follow::following;
use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::globals::Format;
use crate::ids;
use crate::render;

/// Show recent events; `-f` goes on with what happens
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Go on with new events; survives restarts of the server
    #[arg(short, long)]
    follow: bool,
    /// Only these types: task.completed, or task.* for all that begin so
    #[arg(long = "filter", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events of these projects
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Vec<String>,
    /// Only events of these tasks
    #[arg(long, value_name = "TASK", add = candidates::tasks())]
    task: Vec<String>,
    /// How many recent events are shown first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// With -f: begin behind this number instead, 0 for the oldest event kept
    #[arg(long, value_name = "NUMBER", requires = "follow")]
    after: Option<u64>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut projects = Vec::with_capacity(args.project.len());
    for typed in &args.project {
        projects.push(ids::project(&connection, typed).await?);
    }
    let filter = EventFilter { project_ids: projects, task_ids: ids::tasks(&connection, &args.task).await?, types: args.types };
    let mut after = args.after;
    if after.is_none() {
        let request = ListEventsRequest { filter: Some(filter.clone()), page_size: args.limit, page_token: String::new() };
        let page = connection.events().list_events(request).await?.into_inner();
        if args.follow {
            // In the order they happened, as the stream goes on.
            for event in page.events.iter().rev() {
                context.ui.show_next(event, render::event::line)?;
            }
        } else {
            context.ui.show(&page, render::event::list)?;
            if page.events.is_empty() {
                context.ui.talk("no such events");
            }
        }
        after = page.events.first().map(|newest| newest.seq);
    }
    if !args.follow {
        return Ok(());
    }
    let request = WatchEventsRequest { after_seq: after, filter: Some(filter), follow: true, consumer: String::new() };
    following(context, "aqctl events -f", stream(context, &connection, request)).await
}

async fn stream(context: &Context, connection: &Connection, request: WatchEventsRequest) -> Result<(), CliError> {
    let mut messages = watch_events(connection.events(), request, context.resume_options());
    while let Some(message) = messages.next().await {
        match message?.event {
            Some(Message::Item(event)) => context.ui.show_next(&event, render::event::line)?,
            Some(Message::Gap(gap)) => context.ui.warn(render::event::gap(&gap)),
            _ => {}
        }
    }
    if context.ui.format == Format::Table {
        context.ui.talk("no more events");
    }
    Ok(())
}
