//! A week of work in seconds: the real store, lifecycle and orchestrator on a clock that the test moves, players for runners, agents, people and the
//! provider, and the original's policies on the same work.

mod opening;
mod original;
mod people;
mod play;
mod provider;
mod trace;
mod whole_week;
