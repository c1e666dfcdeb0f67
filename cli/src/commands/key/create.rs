//! `aqctl key create`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use aq_proto::v1::{CreateApiKeyRequest, Role};

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::globals::Format;
use crate::ids;
use crate::words;

/// Make an API key; it is shown once
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// What it may do
    #[arg(long, value_parser = words::parser::<Role>(), ignore_case = true)]
    role: Role,
    /// A project it is limited to; may be repeated [default: all]
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Vec<String>,
    /// What it is for
    #[arg(short, long, value_name = "TEXT", default_value = "")]
    description: String,
    /// How long it is accepted, at most 366d [default: 90d]
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<humantime::Duration>,
    /// Write the key to a new file that only you can read, instead of showing it
    #[arg(long, value_name = "FILE")]
    out: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut project_ids = Vec::with_capacity(args.project.len());
    for typed in &args.project {
        project_ids.push(ids::project(&connection, typed).await?);
    }
    // The file comes first: a key that cannot be kept must not be made.
    let file = args.out.as_ref().map(|path| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)).transpose();
    let file = file.map_err(|error| CliError::usage(format!("cannot create {}: {error}", args.out.as_deref().unwrap_or_default())))?;
    let lifetime = args.lifetime.map(|lifetime| aq_proto::time::duration(lifetime.into()));
    let request =
        CreateApiKeyRequest { role: args.role.into(), project_ids, description: args.description, lifetime, request_id: request_id() };
    let answer = match connection.admin().create_api_key(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            if let Some(path) = &args.out {
                // Only the empty file that was made above goes.
                let _left_behind = std::fs::remove_file(path);
            }
            return Err(status.into());
        }
    };
    let kid = answer.api_key.as_ref().map(|key| key.kid.clone()).unwrap_or_default();
    if let Some(mut file) = file {
        writeln!(file, "{}", answer.secret)?;
        file.sync_all()?;
        let path = args.out.unwrap_or_default();
        context.ui.talk(format!("key {kid} is in {path}; use it with --key-file or AQ_KEY_FILE"));
        return Ok(());
    }
    if context.ui.format == Format::Table {
        context.ui.print(&crate::clean::line(&answer.secret))?;
    } else {
        context.ui.show(&answer, |_, _| String::new())?;
    }
    context.ui.talk(format!("this is the only time that key {kid} is shown; keep it in a file that only you can read"));
    Ok(())
}
