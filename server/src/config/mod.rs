//! The configuration of the server: read from a YAML file, a `.env` sidecar, the environment and the command line, checked as a
//! whole, and told about as a whole.
//!
//! Reading order: `source`, `load`, `sections`, `reader`, `problem`. Applying the values is not done here.
//!
//! Spec: specs/server/config.md

mod document;
mod environment;
mod inspect;
mod legacy;
mod load;
mod problem;
mod reader;
mod secret;
pub mod sections;
mod source;
mod substitute;
#[cfg(test)]
mod tests;

pub use document::{MAX_DOCUMENT_BYTES, yaml_value};
pub use environment::Environment;
pub use inspect::{find_program, inspect};
pub use load::{ServerConfig, load};
pub use problem::{Problem, Problems, Severity, Warning};
pub use secret::{MASK, Secret};
pub use source::{ConfigFile, ConfigSource, Overrides, SourceError, default_path};
