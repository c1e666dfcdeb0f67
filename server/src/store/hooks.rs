//! Hooks. Their runs live in `hook_runs`.

use aq_core::hook::{Hook, Missed, Owner};
use aq_core::ids::ProjectId;
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::{hook_runs, hooks};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = hooks, treat_none_as_null = true)]
struct Row {
    id: String,
    project_id: String,
    name: String,
    enabled: bool,
    trigger_json: String,
    steps_json: String,
    actions_json: String,
    cooldown_ms: i64,
    missed: String,
    max_tokens_per_run: Option<i64>,
    max_tokens_per_day: Option<i64>,
    owner_key_id: String,
    owner_person: Option<String>,
    created_at: i64,
    updated_at: i64,
    next_due_at: Option<i64>,
    last_fired_at: Option<i64>,
}

impl TryFrom<Row> for Hook {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let cap = |column, value: Option<i64>| value.map(|value| columns::count(column, value)).transpose();
        Ok(Self {
            id: row.id,
            project: ProjectId::from_trusted(&row.project_id),
            name: row.name,
            enabled: row.enabled,
            trigger: columns::json("hooks.trigger_json", &row.trigger_json)?,
            steps: columns::json("hooks.steps_json", &row.steps_json)?,
            actions: columns::json("hooks.actions_json", &row.actions_json)?,
            cooldown_ms: columns::count("hooks.cooldown_ms", row.cooldown_ms)?,
            missed: columns::read("hooks.missed", &row.missed, Missed::parse)?,
            max_tokens_per_run: cap("hooks.max_tokens_per_run", row.max_tokens_per_run)?,
            max_tokens_per_day: cap("hooks.max_tokens_per_day", row.max_tokens_per_day)?,
            owner: Owner { key_id: row.owner_key_id, person: row.owner_person },
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
            next_due: columns::instant(row.next_due_at),
            last_fired: columns::instant(row.last_fired_at),
        })
    }
}

impl From<&Hook> for Row {
    fn from(hook: &Hook) -> Self {
        Self {
            id: hook.id.clone(),
            project_id: hook.project.to_string(),
            name: hook.name.clone(),
            enabled: hook.enabled,
            trigger_json: columns::to_json(&hook.trigger),
            steps_json: columns::to_json(&hook.steps),
            actions_json: columns::to_json(&hook.actions),
            cooldown_ms: columns::big(hook.cooldown_ms),
            missed: hook.missed.as_str().to_owned(),
            max_tokens_per_run: hook.max_tokens_per_run.map(columns::big),
            max_tokens_per_day: hook.max_tokens_per_day.map(columns::big),
            owner_key_id: hook.owner.key_id.clone(),
            owner_person: hook.owner.person.clone(),
            created_at: hook.created_at.as_millis(),
            updated_at: hook.updated_at.as_millis(),
            next_due_at: hook.next_due.map(Timestamp::as_millis),
            last_fired_at: hook.last_fired.map(Timestamp::as_millis),
        }
    }
}

queries! {
    /// Adds a hook. [`StoreError::Conflict`] when its project has one of this name.
    pub fn insert(connection, hook: &Hook) -> Result<(), StoreError> {
        diesel::insert_into(hooks::table).values(Row::from(hook)).execute(connection)?;
        Ok(())
    }

    /// Writes a hook that was read before.
    pub fn update(connection, hook: &Hook) -> Result<(), StoreError> {
        let changed = diesel::update(hooks::table.find(hook.id.as_str())).set(Row::from(hook)).execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// The hook of this id.
    pub fn by_id(connection, id: &str) -> Result<Option<Hook>, StoreError> {
        let row: Option<Row> = hooks::table.find(id).select(Row::as_select()).first(connection).optional()?;
        row.map(Hook::try_from).transpose()
    }

    /// The hooks of a project, or all, by age.
    pub fn all(connection, project: Option<&ProjectId>) -> Result<Vec<Hook>, StoreError> {
        let mut query = hooks::table.order((hooks::created_at, hooks::id)).select(Row::as_select()).into_boxed();
        if let Some(project) = project {
            query = query.filter(hooks::project_id.eq(project.as_str()));
        }
        let rows: Vec<Row> = query.load(connection)?;
        rows.into_iter().map(Hook::try_from).collect()
    }

    /// The enabled hooks, by age. One whose row cannot be read is told by its id and keeps no other away (F-147).
    pub fn enabled(connection) -> Result<(Vec<Hook>, Vec<String>), StoreError> {
        let rows: Vec<Row> =
            hooks::table.filter(hooks::enabled.eq(true)).order((hooks::created_at, hooks::id)).select(Row::as_select()).load(connection)?;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for row in rows {
            let id = row.id.clone();
            match Hook::try_from(row) {
                Ok(hook) => good.push(hook),
                Err(_) => bad.push(id),
            }
        }
        Ok((good, bad))
    }

    /// How many hooks a project has.
    pub fn count(connection, project: &ProjectId) -> Result<i64, StoreError> {
        Ok(hooks::table.filter(hooks::project_id.eq(project.as_str())).count().get_result(connection)?)
    }

    /// Removes a hook with its runs; false when there is none.
    pub fn remove(connection, id: &str) -> Result<bool, StoreError> {
        diesel::delete(hook_runs::table.filter(hook_runs::hook_id.eq(id))).execute(connection)?;
        Ok(diesel::delete(hooks::table.find(id)).execute(connection)? == 1)
    }

    /// Removes every hook of a project with their runs (F-031).
    pub fn remove_of_project(connection, project: &ProjectId) -> Result<usize, StoreError> {
        diesel::delete(hook_runs::table.filter(hook_runs::project_id.eq(project.as_str()))).execute(connection)?;
        Ok(diesel::delete(hooks::table.filter(hooks::project_id.eq(project.as_str()))).execute(connection)?)
    }
}
