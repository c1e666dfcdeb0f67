//! `aqctl git log`.

use aq_proto::v1::ListCommitsRequest;

use super::place::Place;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// List the commits of a branch, newest first
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The repository.
    #[command(flatten)]
    place: Place,
    /// A branch or a commit [default: the default branch]
    #[arg(value_name = "BRANCH")]
    branch: Option<String>,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (project_id, workspace_id) = args.place.ids(&connection).await?;
    let branch = args.branch.unwrap_or_default();
    let request = ListCommitsRequest { project_id, workspace_id, branch, ..Default::default() };
    let page = paging::pages!(args.paging, connection.git(), list_commits, request, commits);
    context.ui.show(&page, render::git::commits)?;
    if !page.next_page_token.is_empty() {
        context.ui.talk(format!("there are more; all: --all, next page: --page-token {}", page.next_page_token));
    }
    Ok(())
}
