//! What people do in Discord: clicks, forms, and words to an agent in its thread. Each is authorised here, and by the server again.
//!
//! Spec: specs/discord-gateway/actions.md

mod answer;
mod click;
mod form;
mod perform;
mod respond;
mod say;
mod show;

pub(crate) use click::click;
pub(crate) use form::form;
pub(crate) use perform::perform;
pub(crate) use respond::Responder;
pub(crate) use say::say;
pub(crate) use show::{details, diff, tasks};
