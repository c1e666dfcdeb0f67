//! Plans, and what became of them.

use aq_core::ids::ProjectId;
use aq_core::plan::{PlanSource, PlanState, ProposedStep};
use aq_core::project::PlanApproval;
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::{plans, task_plan_rules, tasks};

/// A stored plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRecord {
    /// Its id.
    pub id: String,
    /// The project.
    pub project: ProjectId,
    /// The task that it came out of.
    pub task_key: Option<i64>,
    /// The run that wrote it.
    pub run_number: Option<u32>,
    /// The question that it was the subject of.
    pub request_id: Option<String>,
    /// Where it comes from.
    pub source: PlanSource,
    /// Where it lay in the work directory; empty: nowhere.
    pub path: String,
    /// Where it is kept as a file; empty: nowhere.
    pub archive: String,
    /// Names its content.
    pub hash: String,
    /// What became of it.
    pub state: PlanState,
    /// Its text.
    pub text: String,
    /// The steps that a model proposed; empty: none, the text is read by the rules.
    pub proposed: Vec<ProposedStep>,
    /// What the person said who refused it.
    pub feedback: String,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When it was found.
    pub created_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}

/// A plan in short, for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanLine {
    /// When it was found.
    pub created_at: Timestamp,
    /// Its id.
    pub id: String,
    /// The project.
    pub project: ProjectId,
    /// The task that it came out of.
    pub task_key: Option<i64>,
    /// What became of it.
    pub state: PlanState,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = plans, treat_none_as_null = true)]
struct Row {
    id: String,
    project_id: String,
    task_key: Option<i64>,
    run_number: Option<i32>,
    request_id: Option<String>,
    source: String,
    path: String,
    archive: String,
    hash: String,
    state: String,
    text: String,
    proposed: String,
    feedback: String,
    decided_by: Option<String>,
    created_at: i64,
    decided_at: Option<i64>,
}

impl TryFrom<Row> for PlanRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            project: ProjectId::from_trusted(&row.project_id),
            task_key: row.task_key,
            run_number: row.run_number.map(|number| columns::small("plans.run_number", number)).transpose()?,
            request_id: row.request_id,
            source: columns::read("plans.source", &row.source, PlanSource::parse)?,
            path: row.path,
            archive: row.archive,
            hash: row.hash,
            state: columns::read("plans.state", &row.state, PlanState::parse)?,
            text: row.text,
            proposed: read_proposed(&row.proposed)?,
            feedback: row.feedback,
            decided_by: row.decided_by,
            created_at: Timestamp::from_millis(row.created_at),
            decided_at: columns::instant(row.decided_at),
        })
    }
}

impl From<&PlanRecord> for Row {
    fn from(record: &PlanRecord) -> Self {
        Self {
            id: record.id.clone(),
            project_id: record.project.to_string(),
            task_key: record.task_key,
            run_number: record.run_number.map(columns::int),
            request_id: record.request_id.clone(),
            source: record.source.as_str().to_owned(),
            path: record.path.clone(),
            archive: record.archive.clone(),
            hash: record.hash.clone(),
            state: record.state.as_str().to_owned(),
            text: record.text.clone(),
            proposed: written(&record.proposed),
            feedback: record.feedback.clone(),
            decided_by: record.decided_by.clone(),
            created_at: record.created_at.as_millis(),
            decided_at: record.decided_at.map(Timestamp::as_millis),
        }
    }
}

/// Proposed steps as text: a list of titles and descriptions; empty for none.
fn written(steps: &[ProposedStep]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let pairs: Vec<(&str, &str)> = steps.iter().map(|step| (step.title.as_str(), step.description.as_str())).collect();
    serde_json::to_string(&pairs).unwrap_or_default()
}

fn read_proposed(text: &str) -> Result<Vec<ProposedStep>, StoreError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let corrupt = || StoreError::Corrupt { column: "plans.proposed", found: text.chars().take(100).collect() };
    let pairs: Vec<(String, String)> = serde_json::from_str(text).map_err(|_| corrupt())?;
    Ok(pairs.into_iter().map(|(title, description)| ProposedStep { title, description }).collect())
}

