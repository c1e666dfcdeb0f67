//! Text as Discord takes it: lengths, cuts, splits that keep code fences whole, and nothing in it that rings or colours.
//!
//! Spec: specs/discord-gateway/text.md

mod answer;
mod clean;
#[cfg(test)]
mod fuzz;
mod limit;
#[cfg(test)]
mod properties;
mod split;

pub(crate) use answer::{Answer, answer};
pub(crate) use clean::{clean, fenced, inline, one_line, within_fence};
pub(crate) use limit::{cut, grouped, length, percent, plural};
pub(crate) use split::{PIECE, split};
