//! `aqctl watch`: events and running tasks, live (F-238).

use std::collections::BTreeMap;
use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::resume::watch_events;
use aq_proto::v1::watch_events_response::Event as Message;
use aq_proto::v1::{EventFilter, GetStatusRequest, SystemStatus, Task, WatchEventsRequest, WatchEventsResponse};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::follow::following;
use crate::candidates;
use crate::clean;
use crate::clock;
use crate::context::Context;
use crate::error::CliError;
use crate::globals::Format;
use crate::ids;
use crate::look::Look;
use crate::render;

/// How often elapsed times move and changes are looked up.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two looks when no event came.
const QUIET_TICKS: u32 = 10;

/// Watch events and running tasks as they change; plain lines where standard output is no terminal
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = match &args.project {
        Some(typed) => ids::project(&connection, typed).await?,
        None => String::new(),
    };
    following(context, "aqctl watch", watch(context, &connection, project_id)).await
}

async fn watch(context: &Context, connection: &Connection, project_id: String) -> Result<(), CliError> {
    let project_ids = if project_id.is_empty() { Vec::new() } else { vec![project_id.clone()] };
    let filter = EventFilter { project_ids, ..Default::default() };
    let request = WatchEventsRequest { after_seq: None, filter: Some(filter), follow: true, consumer: String::new() };
    // The stream is set up before the first look, so that no change falls between the two.
    let mut messages = watch_events(connection.events(), request, context.resume_options());
    let live = context.ui.interactive && context.ui.format == Format::Table;
    let mut board = Board::new(live);
    let mut look_at = true;
    let mut quiet = 0;
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            message = messages.next() => match message {
                None => return Ok(()),
                Some(message) => look_at |= board.take(context, message?)?,
            },
            _ = ticks.tick() => {
                quiet += 1;
                if look_at || quiet >= QUIET_TICKS {
                    (look_at, quiet) = (false, 0);
                    // While the server is away the last picture stays; the stream says that it is away.
                    if let Ok(answer) = connection.admin().get_status(GetStatusRequest { project_id: project_id.clone() }).await {
                        board.update(context, &answer.into_inner())?;
                    }
                }
                board.refresh(&Look { now: clock::now(), ..context.ui.look.clone() });
            }
        }
    }
}

/// The running tasks at the bottom of the terminal, and the events above.
struct Board {
    live: bool,
    bars: MultiProgress,
    running: BTreeMap<String, (Task, ProgressBar)>,
    summary: ProgressBar,
    /// What was said last where there is no live view, so that nothing is repeated.
    said: String,
}

impl Board {
    fn new(live: bool) -> Self {
        let target = if live { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let summary = bars.add(ProgressBar::new_spinner());
        summary.set_style(style("{msg}"));
        Self { live, bars, running: BTreeMap::new(), summary, said: String::new() }
    }

    /// Shows a message of the stream; true when the running tasks may have changed.
    fn take(&self, context: &Context, message: WatchEventsResponse) -> Result<bool, CliError> {
        match message.event {
            Some(Message::Item(event)) if self.live => {
                self.bars.println(render::event::line(&context.ui.look, &event))?;
                Ok(true)
            }
            Some(Message::Item(event)) => context.ui.show_next(&event, render::event::line).map(|()| true),
            Some(Message::Gap(gap)) => {
                self.bars.suspend(|| context.ui.warn(render::event::gap(&gap)));
                Ok(true)
            }
            Some(Message::Started(_)) => Ok(true),
            _ => Ok(false),
        }
    }

    fn update(&mut self, context: &Context, status: &SystemStatus) -> Result<(), CliError> {
        let summary = summary(status);
        if !self.live {
            if context.ui.format == Format::Table && summary != self.said {
                context.ui.talk(&summary);
                self.said = summary;
            }
            return Ok(());
        }
        self.summary.set_message(summary);
        let gone: Vec<String> = self.running.keys().filter(|id| !status.running.iter().any(|task| task.id == **id)).cloned().collect();
        for id in gone {
            if let Some((_, bar)) = self.running.remove(&id) {
                bar.finish_and_clear();
            }
        }
        for task in &status.running {
            let entry = self.running.entry(task.id.clone()).or_insert_with(|| {
                let bar = self.bars.insert_before(&self.summary, ProgressBar::new_spinner());
                bar.set_style(style("{spinner} {wide_msg}"));
                (task.clone(), bar)
            });
            entry.0 = task.clone();
        }
        Ok(())
    }

    fn refresh(&self, look: &Look) {
        for (task, bar) in self.running.values() {
            bar.set_message(line(look, task));
            bar.tick();
        }
        self.summary.tick();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// A running task on one line.
fn line(look: &Look, task: &Task) -> String {
    let took = render::time::span(look, task.started_at.as_ref(), None);
    let tokens = task.usage.as_ref().map(|usage| render::amount::tokens(render::amount::total(usage))).unwrap_or_default();
    let text = format!("{} {} {} {took} {tokens}  {}", task.id, render::task::status(task), task.agent_id, task.title);
    clean::line(&text)
}

/// Everything in a line.
fn summary(status: &SystemStatus) -> String {
    let counts = render::project::counts(&status.task_counts);
    let paused = if status.scheduling_paused { "PAUSED; " } else { "" };
    let questions = if status.question_count > 0 {
        format!("; {}: aqctl questions", render::amount::count(status.question_count.into(), "question"))
    } else {
        String::new()
    };
    let holds = if status.holds.is_empty() { String::new() } else { format!("; held back: {}", status.holds.join(" ")) };
    let counts = if counts.is_empty() { "no open tasks".to_owned() } else { counts };
    clean::line(&format!("{paused}{counts}{questions}{holds}"))
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::{TaskStatus, TaskStatusCount};

    use super::*;

    /// F-238: a task and everything, in a line each.
    #[test]
    fn lines_of_the_live_view() {
        let task = render::task::tests::example();
        assert_eq!(line(&Look::plain(), &task), "swift-falcon IN_PROGRESS orion 1h 105.4k  Add a login page");
        let status = SystemStatus {
            scheduling_paused: true,
            task_counts: vec![TaskStatusCount { status: TaskStatus::Ready.into(), count: 3 }],
            question_count: 2,
            ..Default::default()
        };
        assert_eq!(summary(&status), "PAUSED; 3 ready; 2 questions: aqctl questions");
        assert_eq!(summary(&SystemStatus::default()), "no open tasks");
    }
}
