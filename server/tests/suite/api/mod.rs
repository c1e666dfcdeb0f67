//! The calls of the contract, through their wire form, without a socket.

mod archive;
mod audit;
mod events;
mod explain;
mod fields;
pub(crate) mod fixture;
mod flow;
mod git;
mod grants;
mod hooks;
mod keys;
mod limits;
mod lists;
mod matrix;
mod mutations;
mod notes;
mod own_run;
mod profiles;
mod prompts;
mod proposals;
mod reference;
mod scope;
mod streams;
mod tasks;
pub(crate) mod walk;
mod wild;
