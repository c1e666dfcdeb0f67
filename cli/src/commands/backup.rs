//! `aqctl backup`: a copy of the database.

use aq_proto::v1::CreateBackupRequest;

use crate::context::{Context, request_id};
use crate::error::CliError;

/// Copy the database while the server works; prints where the copy lies on the server's machine
///
/// `aqd restore FILE` puts a copy back while no server runs. The copy holds projects, tasks, runs, events and keys, not the output of runs and the work in
/// directories, which stay where they are. A PostgreSQL server is copied with pg_dump.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(super) async fn run(context: &Context, _args: &Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let made = connection.admin().create_backup(CreateBackupRequest { request_id: request_id() }).await?.into_inner();
    let told = format!("{} KiB copied; put it back, while no server runs, with: aqd restore {}", made.size_bytes.div_ceil(1024), made.path);
    context.ui.done(&made, Some(&made.path), told)
}
