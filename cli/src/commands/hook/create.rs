//! `aqctl hook create`.

use aq_proto::v1::CreateHookRequest;

use super::fields::Fields;
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Make a hook: what starts it, what it looks at first, what it does
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Its name, unique in the project
    name: String,
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
    /// Do not let it start by itself yet
    #[arg(long)]
    disabled: bool,
    /// What starts it and what it does.
    #[command(flatten)]
    fields: Fields,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let trigger = args.fields.trigger();
    if trigger.is_none() {
        return Err(CliError::usage("nothing starts the hook; give --every, --cron, --on or --manual"));
    }
    let (steps, actions) = (args.fields.steps()?, args.fields.actions()?);
    let (cooldown, missed, run_tokens, day_tokens) = args.fields.rest();
    let connection = context.connect().await?;
    let request = CreateHookRequest {
        project_id: ids::project(&connection, &args.project).await?,
        name: args.name,
        trigger,
        steps,
        actions,
        cooldown,
        missed: missed.unwrap_or_default().into(),
        max_tokens_per_run: run_tokens.unwrap_or(0),
        max_tokens_per_day: day_tokens.unwrap_or(0),
        disabled: args.disabled,
        request_id: request_id(),
    };
    let hook = connection.hooks().create_hook(request).await?.into_inner();
    context.ui.done(&hook, Some(&hook.id), format!("hook {} ({}) was made", hook.id, hook.name))
}
