//! Messages of the gateway: texts of others are made harmless and split into pieces that fit.

#![no_main]

#[path = "../../../discord-gateway/src/text/properties.rs"]
mod properties;
#[path = "../../../discord-gateway/src/text/mod.rs"]
#[expect(dead_code, unused_imports, reason = "a target holds some of what is there")]
mod text;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::message(bytes));
