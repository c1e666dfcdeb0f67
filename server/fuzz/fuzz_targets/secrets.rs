//! Texts with secrets, in pieces of any size.

#![no_main]

#[path = "../../runner/tests/fuzz/properties.rs"]
#[expect(dead_code, reason = "a target holds one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::secrets(bytes));
