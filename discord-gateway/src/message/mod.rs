//! A message as Discord takes it: text, embeds, buttons, selects, files; and its wire form, kept within every limit.
//!
//! Spec: specs/discord-gateway/render.md

mod embed;
mod parts;
mod wire;

pub(crate) use embed::Embed;
#[cfg(test)]
pub(crate) use parts::Row;
pub(crate) use parts::{Button, ButtonStyle, Choice, File, Message, Modal, ModalField, Select};
