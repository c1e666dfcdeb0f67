//! `aqctl prompt list`.

use aq_proto::v1::ListPromptsRequest;

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List the prompt templates of a project
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
    /// Only templates of this category
    #[arg(long, value_name = "CATEGORY", default_value = "", hide_default_value = true)]
    category: String,
    /// Only templates with this tag
    #[arg(long, value_name = "TAG", default_value = "", hide_default_value = true)]
    tag: String,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let request = ListPromptsRequest { project_id, category: args.category, tag: args.tag, ..Default::default() };
    let page = paging::pages!(args.paging, connection.prompts(), list_prompts, request, prompts);
    context.ui.show(&page, render::prompt::list)?;
    let none = "no prompt templates; write one with: aqctl prompt write";
    paging::note(&context.ui, page.prompts.len(), page.total_size, &page.next_page_token, none);
    Ok(())
}
