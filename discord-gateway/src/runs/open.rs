//! Opening the card and the thread of a run, and taking up what was followed before a restart.

use aq_proto::v1 as pb;
use tokio::sync::oneshot;
use tonic::Status;

use super::follow::follow;
use crate::backend::RunRecord;
use crate::bridge::Bridge;
use crate::outbound::Known;
use crate::render::{card, happened, mark_of};
use crate::text::one_line;

/// Told when a card is there.
type Opened = oneshot::Receiver<Result<(), Status>>;

/// A run started: its card and thread are opened when their turn comes, and it is followed. `None`: there is nothing to wait for. `again`: that may
/// have happened before.
pub(crate) async fn open(bridge: &Bridge, event: &pb::Event, again: bool) -> Result<Option<Opened>, Status> {
    if let Some((run, record)) = kept(bridge, event).await?.filter(|(_, record)| record.thread > 0) {
        // A run that starts a second time, after a question was answered, goes on in its thread.
        begin(bridge, &event.task_id, run, record).await?;
        return Ok(None);
    }
    let (told, shown) = oneshot::channel();
    if bridge.openings(&event.project_id, |openings| openings.want(event.clone(), again, told)) {
        let (bridge, project) = (bridge.clone(), event.project_id.clone());
        tokio::spawn(async move { work(&bridge, &project).await });
    }
    Ok(Some(shown))
}

/// The number of the run that an event is about, and what is kept of it; `None`: nothing is.
async fn kept(bridge: &Bridge, event: &pb::Event) -> Result<Option<(u32, RunRecord)>, Status> {
    let Some(run) = number(bridge, event).await? else { return Ok(None) };
    Ok(bridge.server.run_record(&event.task_id, run).await?.map(|record| (run, record)))
}

/// The number of the run that an event is about; `None`: the task is gone.
async fn number(bridge: &Bridge, event: &pb::Event) -> Result<Option<u32>, Status> {
    if event.run_number > 0 {
        return Ok(Some(event.run_number));
    }
    Ok(bridge.server.task(&event.task_id).await?.and_then(|answer| answer.task).map(|task| task.last_run_number))
}

/// Opens the cards of a project until none waits.
async fn work(bridge: &Bridge, project: &str) {
    while let Some((event, again)) = bridge.openings(project, |openings| openings.next()) {
        let shown = show(bridge, &event, again).await;
        for told in bridge.openings(project, |openings| openings.over()) {
            // Who does not listen any more does not want to know.
            drop(told.send(shown.clone()));
        }
    }
}

/// Opens the card and the thread of a run, and follows it.
async fn show(bridge: &Bridge, event: &pb::Event, again: bool) -> Result<(), Status> {
    let task = event.task_id.as_str();
    let Some((channel, foreign)) = bridge.channels(|channels| channels.notices(&event.project_id)) else { return Ok(()) };
    bridge.out.room_to_post(channel).await;
    // The state is read when the card may go: what was read before a long wait would be old by then.
    let Some(run) = number(bridge, event).await? else { return Ok(()) };
    let Some(found) = bridge.server.task(task).await?.and_then(|answer| answer.task) else { return Ok(()) };
    let record = match bridge.server.run_record(task, run).await? {
        Some(record) if record.thread > 0 => return begin(bridge, task, run, record).await,
        // Its thread could not be opened when it started: the card stays, and the thread is tried again.
        Some(record) => record,
        None => {
            let Some(attempt) = bridge.server.run(task, run).await? else { return Ok(()) };
            let mark = mark_of(event.seq);
            let mut message = card(&found, &attempt, &bridge.step(task, run), &mark, foreign);
            // Progress rings nobody; what wants somebody is told by a notice.
            message.silent = true;
            match bridge.out.post(channel, &message, Known::Mark(&mark, happened(event)), again).await {
                Ok(card) => RunRecord { channel, card, foreign, mark, posted: bridge.now_ms() / 1000, ..RunRecord::default() },
                Err(error) => {
                    tracing::warn!(task, run, %error, "the card could not be posted");
                    return Ok(());
                }
            }
        }
    };
    let project = if record.foreign { format!("[{}] ", event.project_id) } else { String::new() };
    let which = if run > 1 { format!(" · run {run}") } else { String::new() };
    let name = format!("{project}{}{which}", one_line(&found.title));
    let thread = match bridge.out.thread(record.channel, record.card, &name).await {
        Ok(thread) => thread,
        Err(error) => {
            tracing::warn!(task, run, %error, "the thread could not be opened; the card stands alone");
            0
        }
    };
    let record = RunRecord { thread, ..record };
    let text = serde_json::to_string(&record).map_err(|error| Status::internal(error.to_string()))?;
    let mut kept = vec![(RunRecord::key(task, run), text)];
    if thread > 0 {
        kept.push((RunRecord::thread_key(thread), format!("{task} {run}")));
        kept.push((RunRecord::live_key(task, run), event.project_id.clone()));
        bridge.thread_is(thread, Some((task.to_owned(), run)));
    }
    bridge.server.keep(kept, Vec::new()).await?;
    if thread > 0 { begin(bridge, task, run, record).await } else { Ok(()) }
}

async fn begin(bridge: &Bridge, task: &str, run: u32, record: RunRecord) -> Result<(), Status> {
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
pub(crate) async fn resume_all(bridge: &Bridge) -> Result<(), Status> {
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
