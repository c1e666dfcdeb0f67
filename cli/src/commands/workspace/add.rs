//! `aqctl workspace add`.

use aq_proto::v1::{AddWorkspaceRequest, WorkspaceKind};

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Add a workspace to a project: a clone of its repository, a link to a checkout of yours, or a new repository
///
/// A project needs at least one workspace before its tasks can start; each gives room for one run at a time.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("kind").args(["clone", "link", "init"]))]
pub(crate) struct Args {
    /// The project
    #[arg(add = candidates::projects())]
    project: String,
    /// A clone made and owned by Agent Queue, of the project's repository or of this URL or path (the default)
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    clone: Option<String>,
    /// A checkout of yours: work happens in a clone and comes back by fast-forward
    #[arg(long, value_name = "DIR")]
    link: Option<String>,
    /// A new repository, in this directory or in one of Agent Queue's own
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "")]
    init: Option<String>,
    /// A name for people
    #[arg(long, default_value = "")]
    name: String,
}

/// The path as the server understands it, which has another working directory.
fn absolute(path: &str) -> Result<String, CliError> {
    if path.is_empty() {
        return Ok(String::new());
    }
    let absolute = std::path::absolute(path)?;
    absolute.into_os_string().into_string().map_err(|_| CliError::usage(format!("`{path}` is not UTF-8")))
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let (kind, source) = match (args.clone, args.link, args.init) {
        (_, Some(dir), _) => (WorkspaceKind::Link, absolute(&dir)?),
        (_, _, Some(dir)) => (WorkspaceKind::Init, absolute(&dir)?),
        // What exists here as a directory is a path; anything else is a URL.
        (Some(source), ..) if std::path::Path::new(&source).is_dir() => (WorkspaceKind::Clone, absolute(&source)?),
        (source, ..) => (WorkspaceKind::Clone, source.unwrap_or_default()),
    };
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let request = AddWorkspaceRequest { project_id, kind: kind.into(), source, name: args.name, request_id: request_id() };
    let workspace = connection.workspaces().add_workspace(request).await?.into_inner();
    context.ui.done(&workspace, Some(&workspace.id), format!("workspace {} added to project {}", workspace.id, workspace.project_id))
}
