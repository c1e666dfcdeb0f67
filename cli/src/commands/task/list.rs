//! `aqctl task list` (F-157).

use aq_proto::client::Connection;
use aq_proto::v1::{GetTaskTreeRequest, ListTasksRequest, ListTasksResponse, TaskOrder, TaskStatus, TaskType};

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::globals::Format;
use crate::ids;
use crate::render;
use crate::words;

/// How tasks are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum View {
    /// One line per task
    Flat,
    /// Tasks with their subtasks below them
    Tree,
    /// Tasks with the progress of their subtasks
    Compact,
}

/// The order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    /// Priority, then age
    Priority,
    /// Newest first
    Newest,
    /// Oldest first
    Oldest,
    /// Last changed first
    Changed,
}

/// List tasks; finished ones are hidden and counted unless asked for
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only tasks of this project; may be repeated
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Vec<String>,
    /// Only tasks with this status; may be repeated
    #[arg(short, long, value_parser = words::parser::<TaskStatus>(), ignore_case = true)]
    status: Vec<TaskStatus>,
    /// Also show completed, failed and blocked tasks
    #[arg(short, long)]
    finished: bool,
    /// Show only completed, failed and blocked tasks
    #[arg(long, conflicts_with = "finished")]
    finished_only: bool,
    /// Only tasks of this type
    #[arg(long = "type", value_parser = words::parser::<TaskType>(), ignore_case = true)]
    kind: Option<TaskType>,
    /// Only the task that this agent works on
    #[arg(long, value_name = "AGENT", add = candidates::agents())]
    agent: Option<String>,
    /// Only direct subtasks of this task
    #[arg(long, value_name = "TASK", add = candidates::tasks())]
    parent: Option<String>,
    /// Only tasks whose id or title holds this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    search: String,
    /// How tasks are listed
    #[arg(long, value_enum, default_value_t = View::Flat)]
    view: View,
    /// The order
    #[arg(long, value_enum, default_value_t = Order::Priority)]
    order: Order,
    /// In a tree: also show what depends on what
    #[arg(long)]
    deps: bool,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut projects = Vec::with_capacity(args.project.len());
    for typed in &args.project {
        projects.push(ids::project(&connection, typed).await?);
    }
    let order = match args.order {
        Order::Priority => TaskOrder::Unspecified,
        Order::Newest => TaskOrder::NewestFirst,
        Order::Oldest => TaskOrder::OldestFirst,
        Order::Changed => TaskOrder::RecentlyChanged,
    };
    let mut request = ListTasksRequest {
        project_ids: projects,
        statuses: args.status.iter().map(|status| i32::from(*status)).collect(),
        include_finished: args.finished,
        finished_only: args.finished_only,
        r#type: args.kind.unwrap_or_default().into(),
        roots_only: args.view != View::Flat && args.parent.is_none(),
        query: args.search,
        order: order.into(),
        ..Default::default()
    };
    if let Some(typed) = &args.agent {
        request.agent_id = ids::agent(&connection, typed).await?;
    }
    if let Some(typed) = &args.parent {
        request.parent_task_id = ids::task(&connection, typed).await?;
    }
    let page = paging::pages!(args.paging, connection.tasks(), list_tasks, request, tasks, unreachable);
    if args.view == View::Flat || context.ui.format != Format::Table {
        context.ui.show(&page, render::task::list)?;
    } else {
        trees(context, &connection, &page, args.view == View::Compact, args.deps).await?;
    }
    paging::unreachable(&context.ui, &page.unreachable);
    let note = render::task::footnote(&page);
    if !note.is_empty() {
        context.ui.talk(note);
    }
    Ok(())
}

async fn trees(context: &Context, connection: &Connection, page: &ListTasksResponse, compact: bool, deps: bool) -> Result<(), CliError> {
    for task in &page.tasks {
        if task.subtask_count == 0 && !deps {
            let only = aq_proto::v1::TaskRef { id: task.id.clone(), title: task.title.clone(), status: task.status };
            context.ui.print(&render::task::reference(&context.ui.look, &only))?;
            continue;
        }
        let request = GetTaskTreeRequest { task_id: task.id.clone(), compact, max_depth: 0, show_dependencies: deps };
        let answer = connection.tasks().get_task_tree(request).await?.into_inner();
        context.ui.print(&render::tree::tree(&context.ui.look, compact, &answer))?;
    }
    Ok(())
}
