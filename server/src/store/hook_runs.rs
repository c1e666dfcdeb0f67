//! The ledger of hooks: one row per start.

use aq_core::hook::{RunCause, RunState};
use aq_core::ids::ProjectId;
use aq_core::time::Timestamp;
use diesel::prelude::*;
use serde_json::Value;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::hook_runs;

/// A run of a hook.
#[derive(Clone, Debug, PartialEq)]
pub struct HookRunRecord {
    /// Its id.
    pub id: String,
    /// The hook.
    pub hook: String,
    /// The hook's project.
    pub project: ProjectId,
    /// What started it.
    pub cause: RunCause,
    /// The same in words: `periodic`, `event:task.completed`, `manual`.
    pub reason: String,
    /// The due time; set exactly for schedules.
    pub scheduled_at: Option<Timestamp>,
    /// The event; set exactly for events.
    pub event_seq: Option<u64>,
    /// What the hook sees of the event, or the payload of a webhook.
    pub event: Option<Value>,
    /// How far it is.
    pub state: RunState,
    /// Outcomes of its steps.
    pub context: Vec<Value>,
    /// What a model was asked; empty: none was.
    pub prompt: String,
    /// What the model answered.
    pub response: String,
    /// What was done.
    pub actions: Vec<Value>,
    /// Why it was skipped or failed.
    pub note: String,
    /// Model tokens.
    pub tokens: u64,
    /// Who fired it.
    pub actor: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = hook_runs, treat_none_as_null = true)]
struct Row {
    id: String,
    hook_id: String,
    project_id: String,
    cause: String,
    reason: String,
    scheduled_at: Option<i64>,
    event_seq: Option<i64>,
    event_json: Option<String>,
    state: String,
    context_json: String,
    prompt: String,
    response: String,
    actions_json: String,
    note: String,
    tokens: i64,
    actor: String,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

impl TryFrom<Row> for HookRunRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            hook: row.hook_id,
            project: ProjectId::from_trusted(&row.project_id),
            cause: columns::read("hook_runs.cause", &row.cause, RunCause::parse)?,
            reason: row.reason,
            scheduled_at: columns::instant(row.scheduled_at),
            event_seq: row.event_seq.map(|seq| columns::count("hook_runs.event_seq", seq)).transpose()?,
            event: row.event_json.as_deref().map(|text| columns::json("hook_runs.event_json", text)).transpose()?,
            state: columns::read("hook_runs.state", &row.state, RunState::parse)?,
            context: columns::json("hook_runs.context_json", &row.context_json)?,
            prompt: row.prompt,
            response: row.response,
            actions: columns::json("hook_runs.actions_json", &row.actions_json)?,
            note: row.note,
            tokens: columns::count("hook_runs.tokens", row.tokens)?,
            actor: row.actor,
            created_at: Timestamp::from_millis(row.created_at),
            started_at: columns::instant(row.started_at),
            ended_at: columns::instant(row.ended_at),
        })
    }
}

impl From<&HookRunRecord> for Row {
    fn from(run: &HookRunRecord) -> Self {
        Self {
            id: run.id.clone(),
            hook_id: run.hook.clone(),
            project_id: run.project.to_string(),
            cause: run.cause.as_str().to_owned(),
            reason: run.reason.clone(),
            scheduled_at: run.scheduled_at.map(Timestamp::as_millis),
            event_seq: run.event_seq.map(columns::big),
            event_json: run.event.as_ref().map(Value::to_string),
            state: run.state.as_str().to_owned(),
            context_json: columns::to_json(&run.context),
            prompt: run.prompt.clone(),
            response: run.response.clone(),
            actions_json: columns::to_json(&run.actions),
            note: run.note.clone(),
            tokens: columns::big(run.tokens),
            actor: run.actor.clone(),
            created_at: run.created_at.as_millis(),
            started_at: run.started_at.map(Timestamp::as_millis),
            ended_at: run.ended_at.map(Timestamp::as_millis),
        }
    }
}

fn open() -> [&'static str; 2] {
    [RunState::Queued.as_str(), RunState::Running.as_str()]
}

