//! How things look in Discord: cards, notices, lists, limits. Pure: messages of the server in, messages for Discord out.
//!
//! Spec: specs/discord-gateway/render.md

mod account;
mod board;
mod card;
mod failure;
mod notice;
mod question;
mod style;
mod task;
mod tasks;
mod time;
mod waiting;

pub(crate) use account::{budgets, limits, usage};
pub(crate) use board::board;
pub(crate) use card::{Step, card, step, total};
pub(crate) use notice::{
    agent_error, agent_works, approval, blocked, budget, chain_stuck, completed, degraded, failed, limited, plan, plan_put_away,
    pull_request, stuck, untold,
};
pub(crate) use question::{question, settled};
pub(crate) use style::{Style, boxed, mark_of, refusal, status_of};
pub(crate) use task::{details, error_report, result};
pub(crate) use tasks::{TaskList, task_list};
pub(crate) use time::{Moment, elapsed, happened, moment, relative};
pub(crate) use waiting::{explanation, forecast};
