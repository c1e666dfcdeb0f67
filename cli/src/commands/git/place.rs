//! Which repository is meant, and what is said about tasks that are at work in it.

use aq_proto::client::Connection;

use crate::candidates;
use crate::error::CliError;
use crate::ids;
use crate::ui::Ui;

/// A repository on the command line.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Place {
    /// The project
    #[arg(value_name = "PROJECT", add = candidates::projects())]
    project: String,
    /// The workspace whose repository is meant [default: the project's repository, else its first workspace]
    #[arg(long, value_name = "WORKSPACE", add = candidates::workspaces())]
    workspace: Option<String>,
}

impl Place {
    /// The ids of the project and the workspace; the second is empty when none was given.
    ///
    /// # Errors
    /// When one of them is unknown.
    pub(super) async fn ids(&self, connection: &Connection) -> Result<(String, String), CliError> {
        let project = ids::project(connection, &self.project).await?;
        let workspace = match &self.workspace {
            Some(typed) => ids::workspace(connection, typed).await?,
            None => String::new(),
        };
        Ok((project, workspace))
    }
}

/// Passes on what the server warns of.
pub(super) fn warn(ui: &Ui, warnings: &[String]) {
    for warning in warnings {
        ui.warn(warning);
    }
}
