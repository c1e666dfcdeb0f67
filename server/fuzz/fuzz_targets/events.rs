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

/// The library dies of some events, in places that are known, and the gateway survives that (routing R10): the fuzzer is to look for what is ours.
fn pass_over_the_library() {
    let ends = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |told| {
        if told.location().is_none_or(|place| !place.file().contains("/serenity-")) {
            ends(told);
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: pass_over_the_library(), |bytes: &[u8]| discord::properties::event(bytes));
