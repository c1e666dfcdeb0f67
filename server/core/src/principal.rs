//! Who is asking: role and projects, on behalf of whom. Which call needs which role lives in the server's API.
//!
//! Spec: specs/server/core/models.md

use std::collections::BTreeSet;

use crate::ids::{ProjectId, RunRef};
use crate::text_enum::text_enum;

text_enum! {
    /// What a principal may do.
    Role, "role" {
        /// Look.
        Viewer = "viewer",
        /// Look and work with tasks.
        Operator = "operator",
        /// Everything.
        Admin = "admin",
        /// Act for people of a chat service.
        Gateway = "gateway",
        /// An agent: its own run, and proposing tasks.
        Run = "run",
    }
}

/// The projects a principal may see. What is outside is not there for it: not in lists, streams, errors or counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectScope {
    /// Every project.
    All,
    /// These only.
    Only(BTreeSet<ProjectId>),
}

impl ProjectScope {
    /// True when `project` is inside.
    #[must_use]
    pub fn covers(&self, project: &ProjectId) -> bool {
        match self {
            Self::All => true,
            Self::Only(projects) => projects.contains(project),
        }
    }
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The id of the API key, never the key; `local` for the server itself.
    pub key_id: String,
    /// What the key is for, in words.
    pub key_name: String,
    /// What it may do.
    pub role: Role,
    /// What it may see.
    pub projects: ProjectScope,
    /// The person a gateway acts for, for example `discord:1234`.
    pub on_behalf_of: Option<String>,
    /// The run whose agent is asking; set exactly for [`Role::Run`].
    pub run: Option<RunRef>,
}

impl Principal {
    /// The server acting by itself.
    #[must_use]
    pub fn server() -> Self {
        Self {
            key_id: "local".to_owned(),
            key_name: "the server".to_owned(),
            role: Role::Admin,
            projects: ProjectScope::All,
            on_behalf_of: None,
            run: None,
        }
    }

    /// True when a hook acts.
    #[must_use]
    pub fn is_hook(&self) -> bool {
        self.on_behalf_of.as_deref().is_some_and(|person| person.starts_with("hook:"))
    }

    /// The name written to the audit log: the person behind a gateway first, then the run, then the key.
    #[must_use]
    pub fn actor(&self) -> String {
        match (&self.on_behalf_of, &self.run) {
            (Some(person), _) => format!("{person} via {}", self.key_id),
            (None, Some(run)) => format!("run:{run}"),
            (None, None) => format!("key:{}", self.key_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// models R7.
    #[test]
    fn a_scope_hides_other_projects() {
        let (a, b) = (ProjectId::parse("a").unwrap(), ProjectId::parse("b").unwrap());
        let only = ProjectScope::Only(BTreeSet::from([a.clone()]));
        assert!(only.covers(&a) && !only.covers(&b) && ProjectScope::All.covers(&b));
        let mut gateway = Principal::server();
        assert_eq!(gateway.actor(), "key:local");
        gateway.on_behalf_of = Some("discord:7".into());
        assert_eq!(gateway.actor(), "discord:7 via local");
    }
}
