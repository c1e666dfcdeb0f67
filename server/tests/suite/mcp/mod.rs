//! The tools over the Model Context Protocol, with keys of several roles.

mod asking;
mod exchange;
mod http;
mod lab;
mod runs;
mod secrets;
