//! `aqctl budget`: how the budgets stand, and setting them.

use aq_proto::v1::{BudgetScope, ListBudgetsRequest, SetBudgetRequest};

use crate::candidates;
use crate::commands::values::{OrNone, tokens_or_none};
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;
use crate::words;

/// Show the budgets of model tokens, each with a bar; `set` changes one
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Only this project and what covers every project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// What to do instead of showing.
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Set(SetArgs),
}

/// Set a budget; tasks that were blocked for one and have room again go on by themselves
#[derive(clap::Args, Debug)]
pub(crate) struct SetArgs {
    /// What it covers
    #[arg(value_parser = words::parser::<BudgetScope>())]
    scope: BudgetScope,
    /// Model tokens, for example 200k or 50M; `none` for no limit, `configured` for what the configuration says
    #[arg(value_name = "TOKENS", value_parser = limit)]
    limit: Limit,
    /// With the scope project: this project instead of the default of all projects
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
}

/// A limit as it is typed.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// So many tokens, or none.
    Tokens(OrNone<u64>),
    /// What is configured.
    Configured,
}

fn limit(text: &str) -> Result<Limit, String> {
    if text == "configured" { Ok(Limit::Configured) } else { tokens_or_none(text).map(Limit::Tokens) }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    match args.verb {
        Some(Verb::Set(set)) => self::set(context, set).await,
        None => show(context, args.project).await,
    }
}

async fn show(context: &Context, project: Option<String>) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = match &project {
        Some(typed) => ids::project(&connection, typed).await?,
        None => String::new(),
    };
    let answer = connection.accounts().list_budgets(ListBudgetsRequest { project_id }).await?.into_inner();
    context.ui.show(&answer, render::budget::budgets)
}

async fn set(context: &Context, args: SetArgs) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = match &args.project {
        Some(typed) => ids::project(&connection, typed).await?,
        None => String::new(),
    };
    let (limit_tokens, unlimited) = match args.limit {
        Limit::Tokens(OrNone(limit)) => (limit, limit.is_none()),
        Limit::Configured => (None, false),
    };
    let request = SetBudgetRequest { scope: args.scope.into(), project_id, limit_tokens, unlimited, request_id: request_id() };
    let budget = connection.accounts().set_budget(request).await?.into_inner();
    let text = render::budget::told(&budget);
    context.ui.done(&budget, None, text)
}
