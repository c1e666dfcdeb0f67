//! `aqctl key create`.

use aq_proto::v1::{CreateApiKeyRequest, Role};

use super::secret::Place;
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
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
    let place = Place::open(args.out.as_deref())?;
    let lifetime = args.lifetime.map(|lifetime| aq_proto::time::duration(lifetime.into()));
    let request =
        CreateApiKeyRequest { role: args.role.into(), project_ids, description: args.description, lifetime, request_id: request_id() };
    match connection.admin().create_api_key(request).await {
        Ok(answer) => place.keep(context, &answer.into_inner()),
        Err(status) => {
            place.abandon();
            Err(status.into())
        }
    }
}
