//! `aqctl hook fire`.

use aq_proto::v1::{FireHookRequest, FireHookWebhookRequest};

use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Start a hook now, whatever its cooldown and whether it is enabled
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The hook: its id, the beginning of it, or its name
    #[arg(add = candidates::hooks())]
    hook: String,
    /// A JSON value that the run sees as its event; `-` reads standard input
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let payload = long_text(&context.ui, args.payload.as_deref(), None)?;
    let connection = context.connect().await?;
    let hook_id = ids::hook(&connection, &args.hook).await?;
    let mut hooks = connection.hooks();
    let run = match payload {
        Some(payload_json) => hooks.fire_hook_webhook(FireHookWebhookRequest { hook_id, payload_json, request_id: request_id() }).await?,
        None => hooks.fire_hook(FireHookRequest { hook_id, request_id: request_id() }).await?,
    };
    let run = run.into_inner();
    context.ui.done(&run, Some(&run.id), format!("run {} waits; see: aqctl hook run {}", run.id, run.id))
}
