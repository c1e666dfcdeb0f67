//! What a program prints. The first byte chooses its runtime.

#![no_main]

#[path = "../../runner/tests/fuzz/properties.rs"]
#[expect(dead_code, reason = "a target holds one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((first, input)) = bytes.split_first() {
        properties::output(&properties::start(properties::kind(*first)), input);
    }
});
