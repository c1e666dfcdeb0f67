//! Tasks, runs and agents as they are shown: the row, what belongs to it, and why it waits.

use std::collections::BTreeMap;

use aq_core::ids::{AgentId, RunRef, TaskId};
use aq_core::principal::ProjectScope;
use aq_core::project::PlanApproval;
use aq_core::task::{TaskStatus, UNTIL_ANSWERED};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::convert::{self, TaskExtra};
use super::explain::{self, Waits};
use super::service::Api;
use super::status::ApiError;
use crate::commands::Context;
use crate::events::{OutputHub, wire};
use crate::lifecycle::{Figures, Tx};
use crate::store::details::{self, RunCost};
use crate::store::{Connection, RunRecord, StoreError, TaskRecord, attachments, plans, questions, task_lists, tasks};

/// A task on its way to being shown.
#[derive(Clone)]
pub(super) struct Drawn {
    pub(super) record: TaskRecord,
    extra: TaskExtra,
    pub(super) unmet: Vec<(TaskId, TaskStatus)>,
}

/// Gathers what belongs to these tasks: a fixed number of queries for every 500 of them.
pub(super) fn gather(db: &mut Connection, mut records: Vec<TaskRecord>) -> Result<Vec<Drawn>, StoreError> {
    let keys: Vec<i64> = records.iter().map(|record| record.key).collect();
    task_lists::name_parents(db, &mut records)?;
    let (mut sums, costs) = (details::run_sums(db, &keys)?, details::run_costs(db, &keys)?);
    let (subtasks, mut unmet) = (details::subtask_counts(db, &keys)?, details::unmet(db, &keys)?);
    let mut cost_of: BTreeMap<i64, u64> = BTreeMap::new();
    for ((key, _), cost) in &costs {
        *cost_of.entry(*key).or_default() += cost.cost_micros;
    }
    let mut plan_rules: BTreeMap<i64, _> = plans::task_rules(db, &keys)?.into_iter().collect();
    let mut drawn = Vec::with_capacity(records.len());
    for record in records {
        let sum = sums.remove(&record.key).unwrap_or_default();
        let asks = record.task.status == TaskStatus::WaitingInput || record.task.resume_after == Some(UNTIL_ANSWERED);
        let question =
            if asks { questions::waiting_of_task(db, record.key)?.first().map(|open| wire::question(&open.question)) } else { None };
        let completed = record.task.status == TaskStatus::Completed;
        let extra = TaskExtra {
            waiting_for: String::new(),
            result_summary: sum.result,
            subtasks: subtasks.get(&record.key).copied().unwrap_or_default(),
            tokens: sum.tokens,
            cost_micros: cost_of.get(&record.key).copied().unwrap_or(0),
            created_by: record.task.origin.as_str().to_owned(),
            started_at: sum.started_at,
            finished_at: completed.then_some(sum.ended_at.unwrap_or(record.task.updated_at)),
            question,
            plan_approval: plan_rules.remove(&record.key),
        };
        let unmet = unmet.remove(&record.key).unwrap_or_default();
        drawn.push(Drawn { record, extra, unmet });
    }
    Ok(drawn)
}

/// Says of each why it waits.
pub(super) fn explain_all(figures: &Figures, waits: &Waits, drawn: &mut [Drawn], now: Timestamp) {
    for one in drawn {
        one.extra.waiting_for = explain::explained(figures, waits, &one.record, &one.unmet, explain::FEW, now).sentence;
    }
}

/// The wire form.
pub(super) fn finish(drawn: Vec<Drawn>) -> Vec<pb::Task> {
    drawn.into_iter().map(|one| convert::task(&one.record, one.extra)).collect()
}

/// Tasks as the answer of a mutation, read back inside its transaction.
pub(super) fn answer(tx: &mut Tx<'_>, context: &Context, mut records: Vec<TaskRecord>) -> Result<Vec<pb::Task>, ApiError> {
    for record in &mut records {
        record.task.attachments = attachments::of_task(tx.db, record.key)?;
    }
    let mut drawn = gather(tx.db, records)?;
    let waits = Waits::pauses(tx.state, drawn.iter().map(|one| &one.record.task.project));
    explain_all(tx.state, &waits, &mut drawn, context.now);
    Ok(finish(drawn))
}

