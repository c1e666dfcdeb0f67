//! The error of the command line: what, why, what to do, and the exit code. `kind` has the codes, `convert` the errors of the layers below.
//!
//! Spec: specs/cli/errors.md

mod convert;
mod kind;

pub(crate) use kind::{CliError, Kind};
