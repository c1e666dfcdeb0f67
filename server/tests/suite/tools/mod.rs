//! The calls of the contract as tools.

mod arguments;
mod calls;
mod originals;
mod schemas;
