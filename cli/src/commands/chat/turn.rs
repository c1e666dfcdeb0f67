//! One turn as it is heard: text as it comes, tools as they begin and end.

use aq_proto::v1::chat_response::Event;
use aq_proto::v1::{ChatEnding, ChatResponse};
use tokio::signal::unix::Signal;
use tonic::Streaming;

use crate::context::Context;
use crate::error::CliError;
use crate::globals::Format;
use crate::render::chat as render;
use crate::ui::Ui;

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// With an answer.
    Answered,
    /// By Ctrl-C.
    Cancelled,
}

/// What was printed since the last round began.
#[derive(Default)]
struct Printed {
    text: String,
    open: bool,
}

/// Hears a turn to its end, or until Ctrl-C; gives the answer, as far as it came.
///
/// # Errors
/// When the server refuses, or standard output cannot be written.
pub(super) async fn hear(context: &Context, mut stream: Streaming<ChatResponse>, pressed: &mut Signal) -> Result<(Turn, String), CliError> {
    let (ui, mut printed) = (&context.ui, Printed::default());
    loop {
        let message = tokio::select! {
            biased;
            message = stream.message() => message,
            _ = pressed.recv() => {
                printed.close(ui)?;
                return Ok((Turn::Cancelled, printed.text));
            }
        };
        let message = match message {
            Ok(Some(message)) => message,
            Ok(None) => return Err(CliError::failure("the answer broke off; what was done stays done")),
            Err(status) => {
                printed.close(ui)?;
                return Err(status.into());
            }
        };
        if ui.format != Format::Table {
            ui.show_next(&message, |_, _| String::new())?;
        }
        let Some(event) = message.event else { continue };
        if ui.format == Format::Table {
            printed.show(ui, &event)?;
        }
        if let Event::Finished(finished) = event {
            return Ok((Turn::Answered, finished.text));
        }
    }
}

impl Printed {
    fn show(&mut self, ui: &Ui, event: &Event) -> Result<(), CliError> {
        match event {
            // Where nobody watches, only the answer is data.
            Event::Text(text) if ui.interactive => {
                ui.print_piece(text)?;
                self.text.push_str(text);
                self.open = !self.text.ends_with('\n');
            }
            Event::Round(_) => {
                self.close(ui)?;
                self.text.clear();
            }
            Event::ToolBegun(begun) => {
                self.close(ui)?;
                ui.talk(render::begun(begun));
            }
            Event::ToolEnded(ended) if ended.failed => ui.talk(render::failed(ended)),
            Event::Notice(text) => {
                self.close(ui)?;
                ui.talk(text);
            }
            Event::Finished(finished) => {
                self.close(ui)?;
                if self.text.trim() != finished.text.trim() {
                    ui.print(&crate::clean::block(&finished.text))?;
                }
                if let Some(word) = render::ending(ChatEnding::try_from(finished.ending).unwrap_or_default()) {
                    ui.warn(word);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends a line that was begun.
    fn close(&mut self, ui: &Ui) -> Result<(), CliError> {
        if std::mem::take(&mut self.open) { ui.print_piece("\n") } else { Ok(()) }
    }
}
