//! What budgets are measured by beside the windows of projects: the trees of open runs, the limits that people set, and what was told last.
//!
//! What follows when a budget is used up is decided in the orchestrator.

use aq_core::budget::{BudgetScope, BudgetWarning};
use aq_core::ids::{AgentId, ProjectId};
use aq_core::output::TokenUsage;
use aq_core::time::Timestamp;

use super::announcing::Tx;
use super::error::LifecycleError;
use super::figures::{Figures, ProjectHot};
use super::hot::Hot;
use crate::store::{Connection, LedgerEntry, StoreError, ledger, set_aside, settings, task_trees, tree_use};

/// The word that stands for no limit in a setting.
const UNLIMITED: &str = "none";

/// The setting that keeps a limit.
fn limit_name(scope: BudgetScope) -> String {
    format!("budget.limit.{scope}")
}

/// The setting that keeps what was told last of a budget; `key` is the scope, and the project's id where there is one.
fn told_name(key: &str) -> String {
    format!("budget.told.{key}")
}

/// Writes or (`None`) forgets the limit that replaces the configured one.
///
/// # Errors
/// When the row cannot be written.
pub fn write_limit(db: &mut Connection, scope: BudgetScope, limit: Option<Option<u64>>) -> Result<(), StoreError> {
    match limit {
        Some(limit) => settings::set(db, &limit_name(scope), &limit.map_or_else(|| UNLIMITED.to_owned(), |limit| limit.to_string())),
        None => settings::unset(db, &limit_name(scope)).map(|_| ()),
    }
}

/// Writes what was told last of a budget.
///
/// # Errors
/// When the row cannot be written.
pub fn write_told(db: &mut Connection, key: &str, told: BudgetWarning) -> Result<(), StoreError> {
    match told.told {
        0 => settings::unset(db, &told_name(key)).map(|_| ()),
        level => settings::set(db, &told_name(key), &level.to_string()),
    }
}

/// Tokens that a model used beside runs: in the chat, in a hook.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Names the call; one that was recorded before counts once.
    pub id: String,
    /// What it was for: stands in the place of the agent.
    pub purpose: &'static str,
    /// The project that it was about.
    pub project: Option<ProjectId>,
    /// The model.
    pub model: String,
    /// How many.
    pub tokens: TokenUsage,
    /// When.
    pub at: Timestamp,
}

/// Counts tokens that were used beside runs: in the ledger, without a task, and in the project's window.
///
/// # Errors
/// When the row cannot be written.
pub fn spend_beside(tx: &mut Tx<'_>, spent: &Beside) -> Result<(), LifecycleError> {
    let entry = LedgerEntry {
        task_key: ledger::NO_TASK,
        run_number: 0,
        message_id: format!("{}:{}", spent.purpose, spent.id),
        at: spent.at,
        project: spent.project.clone().unwrap_or_else(|| ProjectId::from_trusted("")),
        agent: AgentId::from_trusted(spent.purpose),
        account: None,
        model: spent.model.clone(),
        tokens: spent.tokens,
        cost_micros: None,
    };
    if !ledger::insert(tx.db, &entry)? {
        return Ok(());
    }
    tx.state.add_spent(&entry.agent, &entry.model, entry.tokens, None);
    if let Some(project) = &spent.project {
        let (at, tokens) = (spent.at, spent.tokens.total());
        let add = |state: &mut ProjectHot| state.usage.tokens.add(at, tokens);
        tx.state.change_project(project, add, move |state| state.usage.tokens.subtract(at, tokens));
    }
    Ok(())
}

/// The tokens of a tree and the key of its root, for a task that may have a parent.
///
/// # Errors
/// When the rows cannot be read.
pub fn tree_of(db: &mut Connection, key: i64, parent: Option<i64>) -> Result<(i64, u64), StoreError> {
    let root = if parent.is_some() { task_trees::root(db, key)? } else { key };
    Ok((root, tree_use::tokens(db, root)?))
}

/// Reads the limits, what was told, and the trees of the open runs.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn load(db: &mut Connection, figures: &mut Figures) -> Result<(), StoreError> {
    for scope in BudgetScope::ALL {
        let Some(text) = settings::get(db, &limit_name(*scope))? else { continue };
        let corrupt = |_| StoreError::Corrupt { column: "settings.value", found: text.clone() };
        let read = if text == UNLIMITED { Ok(None) } else { text.parse().map(Some).map_err(corrupt) };
        // Without it the limit of the configuration holds.
        let Some(limit) = set_aside(&mut figures.aside, || format!("setting {}", limit_name(*scope)), read)? else { continue };
        figures.budget_limits.insert(*scope, limit);
    }
    let projects: Vec<_> = figures.projects.keys().map(|id| told_key(Some(id.as_str()))).chain([told_key(None)]).collect();
    for key in projects {
        if let Some(level) = settings::get(db, &told_name(&key))?.and_then(|level| level.parse().ok()) {
            figures.budget_told.insert(key, BudgetWarning { told: level });
        }
    }
    let roots: std::collections::BTreeSet<i64> = figures.runs.values().map(|run| run.root).collect();
    for root in roots {
        let tokens = tree_use::tokens(db, root)?;
        figures.trees.insert(root, tokens);
    }
    // The configuration may have changed while nobody was there.
    figures.budgets_changed = true;
    Ok(())
}

/// The key under which it is kept what was told of a project's budget, or of the one of everything.
#[must_use]
pub fn told_key(project: Option<&str>) -> String {
    project.map_or_else(|| "global".to_owned(), |project| format!("project.{project}"))
}

impl Hot {
    /// Sets what the tree of `root` has spent; `None`: none of its runs is open any more.
    pub fn put_tree(&mut self, root: i64, tokens: Option<u64>) {
        self.put(root, tokens, |figures| &mut figures.trees);
    }

    /// Sets or (`None`) forgets the limit that replaces the configured one.
    pub fn put_budget(&mut self, scope: BudgetScope, limit: Option<Option<u64>>) {
        self.put(scope, limit, |figures| &mut figures.budget_limits);
    }

    /// Remembers what was told of a budget.
    pub fn put_told(&mut self, key: String, told: BudgetWarning) {
        let kept = (told.told > 0).then_some(told);
        self.put(key, kept, |figures| &mut figures.budget_told);
    }

    /// Says that blocks for a budget have to be looked at again, or that this was done.
    pub fn set_budgets_changed(&mut self, changed: bool) {
        if changed {
            self.end_tree_waits(None);
        }
        self.set(changed, |figures| &mut figures.budgets_changed);
    }
}
