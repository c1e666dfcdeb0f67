//! Where the forge's token comes from: the configuration, the environment, or the `gh` program, in this order (forges R2).

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

use crate::config::Secret;

/// How long a token that `gh` gave is used before it is asked again.
const KEPT: Duration = Duration::from_secs(600);
/// Longest time that `gh` may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest token, in bytes.
const LONGEST: usize = 1024;

/// Gives the token.
#[derive(Debug)]
pub enum Login {
    /// A token that was given to us.
    Given(Secret),
    /// The `gh` program of the user, asked again every ten minutes.
    Program {
        /// The program.
        program: String,
        /// The host whose token is wanted.
        host: String,
        /// The last answer.
        last: Mutex<Option<(Instant, Secret)>>,
    },
}

impl Login {
    /// Asks `gh` for the token of `host`.
    #[must_use]
    pub fn program(program: &str, host: &str) -> Self {
        Self::Program { program: program.to_owned(), host: host.to_owned(), last: Mutex::default() }
    }

    /// The token; `None` when there is none.
    pub async fn token(&self) -> Option<Secret> {
        match self {
            Self::Given(token) => Some(token.clone()).filter(|token| usable(token.expose())),
            Self::Program { program, host, last } => {
                let known = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some((at, token)) = known
                    && at.elapsed() < KEPT
                {
                    return Some(token);
                }
                let token = ask(program, host).await?;
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), token.clone()));
                Some(token)
            }
        }
    }

    /// The token was refused: it is asked for again.
    pub(super) fn forget(&self) {
        if let Self::Program { last, .. } = self {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

fn usable(token: &str) -> bool {
    !token.is_empty() && token.len() <= LONGEST && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `gh auth token`: prompts nobody, and is ended when it takes too long.
async fn ask(program: &str, host: &str) -> Option<Secret> {
    let mut command = Command::new(program);
    command.args(["auth", "token", "--hostname", host]).env("GH_PROMPT_DISABLED", "1").current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let token = text.trim();
    (output.status.success() && usable(token)).then(|| Secret::new(token.to_owned()))
}
