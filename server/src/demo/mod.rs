//! The demonstration: a server in a scratch home, two small repositories, a diamond of tasks in each, and everything they do on the terminal.
//!
//! It is a client like any other: the server runs as a process of its own, and this speaks gRPC with it.
//!
//! Spec: specs/server/demo.md

mod client;
mod repositories;
mod scene;
mod work;

pub use scene::run;
