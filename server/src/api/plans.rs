//! PlanService.

use std::cmp::Reverse;

use aq_proto::v1 as pb;
use pb::plan_service_server::PlanService;
use tonic::Request;

use super::convert;
use super::incoming::{filled, member, optional_project, optional_task, project_id};
use super::page::Page;
use super::service::{Api, Done};
use super::status::{ApiError, Reply};
use crate::commands::plans::{self, NewPlan};
use crate::commands::{Context, project, task};
use crate::lifecycle::{PlanRules, Tx, origin_of};
use crate::store::{Connection, PlanRecord, TaskRecord, plans as rows, tasks};

/// The service.
pub(super) struct Plans(pub(super) Api);

fn parent_of(db: &mut Connection, record: &PlanRecord) -> Result<Option<TaskRecord>, ApiError> {
    Ok(record.task_key.map(|key| tasks::by_key(db, key)).transpose()?)
}

fn shown(db: &mut Connection, rules: &PlanRules, record: &PlanRecord) -> Result<pb::Plan, ApiError> {
    let parent = parent_of(db, record)?;
    let keys = rows::tasks_of(db, &origin_of(record))?;
    let mut made = tasks::shown_by_key(db, &keys)?;
    made.retain(|_, task| task.deleted_at.is_none() && task.parent_key == record.task_key);
    let ids = made.values().map(|task| task.task.id.to_string()).collect();
    Ok(convert::plan(record, rules, parent.as_ref(), ids))
}

impl Plans {
    fn rules(&self) -> PlanRules {
        self.0.parts.policy.plans.clone()
    }
}

#[tonic::async_trait]
impl PlanService for Plans {
    async fn list_plans(&self, request: Request<pb::ListPlansRequest>) -> Reply<pb::ListPlansResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(Reverse<i64>, String)>::of(&call.body)?;
        let project = optional_project("project_id", &call.body.project_id)?;
        let task_id = optional_task("task_id", &call.body.task_id)?;
        let state = member::<pb::PlanState>("state", call.body.state)?;
        let (context, rules) = (call.context, self.rules());
        if let Some(project) = &project {
            context.sees(project, "project", project.as_str()).map_err(ApiError::from)?;
        }
        let found = self
            .0
            .turn(&context)
            .read(move |db| {
                let wanted = task_id.map(|id| task(db, &context, &id)).transpose()?.map(|record| record.key);
                let lines = rows::index(db, project.as_ref())?.into_iter().filter(|line| {
                    context.principal.projects.covers(&line.project)
                        && (wanted.is_none() || line.task_key == wanted)
                        && state.is_none_or(|state| convert::plan_state(line.state) == state)
                });
                let slice = page.slice(lines.collect(), |line| (Reverse(line.created_at.as_millis()), line.id.clone()));
                let mut plans = Vec::with_capacity(slice.items.len());
                for line in slice.items {
                    if let Some(record) = rows::by_id(db, &line.id)? {
                        plans.push(shown(db, &rules, &record)?);
                    }
                }
                Ok(pb::ListPlansResponse { plans, next_page_token: slice.next, total_size: slice.total })
            })
            .await?;
        Ok(tonic::Response::new(found))
    }

    async fn get_plan(&self, request: Request<pb::GetPlanRequest>) -> Reply<pb::GetPlanResponse> {
        let call = self.0.admit(request)?;
        let (id, context, rules) = (filled("plan_id", &call.body.plan_id)?, call.context, self.rules());
        let found = self
            .0
            .turn(&context)
            .read(move |db| {
                let record = plans::plan(db, &context, &id)?;
                let parent = parent_of(db, &record)?;
                let reading = convert::reading(&record.text, &record.proposed, &rules, parent.as_ref());
                Ok(pb::GetPlanResponse { plan: Some(shown(db, &rules, &record)?), text: record.text, reading: Some(reading) })
            })
            .await?;
        Ok(tonic::Response::new(found))
    }

    async fn approve_plan(&self, request: Request<pb::ApprovePlanRequest>) -> Reply<pb::ApprovePlanResponse> {
        let call = self.0.admit(request)?;
        let (id, rules) = (filled("plan_id", &call.body.plan_id)?, self.rules());
        let approve = move |tx: &mut Tx<'_>, context: &Context| {
            let (record, made, order) = plans::approve(tx, context, &rules, &id)?;
            let plan = Some(shown(tx.db, &rules, &record)?);
            let tasks = made.iter().map(convert::task_ref).collect();
            Ok(Done { answer: pb::ApprovePlanResponse { plan, tasks }, orders: order.into_iter().collect() })
        };
        self.0.mutate(&call.context, &call.body, approve).await
    }

    async fn reject_plan(&self, request: Request<pb::RejectPlanRequest>) -> Reply<pb::Plan> {
        let call = self.0.admit(request)?;
        let (id, rules, feedback) = (filled("plan_id", &call.body.plan_id)?, self.rules(), call.body.feedback.clone());
        let reject = move |tx: &mut Tx<'_>, context: &Context| {
            let (record, order) = plans::reject(tx, context, &id, &feedback)?;
            Ok(Done { answer: shown(tx.db, &rules, &record)?, orders: order.into_iter().collect() })
        };
        self.0.mutate(&call.context, &call.body, reject).await
    }

    async fn create_plan(&self, request: Request<pb::CreatePlanRequest>) -> Reply<pb::CreatePlanResponse> {
        let call = self.0.admit(request)?;
        let new = NewPlan {
            project: project_id("project_id", &call.body.project_id)?,
            parent: optional_task("parent_task_id", &call.body.parent_task_id)?,
            text: call.body.text.clone(),
        };
        let (rules, dry_run) = (self.rules(), call.body.dry_run);
        plans::check_text(&new.text, &rules).map_err(ApiError::from)?;
        let create = move |tx: &mut Tx<'_>, context: &Context| {
            project(tx.state, context, &new.project)?;
            let parent = new.parent.as_ref().map(|id| task(tx.db, context, id)).transpose()?;
            let reading = Some(convert::reading(&new.text, &[], &rules, parent.as_ref()));
            if dry_run {
                return Ok(pb::CreatePlanResponse { plan: None, reading, tasks: Vec::new() }.into());
            }
            let (record, made) = plans::create(tx, context, &rules, &new)?;
            let plan = Some(shown(tx.db, &rules, &record)?);
            Ok(pb::CreatePlanResponse { plan, reading, tasks: made.iter().map(convert::task_ref).collect() }.into())
        };
        self.0.mutate(&call.context, &call.body, create).await
    }
}
