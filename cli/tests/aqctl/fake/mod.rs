//! A small fake server and a clean environment for the binary. `server` answers calls, `environment` runs `aqctl`.

mod chat;
mod environment;
mod server;
mod tasks;

pub(crate) use environment::{Done, Environment, script};
pub(crate) use server::{Fake, item};
