//! `aqctl prompt render`.

use std::collections::HashMap;

use aq_proto::v1::RenderPromptRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Fill values into a prompt template and print the text
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name or title of the template
    prompt: String,
    /// A value; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    values: Vec<(String, String)>,
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    parts.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| format!("`{text}` is no value; write NAME=VALUE"))
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let variables: HashMap<_, _> = args.values.into_iter().collect();
    let answer = connection.prompts().render_prompt(RenderPromptRequest { project_id, name: args.prompt, variables }).await?.into_inner();
    if !answer.missing.is_empty() {
        context.ui.warn(format!("no value for: {}; give them with --set NAME=VALUE", answer.missing.join(", ")));
    }
    context.ui.show(&answer, render::prompt::rendered)
}
