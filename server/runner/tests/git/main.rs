//! The git side of the runner against real repositories on disk: no network, no configuration of the person who runs the tests.
//!
//! Spec: specs/server/runner/git.md, specs/server/runner/workspaces.md, specs/server/runner/landing.md

#![expect(clippy::unwrap_used, reason = "these are tests: a failed step is a failed test")]

mod adopting;
mod desk;
mod disasters;
mod facts;
mod forty;
mod hostile;
mod hundred;
mod landing;
mod plans;
mod preparing;
mod references;
mod reviewing;
mod rows;
mod tidying;
mod world;
