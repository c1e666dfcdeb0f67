//! The command: one question, or a conversation on a terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use aq_proto::client::Connection;
use aq_proto::v1::ChatRequest;

use super::history::History;
use super::turn::{Turn, hear};
use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::{CliError, Kind};
use crate::globals::Format;
use crate::ids;

/// Say in plain words what you want; a model does it with your rights
///
/// Without a text a conversation begins: one line is one turn, Ctrl-C cancels the turn, Ctrl-D ends. `/project NAME` sets the project that is meant when
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
    let mut talk = Talk { context, connection, project_id, model, history: History::default() };
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
        let stream = self.connection.chat().chat(self.request(text)).await?.into_inner();
        let (turn, answer) = hear(self.context, stream).await?;
        self.history.said(text, &answer);
        Ok(turn)
    }

    /// Turns until the end of the input.
    async fn converse(mut self) -> Result<(), CliError> {
        if self.context.ui.format == Format::Table {
            self.context.ui.talk("say what you want; Ctrl-C cancels a turn, Ctrl-D ends");
        }
        while let Some(line) = next_line(&self.context.ui.look).await? {
            let line = line.trim();
            if let Some(typed) = line.strip_prefix("/project") {
                self.set_project(typed.trim()).await;
            } else if line == "/new" {
                self.history = History::default();
                self.context.ui.talk("what was said is forgotten");
            } else if matches!(line, "/exit" | "/quit") {
                break;
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

/// The next line of standard input; `None` at its end. Ctrl-C between turns ends the program in the usual way.
async fn next_line(look: &crate::look::Look) -> Result<Option<String>, CliError> {
    let prompt = look.paint(crate::look::Tone::Good, "› ");
    let read = tokio::task::spawn_blocking(move || {
        let _closed = write!(std::io::stderr(), "{prompt}");
        let _closed = std::io::stderr().flush();
        let mut line = String::new();
        let count = std::io::stdin().lock().read_line(&mut line)?;
        Ok::<_, std::io::Error>((count > 0).then_some(line))
    });
    Ok(read.await.map_err(|error| CliError::failure(error.to_string()))??)
}
