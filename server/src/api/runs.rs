//! RunService.

use aq_core::principal::ProjectScope;
use aq_proto::v1 as pb;
use futures_util::StreamExt as _;
use pb::run_service_server::RunService;
use tonic::Request;

use super::incoming::{optional_agent, optional_project, optional_task, task_id};
use super::output_stream::OutputSource;
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply, Stream};
use super::stream::{StreamSettings, follow};
use super::task_fields::own;
use super::views;
use crate::commands::task;
use crate::store::{RunCursor, RunQuery, details, run_lists, runs, tasks};

/// The service.
pub(super) struct Runs(pub(super) Api);

#[tonic::async_trait]
impl RunService for Runs {
    type StreamRunOutputStream = Stream<pb::StreamRunOutputResponse>;

    async fn get_run(&self, request: Request<pb::GetRunRequest>) -> Reply<pb::Run> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        own(&call.context, &id)?;
        let (number, context, hub) = (call.body.run_number, call.context, self.0.parts.hub.clone());
        let found = self.0.turn(&context).read(move |db| {
            let record = task(db, &context, &id)?;
            let number = if number == 0 { record.task.run_number } else { number };
            let run = runs::get(db, record.key, number)?.ok_or_else(|| ApiError::not_found("run", format!("{id}/{number}")))?;
            let costs = details::run_costs(db, &[record.key])?;
            Ok(views::run(&hub, &record, &run, &costs))
        });
        Ok(tonic::Response::new(found.await?))
    }

    async fn list_runs(&self, request: Request<pb::ListRunsRequest>) -> Reply<pb::ListRunsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(i64, i64, i32)>::of(&call.body)?;
        let wanted = optional_task("task_id", &call.body.task_id)?;
        let project = optional_project("project_id", &call.body.project_id)?;
        let agent = optional_agent("agent_id", &call.body.agent_id)?;
        let (context, hub, open_only) = (call.context, self.0.parts.hub.clone(), call.body.open_only);
        if let Some(project) = &project {
            context.sees(project, "project", project.as_str()).map_err(ApiError::from)?;
        }
        let after = page.after.map(|(started_at, task_key, number)| RunCursor { started_at, task_key, number });
        let size = page.size;
        let (runs, unreachable, next, total) = self
            .0
            .turn(&context)
            .read(move |db| {
                let task_key = wanted.map(|id| task(db, &context, &id)).transpose()?.map(|record| record.key);
                let projects = match (project, &context.principal.projects) {
                    (Some(project), _) => Some(vec![project]),
                    (None, ProjectScope::All) => None,
                    (None, ProjectScope::Only(projects)) => Some(projects.iter().cloned().collect()),
                };
                let query = RunQuery { task_key, projects, agent, open_only };
                let found = run_lists::page(db, &query, after.as_ref(), size)?;
                let keys: Vec<i64> = found.runs.iter().map(|run| run.task_key).collect();
                let costs = details::run_costs(db, &keys)?;
                let by_key = tasks::shown_by_key(db, &keys)?;
                let (mut shown, mut unreachable) = (Vec::new(), found.unreachable);
                for run in &found.runs {
                    // What is shown of a run includes its task.
                    match by_key.get(&run.task_key) {
                        Some(record) => shown.push(views::run(&hub, record, run, &costs)),
                        None => unreachable.push(run.run.id.to_string()),
                    }
                }
                let next = found.next.map(|next| (next.started_at, next.task_key, next.number));
                Ok((shown, unreachable, next, found.total))
            })
            .await?;
        Ok(tonic::Response::new(pb::ListRunsResponse {
            runs,
            next_page_token: page.token(next.as_ref()),
            total_size: u32::try_from(total).unwrap_or(u32::MAX),
            unreachable,
        }))
    }

    async fn stream_run_output(&self, request: Request<pb::StreamRunOutputRequest>) -> Reply<Self::StreamRunOutputStream> {
        let call = self.0.admit(request)?;
        let after = call.body.after_seq;
        let source = OutputSource::open(self.0.clone(), call.context, &call.body).await?;
        let settings = StreamSettings { after, ..StreamSettings::default() };
        let said = follow(source, settings, self.0.parts.drain.clone());
        Ok(tonic::Response::new(Box::pin(said.map(|said| said.map(Into::into)))))
    }
}
