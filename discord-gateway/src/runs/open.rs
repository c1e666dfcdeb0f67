//! Opening the card and the thread of a run, and taking up what was followed before a restart.

use aq_proto::v1 as pb;

use super::follow::follow;
use crate::backend::RunRecord;
use crate::bridge::Bridge;
use crate::outbound::Known;
use crate::render::{card, happened, mark_of};
use crate::text::one_line;

/// Opens the card and thread of a run that started, and follows it. `again`: that may have happened before.
pub(crate) async fn open(bridge: &Bridge, event: &pb::Event, again: bool) -> Result<(), tonic::Status> {
    let task = event.task_id.as_str();
    let Some(found) = bridge.server.task(task).await?.and_then(|answer| answer.task) else { return Ok(()) };
    let run = if event.run_number > 0 { event.run_number } else { found.last_run_number };
    if let Some(record) = bridge.server.run_record(task, run).await?.filter(|record| record.thread > 0) {
        // A run that starts a second time, after a question was answered, goes on in its thread.
        return begin(bridge, task, run, record).await;
    }
    let Some((channel, foreign)) = bridge.channels(|channels| channels.notices(&event.project_id)) else { return Ok(()) };
    let Some(attempt) = bridge.server.run(task, run).await? else { return Ok(()) };
    let mark = mark_of(event.seq);
    let mut message = card(&found, &attempt, &bridge.step(task, run), &mark, foreign);
    // Progress rings nobody; what wants somebody is told by a notice.
    message.silent = true;
    let posted = match bridge.out.post(channel, &message, Known::Mark(&mark, happened(event)), again).await {
        Ok(id) => id,
        Err(error) => {
            tracing::warn!(task, run, %error, "the card could not be posted");
            return Ok(());
        }
    };
    let project = if foreign { format!("[{}] ", event.project_id) } else { String::new() };
    let number = if run > 1 { format!(" · run {run}") } else { String::new() };
    let name = format!("{project}{}{number}", one_line(&found.title));
    let thread = match bridge.out.thread(channel, posted, &name).await {
        Ok(thread) => thread,
        Err(error) => {
            tracing::warn!(task, run, %error, "the thread could not be opened; the card stands alone");
            0
        }
    };
    let record = RunRecord { channel, card: posted, thread, foreign, mark, posted: bridge.now_ms() / 1000, ..RunRecord::default() };
    let text = serde_json::to_string(&record).map_err(|error| tonic::Status::internal(error.to_string()))?;
    let mut kept = vec![(RunRecord::key(task, run), text)];
    if thread > 0 {
        kept.push((RunRecord::thread_key(thread), format!("{task} {run}")));
        kept.push((RunRecord::live_key(task, run), event.project_id.clone()));
        bridge.thread_is(thread, Some((task.to_owned(), run)));
    }
    bridge.server.keep(kept, Vec::new()).await?;
    if thread > 0 { begin(bridge, task, run, record).await } else { Ok(()) }
}

async fn begin(bridge: &Bridge, task: &str, run: u32, record: RunRecord) -> Result<(), tonic::Status> {
    if !bridge.begin(task, run) {
        return Ok(());
    }
    bridge.server.keep_one(RunRecord::live_key(task, run), String::from("1")).await?;
    let (bridge, task) = (bridge.clone(), task.to_owned());
    tokio::spawn(async move {
        if let Err(error) = follow(&bridge, &task, run, record).await {
            tracing::warn!(task, run, error = error.message(), "a run is no longer followed");
        }
        bridge.end(&task, run);
    });
    Ok(())
}

/// Follows the runs that were followed when the gateway ended.
pub(crate) async fn resume_all(bridge: &Bridge) -> Result<(), tonic::Status> {
    for key in bridge.server.records("live:").await?.into_keys() {
        let mut parts = key.splitn(3, ':').skip(1);
        let (Some(task), Some(Ok(run))) = (parts.next(), parts.next().map(str::parse::<u32>)) else { continue };
        match bridge.server.run_record(task, run).await? {
            Some(record) => begin(bridge, task, run, record).await?,
            None => bridge.server.keep(Vec::new(), vec![key.clone()]).await?,
        }
    }
    Ok(())
}
