//! Workspaces: capacity of a project, leased to one run at a time. The directories are made and kept by the runner.
//!
//! Spec: specs/server/core/models.md

use crate::ids::{AgentId, ProjectId, RunRef, WorkspaceId};
use crate::runner_link::WorkspaceSource;
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// Where a workspace gets its files from.
    WorkspaceKind, "workspace kind" {
        /// A clone of the project's repository.
        Clone = "clone",
        /// The user's own checkout; finished work comes back by fast-forward.
        Link = "link",
        /// A new repository made by us.
        Init = "init",
    }
}

/// Who holds a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunRef,
    /// The agent of the run.
    pub agent: AgentId,
    /// Since when.
    pub since: Timestamp,
}

/// One place to work in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// `ws-` and eight hexadecimal digits.
    pub id: WorkspaceId,
    /// The project.
    pub project: ProjectId,
    /// A name for people; empty when there is none.
    pub name: String,
    /// Where the files come from.
    pub kind: WorkspaceKind,
    /// Canonical absolute path for `link` and `init`, unique over all projects (D-11); empty for `clone`, whose directories are ours.
    pub path: String,
    /// Who holds it now.
    pub lease: Option<Lease>,
    /// When it was added.
    pub created_at: Timestamp,
}

impl Workspace {
    /// True when a run may take it.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.lease.is_none()
    }

    /// Where a runner gets its files from. `repo_url` is that of its project.
    #[must_use]
    pub fn source(&self, repo_url: &str) -> WorkspaceSource {
        match self.kind {
            WorkspaceKind::Clone => WorkspaceSource::Clone { url: repo_url.to_owned() },
            WorkspaceKind::Link => WorkspaceSource::Link { path: self.path.clone() },
            WorkspaceKind::Init => WorkspaceSource::Init { path: self.path.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;

    /// models R2: a workspace is leased to one run at a time.
    #[test]
    fn a_leased_workspace_is_not_free() {
        let (id, project) = (WorkspaceId::from_trusted("ws-1"), ProjectId::from_trusted("p"));
        let since = Timestamp::from_millis(0);
        let (name, path) = (String::new(), String::new());
        let free = Workspace { id, project, name, kind: WorkspaceKind::Clone, path, lease: None, created_at: since };
        let run = RunRef { task: TaskId::from_trusted("a-b"), number: 1 };
        let leased = Workspace { lease: Some(Lease { run, agent: AgentId::from_trusted("nova"), since }), ..free.clone() };
        assert_eq!((free.is_free(), leased.is_free()), (true, false));
    }
}
