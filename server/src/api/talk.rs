//! What the API needs of the chat and does not import: turns and summaries.

use std::time::Duration;

use aq_core::chat::{Message, ModelError, Outcome, Progress, Said};
use aq_core::ids::ProjectId;
use aq_core::output::TokenUsage;
use aq_core::principal::Principal;
use aq_core::runner_link::BoxFuture;
use tokio::sync::mpsc;

/// What a person asks.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The conversation, ending with what is asked.
    pub messages: Vec<Message>,
    /// The project that is meant when none is named.
    pub project: Option<ProjectId>,
    /// The model; empty: the configured one.
    pub model: String,
    /// Names the request; empty: not named.
    pub request_id: String,
}

/// What is to be summarised.
#[derive(Clone, Debug)]
pub struct Digest {
    /// What was said.
    pub messages: Vec<Said>,
    /// The project that it is about.
    pub project: Option<ProjectId>,
    /// The model; empty: the configured one.
    pub model: String,
}

/// A summary.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The text.
    pub text: String,
    /// What it cost.
    pub tokens: TokenUsage,
}

/// What the caller hears of a turn.
#[derive(Clone, Debug)]
pub enum Told {
    /// It begins.
    Started {
        /// Who serves the model.
        provider: &'static str,
        /// The model.
        model: String,
    },
    /// It goes on.
    Progress(Progress),
    /// It is over.
    Finished(Outcome),
    /// Nothing new.
    Quiet,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model, after some tools had worked.
    #[error("{error}{}", before(.done))]
    Broken {
        /// What the model said.
        error: ModelError,
        /// The tools that had worked, in order.
        done: Vec<String>,
    },
    /// Too many turns at the same time.
    #[error("{0} conversations are answered at this moment, which is the most; try again soon")]
    Busy(usize),
    /// The turn takes too long.
    #[error("the turn took longer than {} s; what was done stays done", .0.as_secs())]
    TimeUp(Duration),
    /// The server ends.
    #[error("the server ends; what was done stays done")]
    Ending,
}

/// What had worked before the model failed, as the end of a sentence; nothing is said of nothing.
fn before(done: &[String]) -> String {
    if done.is_empty() { String::new() } else { format!("; done before that: {}", done.join(", ")) }
}

/// Talks.
pub trait Talk: Send + Sync {
    /// Answers. What is heard comes in order; the last is [`Told::Finished`] or an error. Letting the receiver go cancels the turn. Must be called
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// When the turn cannot begin.
    fn chat(&self, caller: Principal, ask: Ask) -> Result<mpsc::Receiver<Result<Told, TalkError>>, TalkError>;

    /// Summarises.
    fn summarize(&self, caller: Principal, digest: Digest) -> BoxFuture<'_, Result<Summary, TalkError>>;
}
