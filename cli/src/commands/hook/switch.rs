//! `aqctl hook enable`, `aqctl hook disable`.

use aq_proto::v1::{DisableHookRequest, EnableHookRequest};

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Which hook.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The hook: its id, the beginning of it, or its name
    #[arg(add = candidates::hooks())]
    hook: String,
}

pub(super) async fn run(context: &Context, args: Args, enabled: bool) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let hook_id = ids::hook(&connection, &args.hook).await?;
    let mut hooks = connection.hooks();
    let hook = if enabled {
        hooks.enable_hook(EnableHookRequest { hook_id, request_id: request_id() }).await?
    } else {
        hooks.disable_hook(DisableHookRequest { hook_id, request_id: request_id() }).await?
    };
    let hook = hook.into_inner();
    let how = if enabled { "starts by itself" } else { "starts only when it is fired" };
    context.ui.done(&hook, None, format!("hook {} ({}) {how}", hook.id, hook.name))
}
