//! `aqctl status`.

use aq_proto::v1::GetStatusRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show how everything stands: agents with their tasks, what runs, what is next, what waits for you
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only the tasks of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = match &args.project {
        Some(typed) => ids::project(&connection, typed).await?,
        None => String::new(),
    };
    let status = connection.admin().get_status(GetStatusRequest { project_id }).await?.into_inner();
    context.ui.show(&status, render::status::show)
}
