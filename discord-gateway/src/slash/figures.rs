//! Commands whose answer has a picture: usage, limits, the board.

use aq_proto::v1 as pb;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tonic::Status;

use super::options::Asked;
use crate::chart::{self, Over, Slot};
use crate::message::Message;
use crate::render;

/// Reports that are asked for at the same time.
const AT_ONCE: usize = 8;
/// Most tasks that a picture of the queue is made from, the last changed ones.
const TASKS: usize = 2000;

/// Answers.
pub(super) async fn run(word: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    match word {
        "usage" => usage(asked).await,
        "limits" => limits(asked).await,
        _ => board(asked).await,
    }
}

fn about(project: &str) -> &str {
    if project.is_empty() { "everything" } else { project }
}

async fn usage(asked: &Asked<'_>) -> Result<Message, Status> {
    let project = asked.project_or_all().unwrap_or_default();
    let group = match asked.given("by") {
        Some("agent") => pb::UsageGroup::Agent,
        Some("model") => pb::UsageGroup::Model,
        Some("day") => pb::UsageGroup::Day,
        _ => pb::UsageGroup::Unspecified,
    };
    let over = Over::named(asked.given("over"));
    let bridge = &asked.responder.bridge;
    let slots = chart::slots(over, bridge.now_ms(), &bridge.config.zone);
    let at = |seconds: i64| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let report = |since: Option<i64>, until: Option<i64>, group: pb::UsageGroup| {
        let request = pb::GetTokenUsageRequest {
            project_id: project.clone(),
            group_by: group.into(),
            time_zone: bridge.config.zone.clone(),
            since: since.and_then(at),
            until: until.and_then(at),
            ..Default::default()
        };
        async move { Ok::<_, Status>(asked.server.accounts().get_token_usage(request).await?.into_inner()) }
    };
    let whole = report(slots.first().map(|slot| slot.from), None, group).await?;
    // Days are what stands side by side anyway: by day, the colours are those of the default.
    let colours = if group == pb::UsageGroup::Day { pb::UsageGroup::Unspecified } else { group };
    let each = slots.into_iter().map(|slot| {
        let asked = report(Some(slot.from), Some(slot.until), colours);
        async move { Ok::<(Slot, _), Status>((slot, asked.await?)) }
    });
    let reports: Vec<_> = futures_util::stream::iter(each).buffered(AT_ONCE).try_collect().await?;
    let message = render::usage(&whole, &format!("{}, {}", about(&project), over.words()));
    let picture = chart::usage(&reports, colours, about(&project), over);
    Ok(chart::attached(message, picture, "usage.png").await)
}

async fn limits(asked: &Asked<'_>) -> Result<Message, Status> {
    let answer = asked.server.accounts().list_limit_windows(pb::ListLimitWindowsRequest::default()).await?.into_inner();
    let projects = projects(asked).await?;
    let message = render::limits(&answer);
    Ok(chart::attached(message, chart::limits(&answer, &projects), "limits.png").await)
}

/// The projects that the asker sees, at most 200.
async fn projects(asked: &Asked<'_>) -> Result<Vec<pb::Project>, Status> {
    let request = pb::ListProjectsRequest { page_size: 200, ..Default::default() };
    Ok(asked.server.projects().list_projects(request).await?.into_inner().projects)
}

async fn board(asked: &Asked<'_>) -> Result<Message, Status> {
    let project = asked.project_or_all().unwrap_or_default();
    let status = asked.server.admin().get_status(pb::GetStatusRequest { project_id: project.clone() }).await?.into_inner();
    let mut projects = projects(asked).await?;
    projects.retain(|found| project.is_empty() || found.id == project);
    let only: Vec<String> = if project.is_empty() { Vec::new() } else { vec![project.clone()] };
    let stopped = [pb::TaskStatus::WaitingInput, pb::TaskStatus::AwaitingApproval, pb::TaskStatus::Blocked];
    let request = pb::ListTasksRequest {
        project_ids: only.clone(),
        statuses: stopped.map(i32::from).to_vec(),
        order: pb::TaskOrder::RecentlyChanged.into(),
        page_size: 20,
        ..Default::default()
    };
    let people = asked.server.tasks().list_tasks(request).await?.into_inner();
    let request = pb::ForecastTasksRequest { project_id: project.clone(), max_tasks: 200 };
    let forecast = asked.server.tasks().forecast_tasks(request).await?.into_inner();
    let (tasks, more) = tasks(asked, only).await?;
    let message = render::board(&status, &projects, &people, &forecast.tasks, about(&project));
    let bridge = &asked.responder.bridge;
    let picture = chart::board(&tasks, more, &forecast.tasks, about(&project), bridge.now_ms(), &bridge.config.zone);
    Ok(chart::attached(message, picture, "board.png").await)
}

/// Tasks, finished ones too, the last changed first; and whether there are more.
async fn tasks(asked: &Asked<'_>, project_ids: Vec<String>) -> Result<(Vec<pb::Task>, bool), Status> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListTasksRequest {
            project_ids: project_ids.clone(),
            include_finished: true,
            order: pb::TaskOrder::RecentlyChanged.into(),
            page_size: 200,
            page_token,
            ..Default::default()
        };
        let answer = asked.server.tasks().list_tasks(request).await?.into_inner();
        found.extend(answer.tasks);
        if answer.next_page_token.is_empty() || found.len() >= TASKS {
            return Ok((found, !answer.next_page_token.is_empty()));
        }
        page_token = answer.next_page_token;
    }
}
