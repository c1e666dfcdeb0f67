//! `aqctl prompt show`.

use aq_proto::v1::GetPromptRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show a prompt template with its text and the values that it takes
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
    let request = GetPromptRequest { project_id: ids::project(&connection, &args.project).await?, name: args.prompt };
    let prompt = connection.prompts().get_prompt(request).await?.into_inner();
    context.ui.show(&prompt, render::prompt::show)
}
