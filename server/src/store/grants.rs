//! Tools that a person allowed once and for all, for a task or for a project.

use aq_core::ids::ProjectId;
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::dialect::queries;
use super::error::StoreError;
use super::schema::permission_grants;

/// How far an allowance reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantScope {
    /// The runs of one task, by its key.
    Task(i64),
    /// Every task of a project.
    Project(ProjectId),
}

impl GrantScope {
    /// The name of the kind, as stored and told.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Task(_) => "task",
            Self::Project(_) => "project",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Task(key) => key.to_string(),
            Self::Project(id) => id.to_string(),
        }
    }
}

queries! {
    /// Remembers that a tool is allowed. Saying it twice changes nothing.
    pub fn allow(connection, scope: &GrantScope, tool: &str, actor: &str, now: Timestamp) -> Result<(), StoreError> {
        diesel::insert_into(permission_grants::table)
            .values((
                permission_grants::scope.eq(scope.as_str()),
                permission_grants::subject.eq(scope.subject()),
                permission_grants::tool.eq(tool),
                permission_grants::actor.eq(actor),
                permission_grants::created_at.eq(now.as_millis()),
            ))
            .on_conflict_do_nothing()
            .execute(connection)?;
        Ok(())
    }

    /// True when a tool is allowed within the scope.
    pub fn is_allowed(connection, scope: &GrantScope, tool: &str) -> Result<bool, StoreError> {
        let found: i64 = permission_grants::table
            .find((scope.as_str(), scope.subject(), tool))
            .count()
            .get_result(connection)?;
        Ok(found > 0)
    }
}
