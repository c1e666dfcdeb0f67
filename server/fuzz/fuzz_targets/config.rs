//! The configuration of the server.

#![no_main]

#[path = "../../tests/suite/config_text/property.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::config(bytes));
