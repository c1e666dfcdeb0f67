//! Budgets: how they stand, and setting them.

use aq_core::budget::{BudgetScope, exhausted};
use aq_core::ids::ProjectId;
use aq_core::principal::ProjectScope;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::convert;
use super::incoming::{member, optional_project};
use super::status::ApiError;
use crate::commands::{self, Context};
use crate::lifecycle::{Figures, ProjectHot, Tx, told_key};
use crate::orchestrator::{Policy, budgets};

const fn word(scope: BudgetScope) -> pb::BudgetScope {
    match scope {
        BudgetScope::Run => pb::BudgetScope::Run,
        BudgetScope::TaskTree => pb::BudgetScope::TaskTree,
        BudgetScope::Project => pb::BudgetScope::Project,
        BudgetScope::Global => pb::BudgetScope::Global,
    }
}

fn told(figures: &Figures, project: Option<&str>) -> u32 {
    figures.budget_told.get(&told_key(project)).map_or(0, |told| u32::from(told.told))
}

/// The budget of a scope.
fn of_scope(figures: &Figures, policy: &Policy, scope: BudgetScope, now: Timestamp) -> pb::Budget {
    let limit = budgets::limits(figures, policy).of(scope);
    let mut budget = pb::Budget {
        scope: word(scope).into(),
        limit_tokens: limit,
        is_set: figures.budget_limits.contains_key(&scope),
        ..pb::Budget::default()
    };
    if scope == BudgetScope::Global {
        budget.used_tokens = figures.projects.values().map(|hot| budgets::used(figures, policy, hot, now)).fold(0, u64::saturating_add);
        budget.reserved_tokens = budgets::reserved(figures, None);
        budget.told_percent = told(figures, None);
        windowed(&mut budget, figures, policy, None, now);
    }
    budget
}

fn of_project(figures: &Figures, policy: &Policy, hot: &ProjectHot, now: Timestamp) -> pb::Budget {
    let id = &hot.project.id;
    let mut budget = pb::Budget {
        scope: pb::BudgetScope::Project.into(),
        project_id: id.to_string(),
        limit_tokens: budgets::project_limit(figures, policy, &hot.project),
        used_tokens: budgets::used(figures, policy, hot, now),
        reserved_tokens: budgets::reserved(figures, Some(id)),
        is_set: hot.project.budget_limit.is_some(),
        told_percent: told(figures, Some(id.as_str())),
        ..pb::Budget::default()
    };
    windowed(&mut budget, figures, policy, Some(id), now);
    budget
}

fn windowed(budget: &mut pb::Budget, figures: &Figures, policy: &Policy, project: Option<&ProjectId>, now: Timestamp) {
    budget.counted_from = Some(convert::timestamp(budgets::counted_from(figures, policy, now)));
    budget.exhausted = exhausted(budget.used_tokens.saturating_add(budget.reserved_tokens), budget.limit_tokens);
    if budget.exhausted {
        budget.opens_at = budgets::opens(figures, policy, project, now).map(convert::timestamp);
    }
}

/// Every budget that the caller sees.
pub(super) fn list(figures: &Figures, policy: &Policy, seen: &ProjectScope, only: Option<&ProjectId>, now: Timestamp) -> Vec<pb::Budget> {
    let projects = figures.projects.values().filter(|hot| seen.covers(&hot.project.id) && only.is_none_or(|id| hot.project.id == *id));
    let scopes = BudgetScope::ALL.iter().map(|scope| of_scope(figures, policy, *scope, now));
    scopes.chain(projects.map(|hot| of_project(figures, policy, hot, now))).collect()
}

/// What a request wants to set.
pub(super) struct Wanted {
    scope: BudgetScope,
    project: Option<ProjectId>,
    limit: Option<Option<u64>>,
}

/// Reads a request.
pub(super) fn wanted(body: &pb::SetBudgetRequest) -> Result<Wanted, ApiError> {
    let scope = match member::<pb::BudgetScope>("scope", body.scope)? {
        Some(pb::BudgetScope::Run) => BudgetScope::Run,
        Some(pb::BudgetScope::TaskTree) => BudgetScope::TaskTree,
        Some(pb::BudgetScope::Project) => BudgetScope::Project,
        Some(pb::BudgetScope::Global) => BudgetScope::Global,
        Some(pb::BudgetScope::Unspecified) | None => {
            return Err(ApiError::invalid("scope", "is missing; choose run, task_tree, project or global"));
        }
    };
    let project = optional_project("project_id", &body.project_id)?;
    if project.is_some() && scope != BudgetScope::Project {
        return Err(ApiError::invalid("project_id", "belongs to the scope project only; leave it empty"));
    }
    if body.unlimited && body.limit_tokens.is_some() {
        return Err(ApiError::invalid("limit_tokens", "contradicts unlimited; give one of the two"));
    }
    if project.is_some() && body.unlimited {
        return Err(ApiError::invalid(
            "unlimited",
            "a project without limit of its own has the default of all projects; raise its limit instead",
        ));
    }
    if body.limit_tokens.is_some_and(|limit| limit == 0 || i64::try_from(limit).is_err()) {
        return Err(ApiError::invalid("limit_tokens", "must be at least 1 and fit into 63 bits"));
    }
    let limit = if body.unlimited { Some(None) } else { body.limit_tokens.map(Some) };
    Ok(Wanted { scope, project, limit })
}

/// Sets a budget and tells how it stands then.
pub(super) fn set(tx: &mut Tx<'_>, context: &Context, policy: &Policy, wanted: &Wanted) -> Result<pb::Budget, ApiError> {
    if let Some(id) = &wanted.project {
        let fields = commands::projects::ProjectFields { budget_limit: Some(wanted.limit.flatten()), ..Default::default() };
        commands::projects::edit(tx, context, id, &fields)?;
        tx.state.set_budgets_changed(true);
        let hot = tx.state.projects.get(id).ok_or_else(|| ApiError::not_found("project", id.as_str()))?;
        return Ok(of_project(tx.state, policy, hot, context.now));
    }
    if context.principal.projects != ProjectScope::All {
        return Err(commands::CommandError::Denied(
            "this budget covers every project, and the key does not; set the budget of a project".to_owned(),
        )
        .into());
    }
    commands::budgets::set(tx, context, wanted.scope, wanted.limit)?;
    Ok(of_scope(tx.state, policy, wanted.scope, context.now))
}
