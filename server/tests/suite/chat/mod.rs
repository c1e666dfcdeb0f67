//! The chat over its service, with models of every wire.

mod conversations;
mod limits;
mod plans;
mod read;
mod routine;
mod script;
mod service;
mod work;
mod world;
