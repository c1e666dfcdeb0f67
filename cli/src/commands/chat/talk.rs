//! The command: one question, or a conversation on a terminal.

use std::io::{BufRead as _, IsTerminal as _};

use aq_proto::client::Connection;
use aq_proto::v1::ChatRequest;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::history::History;
use super::turn::{Turn, hear};
use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::{CliError, Kind};
use crate::globals::Format;
use crate::ids;
use crate::ui::Ui;

/// Say in plain words what you want; a model does it with your rights
///
/// Without a text a conversation begins: one line is one turn, Ctrl-C cancels the turn or the line, Ctrl-D ends. `/project NAME` sets the project that is meant when
/// none is named, `/new` forgets what was said.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// What you want; `-` reads standard input. Without it: a conversation
    text: Option<String>,
    /// The project that is meant when none is named
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// The model, in the provider's words [default: the server's]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
}

/// What stays the same over the turns of a conversation.
struct Talk<'c> {
    context: &'c Context,
    connection: Connection,
    project_id: String,
    model: String,
    history: History,
    /// Ctrl-C, from the beginning on: one that comes between two looks at it is not lost, and none ends the program in the middle of a word.
    pressed: Signal,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let interactive = args.text.is_none() && std::io::stdin().is_terminal();
    let text = match &args.text {
        None if !interactive => Some("-"),
        other => other.as_deref(),
    };
    let text = long_text(&context.ui, text, None)?;
    if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
        return Err(CliError::usage("there is nothing to say"));
    }
    let connection = context.connect().await?;
    let project_id = match &args.project {
        Some(typed) => ids::project(&connection, typed).await?,
        None => String::new(),
    };
    let model = args.model.unwrap_or_default();
    let mut talk = Talk { context, connection, project_id, model, history: History::default(), pressed: signal(SignalKind::interrupt())? };
    match text {
        Some(text) => match talk.turn(text.trim()).await? {
            Turn::Answered => Ok(()),
            Turn::Cancelled => Err(CliError::new(Kind::Interrupted, "")),
        },
        None => talk.converse().await,
    }
}

impl Talk<'_> {
    fn request(&self, text: &str) -> ChatRequest {
        ChatRequest {
            text: text.to_owned(),
            history: self.history.messages(),
            project_id: self.project_id.clone(),
            author: String::new(),
            model: self.model.clone(),
            request_id: request_id(),
        }
    }

    async fn turn(&mut self, text: &str) -> Result<Turn, CliError> {
        let (mut chat, request) = (self.connection.chat(), self.request(text));
        let stream = tokio::select! {
            biased;
            stream = chat.chat(request) => Some(stream?.into_inner()),
            _ = self.pressed.recv() => None,
        };
        let (turn, answer) = match stream {
            Some(stream) => hear(self.context, stream, &mut self.pressed).await?,
            None => (Turn::Cancelled, String::new()),
        };
        if turn == Turn::Cancelled {
            self.context.ui.talk("cancelled; what was done stays done");
        }
        self.history.said(text, &answer);
        Ok(turn)
    }

    /// Turns until the end of the input.
    async fn converse(mut self) -> Result<(), CliError> {
        if self.context.ui.format == Format::Table {
            self.context.ui.talk("say what you want; Ctrl-C cancels a turn, Ctrl-D ends, /project NAME and /new are known");
        }
        while let Some(line) = next_line(&self.context.ui, &mut self.pressed).await? {
            let line = line.trim();
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            if word == "/project" {
                self.set_project(rest.trim()).await;
            } else if line == "/new" {
                self.history = History::default();
                self.context.ui.talk("what was said is forgotten");
            } else if matches!(line, "/exit" | "/quit") {
                break;
            } else if is_command(word) {
                self.context.ui.talk(format!("there is no {word}; /project NAME, /new and /exit are known"));
            } else if !line.is_empty() {
                match self.turn(line).await {
                    Ok(_) => self.history.shorten(&self.connection, &self.project_id).await,
                    // A conversation goes on after an error; a pipe that is closed ends it.
                    Err(error) if error.kind == Kind::BrokenPipe => return Err(error),
                    Err(error) => self.context.ui.error(&error),
                }
            }
        }
        Ok(())
    }

    async fn set_project(&mut self, typed: &str) {
        if typed.is_empty() {
            self.project_id.clear();
            self.context.ui.talk("no project is meant any more");
            return;
        }
        match ids::project(&self.connection, typed).await {
            Ok(id) => {
                self.context.ui.talk(format!("{id} is meant from now on"));
                self.project_id = id;
            }
            Err(error) => self.context.ui.error(&error),
        }
    }
}

/// True for a word that is meant for us: one with a stroke before it that is no path.
fn is_command(word: &str) -> bool {
    word.strip_prefix('/').is_some_and(|rest| !rest.is_empty() && rest.chars().all(|char| char.is_ascii_alphabetic()))
}

/// The next line of standard input; `None` at its end. At Ctrl-C the terminal forgets what was typed, and a new line begins.
async fn next_line(ui: &Ui, pressed: &mut Signal) -> Result<Option<String>, CliError> {
    ui.prompt();
    let mut read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let count = std::io::stdin().lock().read_line(&mut line)?;
        Ok::<_, std::io::Error>((count > 0).then_some(line))
    });
    loop {
        tokio::select! {
            biased;
            line = &mut read => {
                let line = line.map_err(|error| CliError::failure(error.to_string()))??;
                if line.is_none() {
                    // What comes behind us on the terminal begins a line of its own.
                    ui.end_prompt();
                }
                return Ok(line);
            }
            _ = pressed.recv() => {
                ui.end_prompt();
                ui.talk("Ctrl-D ends");
                ui.prompt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// commands R14: a mistyped command is not said to a model; a path is.
    #[test]
    fn commands_are_told_from_paths() {
        assert!(is_command("/exti") && is_command("/help"));
        assert!(!is_command("/") && !is_command("/srv/app") && !is_command("help") && !is_command("/README.md"));
    }
}
