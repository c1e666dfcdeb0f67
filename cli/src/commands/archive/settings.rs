//! `aqctl archive settings` (F-164).

use aq_proto::v1::GetArchiveSettingsRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show when tasks are archived by themselves, and how many are and would be
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Count only tasks of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = GetArchiveSettingsRequest::default();
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    let answer = connection.tasks().get_archive_settings(request).await?.into_inner();
    context.ui.show(&answer, render::archive::settings)
}
