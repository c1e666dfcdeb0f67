//! The composition root: the only place that names every concrete part, puts them together, and takes them apart again.
//!
//! Spec: specs/server/README.md

mod adapters;
mod compose;
mod forge;
mod maintenance;
mod policy;
mod seed;

pub use compose::{AppError, Started, serve, start};
