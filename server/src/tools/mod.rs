//! The calls of the contract as tools for models and assistants: one registry, made from the contract's descriptions and comments, called in
//! process as the caller.
//!
//! Who talks to the models and how lives in `chat`, `mcp` and `hooks`; what a call does in `api` and `commands`.
//!
//! Reading order: `port`, `groups`, `comments`, `describe`, `arguments`, `scalar`, `special`, `answer`, `registry`, `output`, `own`.
//!
//! Spec: specs/server/tools.md

mod answer;
mod arguments;
mod comments;
mod describe;
mod groups;
mod output;
mod own;
mod port;
mod registry;
mod scalar;
mod special;

pub use port::{Group, Problem, Tool, ToolBox, ToolError};
pub use registry::{BrokenContract, Registry};
