//! `aqctl task deps …` (F-160).

use aq_proto::v1::{AddDependencyRequest, ListDependenciesRequest, RemoveDependencyRequest};

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Let a task wait for another
    Add(Pair),
    /// Let a task no longer wait for another
    #[command(visible_alias = "rm")]
    Remove(Pair),
    /// Show what a task waits for and what waits for it
    #[command(visible_alias = "ls")]
    List(One),
}

/// Two tasks.
#[derive(clap::Args, Debug)]
pub(crate) struct Pair {
    /// The task that waits
    #[arg(value_name = "TASK", add = candidates::tasks())]
    task: String,
    /// The task that must be completed first
    #[arg(value_name = "DEPENDS-ON", add = candidates::tasks())]
    depends_on: String,
}

/// One task.
#[derive(clap::Args, Debug)]
pub(crate) struct One {
    /// The task
    #[arg(value_name = "TASK", add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    let connection = context.connect().await?;
    match verb {
        Verb::Add(pair) => {
            let task_id = ids::task(&connection, &pair.task).await?;
            let depends_on_task_id = ids::task(&connection, &pair.depends_on).await?;
            let talk = format!("{task_id} waits for {depends_on_task_id}");
            let request = AddDependencyRequest { task_id, depends_on_task_id, request_id: request_id() };
            let answer = connection.tasks().add_dependency(request).await?.into_inner();
            context.ui.done(&answer, None, talk)
        }
        Verb::Remove(pair) => {
            let task_id = ids::task(&connection, &pair.task).await?;
            let depends_on_task_id = ids::task(&connection, &pair.depends_on).await?;
            let talk = format!("{task_id} no longer waits for {depends_on_task_id}");
            let request = RemoveDependencyRequest { task_id, depends_on_task_id, request_id: request_id() };
            let answer = connection.tasks().remove_dependency(request).await?.into_inner();
            context.ui.done(&answer, None, talk)
        }
        Verb::List(one) => {
            let task_id = ids::task(&connection, &one.task).await?;
            let answer = connection.tasks().list_dependencies(ListDependenciesRequest { task_id }).await?.into_inner();
            context.ui.show(&answer, render::task_detail::dependencies)
        }
    }
}