/// Tasks that this transaction created, each with its own rule for plans, as its answer. Nothing has run and nothing hangs below them yet, so
/// that only what they wait for is read.
pub(super) fn answer_new(
    tx: &mut Tx<'_>,
    context: &Context,
    records: Vec<(TaskRecord, Option<PlanApproval>)>,
) -> Result<Vec<pb::Task>, ApiError> {
    let waiting: Vec<i64> = records.iter().filter(|(record, _)| record.unmet > 0).map(|(record, _)| record.key).collect();
    let mut unmet = details::unmet(tx.db, &waiting)?;
    let drawn = records.into_iter().map(|(record, plan_approval)| {
        let extra = TaskExtra { created_by: record.task.origin.as_str().to_owned(), plan_approval, ..TaskExtra::default() };
        let unmet = unmet.remove(&record.key).unwrap_or_default();
        Drawn { record, extra, unmet }
    });
    let mut drawn: Vec<_> = drawn.collect();
    let waits = Waits::pauses(tx.state, drawn.iter().map(|one| &one.record.task.project));
    explain_all(tx.state, &waits, &mut drawn, context.now);
    Ok(finish(drawn))
}

/// One task as the answer of a mutation.
pub(super) fn answer_one(tx: &mut Tx<'_>, context: &Context, record: TaskRecord) -> Result<pb::Task, ApiError> {
    let mut tasks = answer(tx, context, vec![record])?;
    tasks.pop().ok_or_else(|| crate::commands::CommandError::Internal("a task was lost on its way out".to_owned()).into())
}

impl Api {
    /// Explains drawn tasks with the present figures, and gives their wire form. The writer is asked only when somebody waits.
    pub(super) async fn show(&self, context: &Context, drawn: Vec<Drawn>) -> Result<Vec<pb::Task>, ApiError> {
        if drawn.iter().all(|one| one.record.task.status == TaskStatus::Completed) {
            return Ok(finish(drawn));
        }
        let (policy, now) = (std::sync::Arc::clone(&self.parts.policy), context.now);
        let drawn = self
            .turn(context)
            .look(move |seen| {
                let mut drawn = drawn;
                let ready = drawn.iter().any(|one| one.record.task.status == TaskStatus::Ready);
                let waits = if ready { Waits::decided(seen.figures, &policy, now) } else { Waits::default() };
                explain_all(seen.figures, &waits, &mut drawn, now);
                Ok(drawn)
            })
            .await?;
        Ok(finish(drawn))
    }

    /// The agents that pass `wanted`, with their tasks and totals.
    pub(super) async fn show_agents(
        &self,
        context: &Context,
        scope: &ProjectScope,
        one: Option<AgentId>,
    ) -> Result<Vec<pb::Agent>, ApiError> {
        let scope = scope.clone();
        let mut shown = self
            .turn(context)
            .look(move |seen| {
                let wanted = seen.figures.agents.values().filter(|agent| one.as_ref().is_none_or(|id| agent.id == *id));
                Ok(wanted.map(|agent| convert::agent(seen.figures, agent, &scope)).collect::<Vec<_>>())
            })
            .await?;
        self.turn(context)
            .read(move |db| {
                let totals = details::tokens_by_agent(db)?;
                for agent in &mut shown {
                    agent.total_tokens = totals.get(&agent.id).copied().unwrap_or(0);
                    if !agent.current_task_id.is_empty() {
                        let task = tasks::by_id(db, &TaskId::from_trusted(&agent.current_task_id))?;
                        agent.current_task_title = task.map(|record| record.task.title).unwrap_or_default();
                    }
                }
                Ok(shown)
            })
            .await
    }
}

/// A run for showing; of an open one, how far its output has come.
pub(super) fn run(hub: &OutputHub, task: &TaskRecord, run: &RunRecord, costs: &BTreeMap<(i64, u32), RunCost>) -> pb::Run {
    let last = if run.run.is_open() { last_seq(hub, &run.run.id) } else { None };
    convert::run(&task.task, &run.run, costs.get(&(run.task_key, run.run.id.number)), last)
}

fn last_seq(hub: &OutputHub, run: &RunRef) -> Option<u64> {
    hub.log().last_seq(run).ok()
}
