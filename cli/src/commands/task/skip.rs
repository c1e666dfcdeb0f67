//! `aqctl task skip`.

use aq_proto::v1::SkipTaskRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Count a blocked or failed task as done without doing it, and release what depends on it
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = SkipTaskRequest { task_id: task_id.clone(), request_id: request_id() };
    let answer = connection.tasks().skip_task(request).await?.into_inner();
    let released: Vec<&str> = answer.unblocked.iter().map(|task| task.id.as_str()).collect();
    let released =
        if released.is_empty() { "nothing waited for it alone".to_owned() } else { format!("can start now: {}", released.join(", ")) };
    let waiting: Vec<&str> = answer.still_waiting.iter().map(|task| task.id.as_str()).collect();
    let waiting = if waiting.is_empty() { String::new() } else { format!("; still waiting for others: {}", waiting.join(", ")) };
    let landing = answer.landing.as_ref().map(|task| format!("; {} lands the work of its plan", task.id)).unwrap_or_default();
    context.ui.done(&answer, None, format!("{task_id} skipped; {released}{waiting}{landing}"))
}
