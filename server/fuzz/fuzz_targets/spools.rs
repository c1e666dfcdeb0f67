//! Spools: what the shim logged of a program's output.

#![no_main]

#[path = "../../runner/tests/fuzz/properties.rs"]
#[expect(dead_code, reason = "a target holds one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(properties::spool(bytes)));
