//! `aqctl prompt delete`.

use aq_proto::v1::DeletePromptRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Delete a prompt template
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name or title of the template
    prompt: String,
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    context.ui.confirm(&format!("Delete the prompt template {} of {project_id}?", args.prompt))?;
    let request = DeletePromptRequest { project_id, name: args.prompt, request_id: request_id() };
    let gone = connection.prompts().delete_prompt(request).await?.into_inner();
    context.ui.done(&gone, None, format!("prompt template {} deleted", gone.name))
}
