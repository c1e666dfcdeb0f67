//! Names: ids for tasks and agents that people can say aloud, slugs and branch names.
//!
//! What a valid id is lives in `ids`. Randomness and "is it taken" are arguments.
//!
//! Spec: specs/server/core/names.md

mod agent_name;
mod slug;
mod task_id;
mod words;

pub use agent_name::{AgentName, generate_agent_name};
pub use slug::{MAX_BRANCH_SLUG_BYTES, branch_name, id_slug, slug};
pub use task_id::{SeenIds, generate_task_id, workspace_id};

/// No free name was found; only a faulty check of what is taken does that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no free {0} name was found, the check of taken names says that all are")]
pub struct NamesExhausted(pub &'static str);
