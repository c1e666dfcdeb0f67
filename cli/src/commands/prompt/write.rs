//! `aqctl prompt write`.

use aq_proto::v1::WritePromptRequest;

use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Write a prompt template whole; one of the same name is replaced
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Its name, with folders if you like: `hooks/test-watcher`
    name: String,
    /// The file with header and text; `-` reads standard input
    file: String,
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let content = long_text(&context.ui, None, Some(&args.file))?.unwrap_or_default();
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let request = WritePromptRequest { project_id, name: args.name, content, request_id: request_id() };
    let prompt = connection.prompts().write_prompt(request).await?.into_inner();
    context.ui.done(&prompt, Some(&prompt.name), format!("prompt template {} is in category {}", prompt.name, prompt.category))
}
