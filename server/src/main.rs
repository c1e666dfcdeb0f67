//! The server's program.

use std::process::ExitCode;

/// Memory that a burst took goes back to the system, and threads seldom wait for each other ([why](../../specs/decisions/0013-jemalloc.md)).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    aq_server::entry::main(std::env::args_os().collect())
}
