//! Text as Discord takes it: lengths, cuts, splits that keep code fences whole, and nothing in it that rings or colours.
//!
//! Spec: specs/discord-gateway/text.md

mod answer;
mod clean;
mod limit;
mod split;

pub(crate) use answer::{Answer, answer};
pub(crate) use clean::{clean, fenced, inline, one_line};
pub(crate) use limit::{cut, grouped, length, plural};
pub(crate) use split::{PIECE, split};
