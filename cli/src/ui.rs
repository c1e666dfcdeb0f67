//! The terminal: data to standard output, talk to standard error, questions on a terminal only.
//!
//! Spec: specs/cli/commands.md

use std::fmt;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use jiff::tz::TimeZone;

use crate::clean;
use crate::clock;
use crate::environment::Environment;
use crate::error::CliError;
use crate::globals::{Format, Globals};
use crate::look::{Look, Tone};
use crate::wire::{self, Wire};

/// The terminal of one command.
#[derive(Clone, Debug)]
pub(crate) struct Ui {
    /// The form of data.
    pub(crate) format: Format,
    /// True: no talk.
    pub(crate) quiet: bool,
    /// True: questions are answered with yes.
    pub(crate) yes: bool,
    /// How standard output looks.
    pub(crate) look: Look,
    /// True: standard output is a terminal.
    pub(crate) interactive: bool,
    talk_look: Look,
    can_ask: bool,
}

impl Ui {
    /// The terminal as the arguments and the environment want it.
    #[must_use]
    pub(crate) fn new(globals: &Globals, environment: &Environment) -> Self {
        let stdout = io::stdout().is_terminal();
        let stderr = io::stderr().is_terminal();
        let width = if stdout {
            rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
        } else {
            None
        };
        let look = Look { color: globals.color.wanted(environment, stdout), width, now: clock::now(), zone: TimeZone::system() };
        let talk_look = Look { color: globals.color.wanted(environment, stderr), ..look.clone() };
        Self {
            format: globals.output,
            quiet: globals.quiet,
            yes: globals.yes,
            look,
            interactive: stdout && !environment.dumb,
            talk_look,
            can_ask: io::stdin().is_terminal() && stderr,
        }
    }

    /// Prints a message: as data, or as the text that `render` makes of it. Empty text prints nothing.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn show<M: Wire>(&self, message: &M, render: impl FnOnce(&Look, &M) -> String) -> Result<(), CliError> {
        match self.format {
            Format::Table => self.print(&render(&self.look, message)),
            Format::Json => self.print(&wire::json(message)?),
            Format::Yaml => self.print(&wire::yaml(message)?),
        }
    }

    /// Prints data that is no message of the contract.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn show_data<T: serde::Serialize>(&self, data: &T, render: impl FnOnce(&Look) -> String) -> Result<(), CliError> {
        let failed = |error: String| CliError::failure(error);
        match self.format {
            Format::Table => self.print(&render(&self.look)),
            Format::Json => self.print(&clean::json(&serde_json::to_string_pretty(data).map_err(|error| failed(error.to_string()))?)),
            Format::Yaml => {
                let mut value = serde_yaml::to_value(data).map_err(|error| failed(error.to_string()))?;
                wire::clean_yaml(&mut value);
                self.print(&serde_yaml::to_string(&value).map_err(|error| failed(error.to_string()))?)
            }
        }
    }

    /// Prints one message of a stream: a line of JSON, a YAML document, or text.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn show_next<M: Wire>(&self, message: &M, render: impl FnOnce(&Look, &M) -> String) -> Result<(), CliError> {
        match self.format {
            Format::Table => self.print(&render(&self.look, message)),
            Format::Json => self.print(&wire::json_line(message)?),
            Format::Yaml => self.print(&format!("---\n{}", wire::yaml(message)?)),
        }
    }

    /// Prints one piece of a stream that is no message of the contract: a line of JSON, or a YAML document. A table prints nothing; its text is the caller's.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn show_next_data<T: serde::Serialize>(&self, data: &T) -> Result<(), CliError> {
        match self.format {
            Format::Table => Ok(()),
            Format::Json => self.print(&clean::json(&serde_json::to_string(data).map_err(|error| CliError::failure(error.to_string()))?)),
            Format::Yaml => {
                self.print("---")?;
                self.show_data(data, |_| String::new())
            }
        }
    }

    /// Prints what a mutation answered: as data, or nothing but the talk. `id` is printed as data of a table when it is given, for scripts.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn done<M: Wire>(&self, message: &M, id: Option<&str>, talk: impl fmt::Display) -> Result<(), CliError> {
        self.show(message, |_, _| id.map(clean::line).unwrap_or_default())?;
        self.talk(talk);
        Ok(())
    }

    /// Writes text and a line end to standard output; empty text writes nothing. The text is clean.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn print(&self, text: &str) -> Result<(), CliError> {
        let text = text.trim_end_matches('\n');
        if text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()?;
        Ok(())
    }

    /// Writes a piece of foreign text to standard output as it comes, made safe, without a line end.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn print_piece(&self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        write!(out, "{}", clean::block(text))?;
        out.flush()?;
        Ok(())
    }

    /// Says something beside the data.
    pub(crate) fn talk(&self, text: impl fmt::Display) {
        if !self.quiet {
            self.write_talk(&clean::block(&text.to_string()));
        }
    }

    /// Warns; `-q` silences it.
    pub(crate) fn warn(&self, text: impl fmt::Display) {
        if !self.quiet {
            let text = clean::block(&text.to_string());
            self.write_talk(&format!("{} {text}", self.talk_look.paint(Tone::Warn, "warning:")));
        }
    }

    /// Tells an error; never silenced.
    pub(crate) fn error(&self, error: &CliError) {
        let text = error.to_string();
        self.write_talk(&format!("{} {text}", self.talk_look.paint(Tone::Bad, "error:")));
    }

    /// Asks for a line of a conversation.
    pub(crate) fn prompt(&self) {
        let mut err = io::stderr().lock();
        let _closed = write!(err, "{}", self.talk_look.paint(Tone::Good, "› ")).and_then(|()| err.flush());
    }

    /// Ends the line of a prompt that nobody answered.
    pub(crate) fn end_prompt(&self) {
        self.write_talk("");
    }

    fn write_talk(&self, text: &str) {
        // Nobody is left to be told that standard error is closed.
        let _closed = writeln!(io::stderr().lock(), "{text}");
    }

    /// Asks whether to go on (commands R7).
    ///
    /// # Errors
    /// Usage when there is nobody to ask and `--yes` is missing; failure when the answer is no.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !self.can_ask {
            return Err(CliError::usage(format!("{question} Nobody can be asked here")).hint("say yes in advance with --yes"));
        }
        let _closed = write!(io::stderr().lock(), "{} [y/N] ", clean::line(question));
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            Ok(())
        } else {
            Err(CliError::failure("nothing was changed"))
        }
    }

    /// Reads standard input to its end, at most 1 MiB.
    ///
    /// # Errors
    /// When it cannot be read, is no text, or is longer.
    pub(crate) fn read_stdin(&self) -> Result<String, CliError> {
        if io::stdin().is_terminal() {
            self.talk("reading from the terminal; end with Ctrl-D");
        }
        read_limited(io::stdin().lock(), "standard input")
    }
}

/// Longest text taken from a file or standard input, in bytes.
const MAX_TEXT_BYTES: u64 = 1024 * 1024;

/// Reads text of at most 1 MiB; `name` is told in errors.
///
/// # Errors
/// When it cannot be read, is no text, or is longer.
pub(crate) fn read_limited(source: impl io::Read, name: &str) -> Result<String, CliError> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = source.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text);
    let read = read.map_err(|error| CliError::usage(format!("cannot read {name}: {error}")))?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_TEXT_BYTES) {
        return Err(CliError::usage(format!("{name} is longer than 1 MiB")));
    }
    Ok(text)
}
