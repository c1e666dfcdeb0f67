//! A Discord of our own for tests: REST and gateway on one loopback port, strict where Discord is strict. What a bot does wrong is refused as
//! Discord would refuse it, and noted.

mod gateway;
mod http;
mod model;
mod people;
mod rest;
mod rules;
mod world;

pub(crate) use http::call;
pub(crate) use world::{Fake, Fault, GUILD, TOKEN, text};
