//! The allocator of the installed program.

use std::process::Command;

/// Server R7, decision 0013: `aqd` allocates with jemalloc, set as the repository says, and the environment may say otherwise.
#[test]
fn the_server_has_its_allocator() {
    let mut aqd = Command::new(env!("CARGO_BIN_EXE_aqd"));
    let done = aqd.arg("--version").env("MALLOC_CONF", "confirm_conf:true,dirty_decay_ms:5000").output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success() && done.stdout.starts_with(b"aqd "), "{told}");
    let set: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("<jemalloc>: -- Set conf value: ")).collect();
    assert_eq!(
        set,
        ["narenas:2", "tcache_max:4096", "dirty_decay_ms:1000", "muzzy_decay_ms:0", "confirm_conf:true", "dirty_decay_ms:5000"]
    );
}
