//! The questions of the set-up, each answer tried before the next is asked.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use super::write::{Answers, write};
use super::{invite, probe};
use crate::config::BotToken;
use crate::discord::Http;
use crate::outbound::Outbound;

/// Why the set-up ends without a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// Nobody answers.
    #[error("nobody answers; run it at a terminal")]
    Silence,
    /// Reading or writing failed.
    #[error("cannot go on: {0}")]
    Io(#[from] std::io::Error),
    /// The file cannot be written.
    #[error("{0}")]
    File(String),
}

/// Somebody who is asked.
struct Person<R, W> {
    input: R,
    output: W,
}

impl<R: BufRead, W: Write> Person<R, W> {
    fn say(&mut self, text: &str) -> Result<(), SetupError> {
        Ok(writeln!(self.output, "{text}")?)
    }

    fn ask(&mut self, question: &str, usual: &str) -> Result<String, SetupError> {
        let hint = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        write!(self.output, "{question}{hint}: ")?;
        self.output.flush()?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            return Err(SetupError::Silence);
        }
        let line = line.trim();
        Ok(if line.is_empty() { usual.to_owned() } else { line.to_owned() })
    }
}

/// Asks, tries and writes. `base` is where Discord's interface is.
pub(crate) async fn setup(path: &Path, base: &str, input: impl BufRead, output: impl Write) -> Result<(), SetupError> {
    let mut person = Person { input, output };
    person.say("Setting up the Discord gateway. Each answer is tried before the next question.\n")?;
    person.say("1. The bot. Make an application at https://discord.com/developers/applications, open `Bot`,")?;
    person.say("   switch on `Message Content Intent`, and press `Reset Token`.")?;
    let (token, out, application) = loop {
        let token = person.ask("   Token", "")?;
        let Some(checked) = BotToken::parse(&token) else {
            person.say("   That does not have the form of a bot token: three parts with dots between them.")?;
            continue;
        };
        let http = Http::new(base, checked).map_err(|error| SetupError::File(error.to_string()))?;
        let out = Outbound::new(Arc::new(http));
        match probe::application(&out).await {
            Ok(application) if !application.reads => {
                person.say("   The token is right, but `Message Content Intent` is off. Switch it on, save, and enter the token again.")?;
            }
            Ok(application) => break (token, out, application),
            Err(problem) => person.say(&format!("   {problem}"))?,
        }
    };
    person.say(&format!("   Hello, `{}`.\n", application.name))?;
    person.say("2. The guild. Open this link and invite the bot to your server:")?;
    person.say(&format!("   {}", invite::link(application.id, None, true)))?;
    let (guild, name, rights) = loop {
        person.ask("   Press enter when that is done", "")?;
        match probe::guilds(&out).await {
            Ok(guilds) if guilds.is_empty() => person.say("   The bot is in no guild yet.")?,
            Ok(guilds) => {
                for (id, name, _) in &guilds {
                    person.say(&format!("   {id}  {name}"))?;
                }
                let usual = guilds.first().map(|(id, ..)| id.to_string()).unwrap_or_default();
                let wanted = person.ask("   Which one", &usual)?;
                if let Some(found) = guilds.into_iter().find(|(id, ..)| id.to_string() == wanted) {
                    break found;
                }
                person.say("   The bot is not in that one.")?;
            }
            Err(problem) => person.say(&format!("   {problem}"))?,
        }
    };
    match invite::missing(rights, false).as_slice() {
        [] => person.say(&format!("   `{name}` it is, with the rights that are needed.\n"))?,
        missing => person
            .say(&format!("   `{name}` it is. The bot may not: {}. Open the link again to give it these rights.\n", missing.join(", ")))?,
    }
    person.say("3. You. Switch on Developer Mode in Discord (Settings, Advanced), right-click your name, `Copy User ID`.")?;
    let admin = loop {
        match person.ask("   Your user id", "")?.parse::<u64>() {
            Ok(id) if id > 0 => break id,
            _ => person.say("   An id is a long number.")?,
        }
    };
    person.say("\n4. The main channel: where everything is told that has no channel of its own.")?;
    let channel = loop {
        let channel = person.ask("   Its name", "agent-queue")?.trim_start_matches('#').to_owned();
        match probe::channels(&out, guild).await {
            Ok(channels) if channels.iter().any(|(_, name)| name.eq_ignore_ascii_case(&channel)) => break channel,
            Ok(_) => person.say(&format!("   There is no #{channel} that the bot can see. Make it, or name another."))?,
            Err(problem) => person.say(&format!("   {problem}"))?,
        }
    };
    write(path, &Answers { token, guild, admin, channel }).map_err(SetupError::File)?;
    person.say(&format!("\nWritten to {}. `aq-discord check` looks at everything again; `aq-discord` starts it.", path.display()))
}
