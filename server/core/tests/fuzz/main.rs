//! Hostile text against the readers of the core: no panic, and every rule about what comes out holds whatever goes in.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod mutate;
mod properties;
mod texts;
