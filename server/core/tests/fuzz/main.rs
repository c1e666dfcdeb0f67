//! Hostile text against the readers of the core: no panic, and every rule about what comes out holds whatever goes in.

mod mutate;
mod texts;