queries! {
    /// Adds a plan.
    pub fn insert(connection, record: &PlanRecord) -> Result<(), StoreError> {
        diesel::insert_into(plans::table).values(Row::from(record)).execute(connection)?;
        Ok(())
    }

    /// Writes a plan that was read before.
    pub fn update(connection, record: &PlanRecord) -> Result<(), StoreError> {
        let changed = diesel::update(plans::table.find(record.id.as_str())).set(Row::from(record)).execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// The plan of this id.
    pub fn by_id(connection, id: &str) -> Result<Option<PlanRecord>, StoreError> {
        let row: Option<Row> = plans::table.find(id).select(Row::as_select()).get_result(connection).optional()?;
        row.map(PlanRecord::try_from).transpose()
    }

    /// The plan with this content that counts in a project: neither refused nor superseded.
    pub fn by_hash(connection, project: &ProjectId, hash: &str) -> Result<Option<PlanRecord>, StoreError> {
        let dead = [PlanState::Rejected.as_str(), PlanState::Superseded.as_str()];
        let row: Option<Row> = plans::table
            .filter(plans::project_id.eq(project.as_str()).and(plans::hash.eq(hash)).and(plans::state.ne_all(dead)))
            .select(Row::as_select())
            .first(connection)
            .optional()?;
        row.map(PlanRecord::try_from).transpose()
    }

    /// The plans of a task, oldest first.
    pub fn of_task(connection, task: i64) -> Result<Vec<PlanRecord>, StoreError> {
        let rows = plans::table
            .filter(plans::task_key.eq(task))
            .order((plans::created_at, plans::id))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(PlanRecord::try_from).collect()
    }

    /// Every plan in short, newest first: those of `project` when one is named.
    pub fn index(connection, project: Option<&ProjectId>) -> Result<Vec<PlanLine>, StoreError> {
        let mut query = plans::table
            .order((plans::created_at.desc(), plans::id.desc()))
            .select((plans::created_at, plans::id, plans::project_id, plans::task_key, plans::state))
            .into_boxed();
        if let Some(project) = project {
            query = query.filter(plans::project_id.eq(project.as_str()));
        }
        let rows: Vec<(i64, String, String, Option<i64>, String)> = query.load(connection)?;
        let line = |(created_at, id, project, task_key, state): (i64, String, String, Option<i64>, String)| {
            let state = columns::read("plans.state", &state, PlanState::parse)?;
            Ok(PlanLine { created_at: Timestamp::from_millis(created_at), id, project: ProjectId::from_trusted(&project), task_key, state })
        };
        rows.into_iter().map(line).collect()
    }

    /// Keys of the tasks that a plan became, in their order. `source` is what they name as their origin.
    pub fn tasks_of(connection, source: &str) -> Result<Vec<i64>, StoreError> {
        Ok(tasks::table
            .filter(tasks::plan_source.eq(source).and(tasks::is_plan_subtask.eq(true)))
            .order(tasks::key)
            .select(tasks::key)
            .load(connection)?)
    }

    /// What a task says about plans itself.
    pub fn task_rule(connection, task: i64) -> Result<Option<PlanApproval>, StoreError> {
        let rule: Option<String> = task_plan_rules::table.find(task).select(task_plan_rules::rule).get_result(connection).optional()?;
        columns::read_optional("task_plan_rules.rule", rule.as_deref(), PlanApproval::parse)
    }

    /// Sets what a task says about plans; `None`: nothing, as its project says.
    pub fn set_task_rule(connection, task: i64, rule: Option<PlanApproval>) -> Result<(), StoreError> {
        diesel::delete(task_plan_rules::table.find(task)).execute(connection)?;
        if let Some(rule) = rule {
            let row = (task_plan_rules::task_key.eq(task), task_plan_rules::rule.eq(rule.as_str()));
            diesel::insert_into(task_plan_rules::table).values(row).execute(connection)?;
        }
        Ok(())
    }

    /// What these tasks say about plans themselves; those that say nothing are left out.
    pub fn task_rules(connection, keys: &[i64]) -> Result<Vec<(i64, PlanApproval)>, StoreError> {
        let mut found = Vec::new();
        for part in keys.chunks(500) {
            let rows: Vec<(i64, String)> = task_plan_rules::table.filter(task_plan_rules::task_key.eq_any(part)).load(connection)?;
            for (key, rule) in rows {
                found.push((key, columns::read("task_plan_rules.rule", &rule, PlanApproval::parse)?));
            }
        }
        Ok(found)
    }
}
