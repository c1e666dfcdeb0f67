//! `aqctl project list`.

use aq_proto::v1::{ListProjectsRequest, ProjectStatus};

use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::render;
use crate::words;

/// List projects
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only projects with this status
    #[arg(long, value_parser = words::parser::<ProjectStatus>(), ignore_case = true)]
    status: Option<ProjectStatus>,
    /// Only the project of this Discord channel
    #[arg(long, value_name = "ID", default_value = "")]
    discord_channel: String,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let status = args.status.unwrap_or_default().into();
    let request = ListProjectsRequest { status, discord_channel_id: args.discord_channel, ..Default::default() };
    let page = paging::pages!(args.paging, connection.projects(), list_projects, request, projects);
    context.ui.show(&page, render::project::list)?;
    let empty = "no projects; create one with: aqctl project create NAME --repo URL";
    paging::note(&context.ui, page.projects.len(), page.total_size, &page.next_page_token, empty);
    Ok(())
}
