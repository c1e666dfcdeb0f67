//! What chat, MCP and hooks need of tools: find them, call them, and be told what went wrong.

use std::sync::Arc;
use std::time::Duration;

use aq_core::principal::Principal;
use serde_json::Value;

use crate::api::Refused;

/// A command as a model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name: the call's in lower case with underscores, for example `create_task`.
    pub name: String,
    /// What it does, from the contract's comment.
    pub description: String,
    /// The group that it belongs to, for example `task`.
    pub group: String,
    /// True: part of the core set, which is always shown.
    pub core: bool,
    /// True: it changes something.
    pub mutates: bool,
    /// The JSON schema of its arguments, always that of an object.
    pub input: Value,
}

/// Tools of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name, for example `git`.
    pub name: String,
    /// What its tools are about, one sentence.
    pub about: String,
    /// The names of its tools that the caller may use.
    pub tools: Vec<String>,
}

/// One argument that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `task_id`, `tasks[2].priority`; empty for the arguments as a whole.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// Why a tool did not do its work. Its text is made for a model: it says what to do differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// There is no such tool.
    #[error("there is no tool `{name}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// A tool that is called nearly so.
        near: Option<String>,
    },
    /// The caller's role may not use it.
    #[error("the tool `{name}` is not for an API key with role {role}")]
    Forbidden {
        /// The tool.
        name: String,
        /// The caller's role.
        role: &'static str,
    },
    /// The arguments do not fit the tool; nothing was done.
    #[error("the arguments do not fit: {}", sentence(.0))]
    Arguments(Vec<Problem>),
    /// The command refused; nothing was done.
    #[error("{}", told(.0))]
    Refused(Refused),
}

impl ToolError {
    /// The reason for programs, in UPPER_SNAKE words that never change.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Unknown { .. } => "UNKNOWN_TOOL",
            Self::Forbidden { .. } => "PERMISSION_DENIED",
            Self::Arguments(_) => "INVALID_ARGUMENT",
            Self::Refused(refused) => &refused.reason,
        }
    }
}

fn sentence(problems: &[Problem]) -> String {
    let each = problems.iter().map(|Problem { field, problem }| match field.as_str() {
        "" => problem.clone(),
        field => format!("`{field}` {problem}"),
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The sentence, the fields that it does not name itself, and when to try again.
fn told(refused: &Refused) -> String {
    let unnamed = refused.fields.iter().filter(|(field, _)| !refused.sentence.contains(field.as_str()));
    let fields = unnamed.map(|(field, problem)| format!("; `{field}` {problem}"));
    let wait = refused.retry_after.filter(|wait| *wait > Duration::ZERO);
    let wait = wait.map(|wait| format!("; try again in {}", humantime::format_duration(wait)));
    let more: String = fields.chain(wait).collect();
    format!("{}{more} [{}]", refused.sentence, refused.reason)
}

/// The tools, called in the name of a principal.
#[async_trait::async_trait]
pub trait ToolBox: Send + Sync {
    /// The groups in which the caller may use at least one tool, ordered by name.
    fn groups(&self, caller: &Principal) -> Vec<Group>;

    /// The tools of the core set and of `groups`, as far as the caller's role may use them, ordered by name. `*` stands for every group. An agent's
    /// key reaches so little that it is always shown everything it may use.
    fn list(&self, caller: &Principal, groups: &[&str]) -> Vec<Arc<Tool>>;

    /// A tool that the caller's role may use.
    fn find(&self, caller: &Principal, name: &str) -> Option<Arc<Tool>>;

    /// Calls a tool as `caller`: the call's own authorisation, checks and records apply. `arguments` is an object; null counts as an empty one. A
    /// mutation without `request_id` gets a new one.
    ///
    /// # Errors
    /// [`ToolError`]; then nothing was done, unless its reason is DEADLINE_EXCEEDED or INTERNAL.
    async fn call(&self, caller: &Principal, name: &str, arguments: Value) -> Result<Value, ToolError>;
}
