//! Events of Discord: read as the gateway reads them, or passed over, and nobody gets a right by them.

#![no_main]

#[path = "../../../discord-gateway/src/custom_id/mod.rs"]
#[allow(dead_code, unused_imports, reason = "a target holds some of what is there")]
mod custom_id;
#[path = "../../../discord-gateway/src/trust/mod.rs"]
#[expect(dead_code, reason = "a target holds some of what is there")]
mod trust;
/// The folder that names Discord's library, without its connection.
#[path = "../../../discord-gateway/src/discord"]
mod discord {
    #[expect(dead_code, reason = "a target holds some of what is there")]
    mod incoming;
    pub(crate) mod properties;
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| discord::properties::event(bytes));
