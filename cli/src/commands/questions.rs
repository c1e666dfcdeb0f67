//! `aqctl questions`: what agents ask.

use aq_proto::v1::ListQuestionsRequest;

use super::paging::{self, Paging};
use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List the questions of agents that wait for an answer, oldest first
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only questions of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = ListQuestionsRequest::default();
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    let page = paging::pages!(args.paging, connection.tasks(), list_questions, request, questions);
    context.ui.show(&page, render::question::list)?;
    paging::note(&context.ui, page.questions.len(), page.total_size, &page.next_page_token, "no agent asks anything");
    Ok(())
}
