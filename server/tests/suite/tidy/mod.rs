//! Checks of the repository itself: what the architecture asks for and the compiler cannot see. Each test lists every offence with its
//! file and line.
//!
//! Spec: specs/style.md

mod bans;
mod circles;
mod deploy;
mod documents;
mod events;
mod faults;
mod fuzz;
mod layout;
mod licences;
mod modules;
mod ranks;
mod scoreboard;
mod source;
mod words;
