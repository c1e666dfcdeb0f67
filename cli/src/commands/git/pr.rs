//! `aqctl git pr`.

use aq_proto::v1::CreatePullRequestRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Push the branch of a task and open its pull request, or find the one that is open
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = CreatePullRequestRequest { task_id, request_id: request_id() };
    let answer = connection.git().create_pull_request(request).await?.into_inner();
    context.ui.done(&answer, Some(&answer.url), format!("pull request {} is open", answer.number))
}
