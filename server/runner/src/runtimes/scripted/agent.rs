//! The scripted agent's process: reads its start line, then follows the script.
//!
//! Spec: specs/server/runner/scripted.md

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;

use super::actor::{Actor, Ended};
use super::progress::{self, Progress};
use super::script::{self, ScriptStep};
use super::wire::{Said, Told};

/// Plays the agent until the script ends. `home` is where sessions are remembered; the work directory is the process's own.
///
/// The caller is the hidden subcommand [`super::SUBCOMMAND`]; its exit code is the process's.
pub fn agent_main(home: &Path, stdin: impl BufRead + Send + 'static, stdout: impl Write) -> ExitCode {
    let (told, inbox) = mpsc::channel();
    // The thread ends with its input, or with the process.
    drop(std::thread::spawn(move || {
        for text in stdin.lines() {
            let Ok(text) = text else { break };
            if let Ok(line) = serde_json::from_str::<Told>(&text)
                && told.send(line).is_err()
            {
                break;
            }
        }
    }));
    let mut actor = Actor::new(inbox, stdout);
    let Ok(Told::Start { task, title, prompt, session, resume }) = actor.next_line() else {
        eprintln!("the first line has to be the start");
        return ExitCode::from(2);
    };
    let known = if resume { progress::load(home, &session) } else { None };
    let resumed = known.is_some();
    let progress = match load_script(&task, &title, &prompt, known) {
        Ok(progress) => progress,
        Err(error) => {
            actor.say(&Said::Error { text: error.clone() });
            actor.say(&Said::Result {
                success: false,
                text: error,
                class: "invalid_request".to_owned(),
                window: String::new(),
                resets_at_ms: None,
            });
            return ExitCode::FAILURE;
        }
    };
    actor.say(&Said::Session { id: session.clone(), model: "scripted".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() });
    if resume && !resumed {
        actor.say(&Said::Say { text: "I do not remember this session; I start over.".to_owned() });
    }
    match actor.play(home, &task, &title, &session, progress) {
        Ended::Success => ExitCode::SUCCESS,
        Ended::Failure => ExitCode::FAILURE,
        Ended::Code(code) => ExitCode::from(code),
    }
}

/// The steps to follow: a resumed session goes on, with the new prompt's script when it brings one.
fn load_script(task: &str, title: &str, prompt: &str, known: Option<Progress>) -> Result<Progress, String> {
    let given = script::find(prompt).map(script::parse).transpose().map_err(|error| error.to_string())?;
    let fresh = |steps: Vec<ScriptStep>| Progress { steps, ..Progress::default() };
    Ok(match (known, given) {
        (Some(known), Some(steps)) if known.steps != steps => Progress { answer: known.answer, ..fresh(steps) },
        (Some(known), _) => known,
        (None, Some(steps)) => fresh(steps),
        (None, None) => fresh(script::default_script(task, title)),
    })
}
