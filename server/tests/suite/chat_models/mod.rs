//! Each wire, spoken with a strict server on loopback.

mod bad;
mod records;
pub(crate) mod requests;
pub(crate) mod stub;
mod wires;
pub(crate) mod words;
