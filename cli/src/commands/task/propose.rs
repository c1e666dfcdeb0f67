//! `aqctl task propose`.

use aq_proto::error_detail::ErrorDetail;
use aq_proto::v1::ProposeTaskRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Propose a task; whether it waits for a person is the project's decision
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The title, one line
    title: String,
    /// The whole instruction
    #[arg(long, short, default_value = "")]
    description: String,
    /// The project; an agent leaves it out
    #[arg(long, add = candidates::projects())]
    project: Option<String>,
    /// A task that has to be completed first; may be repeated
    #[arg(long, value_name = "TASK")]
    after: Vec<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = match &args.project {
        Some(project) => ids::project(&connection, project).await?,
        None => String::new(),
    };
    let request = ProposeTaskRequest {
        project_id,
        title: args.title,
        description: args.description,
        priority: None,
        after: args.after,
        request_id: request_id(),
    };
    let unnamed = request.project_id.is_empty();
    let proposed = connection.tasks().propose_task(request).await.map_err(|status| match ErrorDetail::of(&status) {
        // The server speaks of its field; here it is an argument. An agent's key says the project by itself.
        Some(detail) if unnamed && detail.violations.iter().any(|violation| violation.field == "project_id") => {
            CliError::usage("the project is missing; name one with --project").hint("see: aqctl project list")
        }
        _ => status.into(),
    })?;
    let proposed = proposed.into_inner();
    let next = if proposed.waits_for_approval { "a person accepts it with: aqctl task approve" } else { "it may start" };
    let line = format!("proposed {}; {next}", proposed.task_id);
    context.ui.done(&proposed, Some(&proposed.task_id), line)
}
