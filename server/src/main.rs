//! The server's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    aq_allocator::few_arenas();
    aq_server::entry::main(std::env::args_os().collect())
}
