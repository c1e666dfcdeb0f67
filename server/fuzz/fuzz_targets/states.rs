//! The kept state of what reads a program's output. The first byte chooses the runtime.

#![no_main]

#[path = "../../runner/tests/fuzz/properties.rs"]
#[expect(dead_code, reason = "a target holds one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((first, input)) = bytes.split_first() {
        properties::state(properties::kind(*first), input, LINES);
    }
});

/// Lines that go on from a state; what they say matters less than that they are read.
const LINES: &[u8] =
    b"{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"done\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\nplain\n";
