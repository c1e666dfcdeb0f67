//! `aqctl logs`: the output of a task's runs (F-238).

use aq_proto::client::Connection;
use aq_proto::resume::stream_run_output;
use aq_proto::v1::stream_run_output_response::Event;
use aq_proto::v1::{StreamEndReason, StreamRunOutputRequest, StreamRunOutputResponse};

use super::follow::following;
use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::globals::Format;
use crate::ids;
use crate::render::output::{self, Detail};
use crate::ui::Ui;

/// Show what an agent says and does, from the newest run on; `-f` goes on with what comes
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task, or one of its runs: swift-falcon, swift-falcon/2
    #[arg(value_name = "TASK[/RUN]", add = candidates::tasks())]
    task: String,
    /// Go on with new output until the task is finished; survives restarts of the server
    #[arg(short, long)]
    follow: bool,
    /// Begin with the last N pieces of output
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tail: Option<u32>,
    /// Begin with the first run of the task
    #[arg(long, conflicts_with = "tail")]
    all_runs: bool,
    /// Show inputs and results of tools whole
    #[arg(long)]
    full: bool,
    /// Begin each line with the time of day
    #[arg(short = 't', long)]
    times: bool,
    /// Print every message as a line of JSON, the same as -o json
    #[arg(long)]
    raw: bool,
}

/// `swift-falcon/2` as task and run; run 0 when none is named.
pub(super) fn split(typed: &str) -> Result<(&str, u32), CliError> {
    let Some((task, run)) = typed.split_once('/') else { return Ok((typed, 0)) };
    let run = run.parse().ok().filter(|number| *number > 0);
    let run = run.ok_or_else(|| CliError::usage(format!("`{typed}`: the run is a number from 1, as in {task}/1")))?;
    Ok((task, run))
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let (typed, run_number) = split(&args.task)?;
    let mut ui = context.ui.clone();
    if args.raw {
        ui.format = Format::Json;
    }
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, typed).await?;
    let request = StreamRunOutputRequest {
        task_id: task_id.clone(),
        run_number,
        first_run_number: u32::from(args.all_runs && run_number == 0),
        after_seq: 0,
        follow: args.follow,
        tail: args.tail.unwrap_or(0),
    };
    let detail = Detail { full: args.full, times: args.times };
    let come_back = format!("aqctl logs -f {task_id}");
    following(context, &come_back, stream(context, &ui, &connection, request, detail)).await
}

/// Prints the stream to its end.
///
/// # Errors
/// When the server refuses, or standard output cannot be written.
pub(super) async fn stream(
    context: &Context,
    ui: &Ui,
    connection: &Connection,
    request: StreamRunOutputRequest,
    detail: Detail,
) -> Result<(), CliError> {
    let task_id = request.task_id.clone();
    let mut messages = stream_run_output(connection.runs(), request, context.resume_options());
    let mut run = 0;
    let mut printed = false;
    while let Some(message) = messages.next().await {
        let message = message?;
        if ui.format == Format::Table && run != 0 && message.run_number > run {
            ui.talk(format!("— run {} of {task_id} —", message.run_number));
        }
        run = run.max(message.run_number);
        printed |= matches!(message.event, Some(Event::Item(_)));
        ui.show_next(&message, |look, message| output::message(look, detail, message))?;
        if let Some(Event::End(end)) = &message.event {
            say_end(ui, &task_id, printed, &message, end.reason);
        }
    }
    Ok(())
}

fn say_end(ui: &Ui, task_id: &str, printed: bool, message: &StreamRunOutputResponse, reason: i32) {
    let Some(Event::End(end)) = &message.event else { return };
    let status = crate::words::phrase::<aq_proto::v1::TaskStatus>(end.task_status);
    match StreamEndReason::try_from(reason) {
        Ok(StreamEndReason::Deleted) => ui.talk(format!("{task_id} was deleted")),
        _ if !printed && end.run.is_none() => {
            ui.talk(format!("{task_id} has no run yet (it is {status}); why: aqctl task explain {task_id}"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// commands R5: a run is named behind its task.
    #[test]
    fn runs_are_named_behind_their_task() {
        assert_eq!(split("swift-falcon").unwrap(), ("swift-falcon", 0));
        assert_eq!(split("@last/3").unwrap(), ("@last", 3));
        assert!(split("x/0").is_err() && split("x/y").is_err() && split("x/1/2").is_err());
    }
}
