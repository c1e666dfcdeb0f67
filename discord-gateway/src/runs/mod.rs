//! One thread for each run: the card in the channel, the streamed work in the thread, the whole log at the end.
//!
//! Spec: specs/discord-gateway/runs.md

mod card;
#[cfg(test)]
mod crowd;
mod follow;
#[cfg(test)]
mod load;
mod log;
mod open;
mod thread;

pub(crate) use card::refresh;
pub(crate) use open::{open, resume_all};
