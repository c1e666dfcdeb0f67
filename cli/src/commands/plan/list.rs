//! `aqctl plan list`.

use aq_proto::v1::{ListPlansRequest, PlanState};

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;
use crate::words;

/// List plans, newest first
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only plans of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Only plans of this task
    #[arg(short, long, value_name = "TASK", add = candidates::tasks())]
    task: Option<String>,
    /// Only plans in this state; those that wait for you are `proposed`
    #[arg(long, value_parser = words::parser::<PlanState>(), ignore_case = true)]
    state: Option<PlanState>,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = ListPlansRequest { state: args.state.unwrap_or_default().into(), ..Default::default() };
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    if let Some(typed) = &args.task {
        request.task_id = ids::task(&connection, typed).await?;
    }
    let page = paging::pages!(args.paging, connection.plans(), list_plans, request, plans);
    context.ui.show(&page, render::plan::list)?;
    paging::note(&context.ui, page.plans.len(), page.total_size, &page.next_page_token, "no plans; see: aqctl plan preview");
    Ok(())
}
