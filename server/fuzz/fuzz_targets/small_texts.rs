//! Ids, hours, places of keys.

#![no_main]

#[path = "../../core/tests/fuzz/properties.rs"]
#[expect(dead_code, reason = "a target holds one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::small_text(bytes));
