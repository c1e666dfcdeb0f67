//! The gateway as it is: the program against a server of its own and a Discord of ours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod chat;
mod crashes;
mod demo;
mod fake;
#[expect(dead_code, reason = "the gateway's tests need a part of what the server's do")]
#[path = "../../../server/tests/suite/served/place.rs"]
mod place;
mod refusals;
mod runs;
mod start;
mod takeover;
mod world;