queries! {
    /// Adds a run; false when this due time or this event started the hook before.
    pub fn insert(connection, run: &HookRunRecord) -> Result<bool, StoreError> {
        Ok(diesel::insert_into(hook_runs::table).values(Row::from(run)).on_conflict_do_nothing().execute(connection)? == 1)
    }

    /// Writes a run that was read before.
    pub fn update(connection, run: &HookRunRecord) -> Result<(), StoreError> {
        let changed = diesel::update(hook_runs::table.find(run.id.as_str())).set(Row::from(run)).execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// The run of this id.
    pub fn by_id(connection, id: &str) -> Result<Option<HookRunRecord>, StoreError> {
        let row: Option<Row> = hook_runs::table.find(id).select(Row::as_select()).first(connection).optional()?;
        row.map(HookRunRecord::try_from).transpose()
    }

    /// The runs that wait or run, in the order they came.
    pub fn unfinished(connection) -> Result<Vec<HookRunRecord>, StoreError> {
        let rows: Vec<Row> = hook_runs::table
            .filter(hook_runs::state.eq_any(open()))
            .order((hook_runs::created_at, hook_runs::scheduled_at, hook_runs::event_seq, hook_runs::id))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(HookRunRecord::try_from).collect()
    }

    /// How many runs of a hook wait or run.
    pub fn unfinished_of(connection, hook: &str) -> Result<i64, StoreError> {
        let runs = hook_runs::table.filter(hook_runs::hook_id.eq(hook).and(hook_runs::state.eq_any(open())));
        Ok(runs.count().get_result(connection)?)
    }

    /// The runs of a hook, newest first, older than `before` (created, id) where given; at most `limit`.
    pub fn of_hook(connection, hook: &str, before: Option<&(i64, String)>, limit: i64) -> Result<Vec<HookRunRecord>, StoreError> {
        let mut query = hook_runs::table
            .filter(hook_runs::hook_id.eq(hook))
            .order((hook_runs::created_at.desc(), hook_runs::id.desc()))
            .limit(limit)
            .select(Row::as_select())
            .into_boxed();
        if let Some((at, id)) = before {
            let older = hook_runs::created_at.lt(*at);
            let same = hook_runs::created_at.eq(*at).and(hook_runs::id.lt(id.as_str()));
            query = query.filter(older.or(same));
        }
        let rows: Vec<Row> = query.load(connection)?;
        rows.into_iter().map(HookRunRecord::try_from).collect()
    }

    /// The tokens of a hook's runs since an instant.
    pub fn tokens_since(connection, hook: &str, since: Timestamp) -> Result<u64, StoreError> {
        let spent: Vec<i64> = hook_runs::table
            .filter(hook_runs::hook_id.eq(hook).and(hook_runs::created_at.ge(since.as_millis())).and(hook_runs::tokens.gt(0)))
            .select(hook_runs::tokens)
            .load(connection)?;
        Ok(spent.into_iter().filter_map(|tokens| u64::try_from(tokens).ok()).fold(0, u64::saturating_add))
    }

    /// Removes the runs of a hook that are over, but the newest `kept`. Returns how many.
    pub fn trim(connection, hook: &str, kept: i64) -> Result<usize, StoreError> {
        let edge: Option<(i64, String)> = hook_runs::table
            .filter(hook_runs::hook_id.eq(hook))
            .order((hook_runs::created_at.desc(), hook_runs::id.desc()))
            .offset(kept)
            .select((hook_runs::created_at, hook_runs::id))
            .first(connection)
            .optional()?;
        let Some((at, id)) = edge else { return Ok(0) };
        // Runs of one moment are told apart by their id, as in the order above.
        let older = hook_runs::created_at.lt(at).or(hook_runs::created_at.eq(at).and(hook_runs::id.le(id)));
        let old = hook_runs::hook_id.eq(hook).and(older).and(hook_runs::state.ne_all(open()));
        Ok(diesel::delete(hook_runs::table.filter(old)).execute(connection)?)
    }
}
