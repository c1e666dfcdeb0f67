//! Section `hook_engine`: whether hooks run, how many at once, and what they may reach.
//!
//! Keys: `enabled`, `max_concurrent_hooks`, `shell`, `private_addresses`.

use serde::Serialize;

use crate::config::reader::Reader;

/// Whether hooks run, and how many at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookEngine {
    /// Whether hooks run at all.
    pub enabled: bool,
    /// How many hooks run at the same time, 1 to 64.
    pub max_concurrent_hooks: u64,
    /// Whether steps may run programs.
    pub shell: bool,
    /// Whether steps may read addresses of this machine and of private networks.
    pub private_addresses: bool,
}

impl HookEngine {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self {
            enabled: reader.boolean("enabled", true),
            max_concurrent_hooks: reader.count("max_concurrent_hooks", 1..=64, 2),
            shell: reader.boolean("shell", false),
            private_addresses: reader.boolean("private_addresses", false),
        };
        reader.finish();
        read
    }
}
