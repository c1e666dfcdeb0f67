//! What the engine needs of the rest of the house and does not import: programs, calls, a model.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use aq_core::git_link::GitPlace;
use aq_core::ids::ProjectId;
use aq_core::principal::Principal;
use aq_core::runner_link::BoxFuture;
use serde_json::Value;

/// A program of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramOrder {
    /// A name that no other has.
    pub name: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it starts; `None`: a folder of its own.
    pub directory: Option<PathBuf>,
    /// The repository whose files its own folder holds; `None`: it is empty.
    pub files: Option<GitPlace>,
    /// Longest run, in milliseconds.
    pub timeout_ms: u64,
}

/// How a program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramEnd {
    /// What it wrote, at most 50,000 characters.
    pub stdout: String,
    /// What it wrote as errors, at most 10,000 characters.
    pub stderr: String,
    /// Its exit code; `None`: it was ended.
    pub exit_code: Option<i32>,
    /// It ran too long.
    pub timed_out: bool,
}

/// Runs programs of steps, contained and bounded.
pub trait Programs: Send + Sync {
    /// Runs one to its end. The error is a sentence.
    fn run(&self, order: ProgramOrder) -> BoxFuture<'_, Result<ProgramEnd, String>>;

    /// Ends what an earlier server left behind.
    fn clear(&self) -> BoxFuture<'_, ()>;
}

/// Makes calls of the API in process, through the same permission check as everybody.
pub trait Commands: Send + Sync {
    /// The answer of a call as JSON. The error is a sentence with the remedy.
    fn call(&self, caller: Principal, name: String, arguments: Value) -> BoxFuture<'_, Result<Value, String>>;
}

/// What a hook asks a model.
#[derive(Clone, Debug)]
pub struct ModelAsk {
    /// Whose authority its tools have.
    pub caller: Principal,
    /// The project.
    pub project: ProjectId,
    /// The name that the model is told, for example `hook:Test watcher`.
    pub name: String,
    /// The text.
    pub prompt: String,
    /// The provider; empty: the configured one.
    pub provider: String,
    /// The model; empty: the configured one.
    pub model: String,
    /// Most tokens of the whole; `None`: the provider's limit.
    pub max_tokens: Option<u64>,
    /// Tokens of this question so far; counted by the model, read when nobody waits for it any more.
    pub meter: Arc<AtomicU64>,
}

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelAnswer {
    /// Its text.
    pub text: String,
    /// Tokens of all rounds.
    pub tokens: u64,
    /// The tools that it used, each a JSON object with name and outcome.
    pub tools: Vec<Value>,
}

/// A model that can use tools.
pub trait Model: Send + Sync {
    /// Asks until the model has nothing more to do. The error is a sentence and the tokens that were spent until then.
    fn ask(&self, ask: ModelAsk) -> BoxFuture<'_, Result<ModelAnswer, (String, u64)>>;
}
