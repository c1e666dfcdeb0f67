//! `aqctl hook edit`.

use aq_proto::v1::{Hook, UpdateHookRequest};

use super::fields::Fields;
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Change a hook; it then acts with your authority. Steps and actions are replaced whole
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The hook: its id, the beginning of it, or its name
    #[arg(add = candidates::hooks())]
    hook: String,
    /// Its new name
    #[arg(long)]
    name: Option<String>,
    /// Take all steps away
    #[arg(long, conflicts_with = "steps")]
    no_steps: bool,
    /// What changes.
    #[command(flatten)]
    fields: Fields,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let mut hook = Hook::default();
    let mut paths = Vec::new();
    let mut named = |path: &str| paths.push(path.to_owned());
    if let Some(name) = args.name {
        hook.name = name;
        named("name");
    }
    if let Some(trigger) = args.fields.trigger() {
        hook.trigger = Some(trigger);
        named("trigger");
    }
    hook.steps = args.fields.steps()?;
    if !hook.steps.is_empty() || args.no_steps {
        named("steps");
    }
    hook.actions = args.fields.actions()?;
    if !hook.actions.is_empty() {
        named("actions");
    }
    let (cooldown, missed, run_tokens, day_tokens) = args.fields.rest();
    if cooldown.is_some() {
        hook.cooldown = cooldown;
        named("cooldown");
    }
    if let Some(missed) = missed {
        hook.missed = missed.into();
        named("missed");
    }
    if let Some(tokens) = run_tokens {
        hook.max_tokens_per_run = tokens;
        named("max_tokens_per_run");
    }
    if let Some(tokens) = day_tokens {
        hook.max_tokens_per_day = tokens;
        named("max_tokens_per_day");
    }
    if paths.is_empty() {
        return Err(CliError::usage("nothing changes; give at least one option"));
    }
    let connection = context.connect().await?;
    hook.id = ids::hook(&connection, &args.hook).await?;
    let update_mask = Some(prost_types::FieldMask { paths });
    let request = UpdateHookRequest { hook: Some(hook), update_mask, request_id: request_id() };
    let hook = connection.hooks().update_hook(request).await?.into_inner();
    context.ui.done(&hook, None, format!("hook {} ({}) was changed", hook.id, hook.name))
}
