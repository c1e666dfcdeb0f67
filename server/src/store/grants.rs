//! Tools that a person allowed once and for all, for a task or for a project.
//!
//! What an allowance means for a question lives in the orchestrator.

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

/// An allowance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRecord {
    /// How far it reaches.
    pub scope: GrantScope,
    /// The tool.
    pub tool: String,
    /// Who gave it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
}

fn record((scope, subject, tool, actor, at): (String, String, String, String, i64)) -> Result<GrantRecord, StoreError> {
    let corrupt = |found: &str| StoreError::Corrupt { column: "permission_grants.subject", found: found.chars().take(80).collect() };
    let scope = match scope.as_str() {
        "task" => GrantScope::Task(subject.parse().map_err(|_| corrupt(&subject))?),
        _ => GrantScope::Project(ProjectId::from_trusted(&subject)),
    };
    Ok(GrantRecord { scope, tool, actor, created_at: Timestamp::from_millis(at) })
}

queries! {
    /// Every allowance, in the order of its columns.
    pub fn all(connection) -> Result<Vec<GrantRecord>, StoreError> {
        let rows: Vec<(String, String, String, String, i64)> = permission_grants::table
            .order((permission_grants::scope, permission_grants::subject, permission_grants::tool))
            .select((
                permission_grants::scope,
                permission_grants::subject,
                permission_grants::tool,
                permission_grants::actor,
                permission_grants::created_at,
            ))
            .load(connection)?;
        rows.into_iter().map(record).collect()
    }

    /// Takes an allowance back; `None` when there is none.
    pub fn revoke(connection, scope: &GrantScope, tool: &str) -> Result<Option<GrantRecord>, StoreError> {
        let found: Option<(String, String, String, String, i64)> = permission_grants::table
            .find((scope.as_str(), scope.subject(), tool))
            .select((
                permission_grants::scope,
                permission_grants::subject,
                permission_grants::tool,
                permission_grants::actor,
                permission_grants::created_at,
            ))
            .first(connection)
            .optional()?;
        diesel::delete(permission_grants::table.find((scope.as_str(), scope.subject(), tool))).execute(connection)?;
        found.map(record).transpose()
    }

    /// Takes back whatever was allowed within a scope.
    pub fn forget(connection, scope: &GrantScope) -> Result<(), StoreError> {
        let of = permission_grants::scope.eq(scope.as_str()).and(permission_grants::subject.eq(scope.subject()));
        diesel::delete(permission_grants::table.filter(of)).execute(connection)?;
        Ok(())
    }

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
