//! How the C library's allocator is set. The server asks for few arenas before it starts threads.
//!
//! Not here: an allocator of our own. Nothing else may come here either: this package exists because the call cannot be checked by the compiler, and
//! because every other package forbids such calls.
//!
//! Spec: specs/decisions/0012-few-arenas.md

/// Most arenas that a program of ours has. glibc would make eight for each core.
pub const ARENAS: i32 = 2;

/// What says how many arenas there may be, from outside (mallopt(3)).
const SAID: &str = "MALLOC_ARENA_MAX";

/// Lets threads share [`ARENAS`] arenas, unless `MALLOC_ARENA_MAX` says how many. Arenas that there are already stay, so this belongs before the first thread.
/// True when it was set; without glibc there are no arenas, and nothing is done.
#[expect(
    clippy::disallowed_methods,
    reason = "a variable of the C library, which belongs before the first thread and so before any configuration"
)]
pub fn few_arenas() -> bool {
    std::env::var_os(SAID).is_none() && set()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library offers no other way; mallopt takes two numbers, and refuses what it does not know")]
fn set() -> bool {
    // SAFETY: no memory is handed over, and no thread of ours has begun.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) == 1 }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const fn set() -> bool {
    false
}
