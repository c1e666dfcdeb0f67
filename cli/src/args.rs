//! The arguments: the table of contents of all commands. What a verb takes is defined beside it.
//!
//! Spec: specs/cli/commands.md

use std::any::TypeId;
use std::ffi::OsString;

use clap::builder::NonEmptyStringValueParser;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands::{
    account, agent, answer, archive, audit, backup, budget, chain, chat, completions, diff, doctor, events, forecast, git, grant, health,
    hook, init, key, limits, logs, mcp, messages, note, pause, plan, project, prompt, questions, resume, run, say, server, service, status,
    task, usage, watch, workspace,
};
use crate::globals::Globals;

/// Agent Queue keeps coding agents busy on the tasks of your projects.
///
/// Exit codes: 0 done, 1 failure, 2 wrong usage, 3 not found, 4 no rights, 5 conflict or not possible in this state, 6 server not
/// reachable, 7 the awaited task failed, 8 the awaited task waits for a person, 124 out of time, 130 interrupted.
///
/// Where an id is asked for, a unique beginning is enough; `@last` is the newest task.
#[derive(Debug, Parser)]
#[command(name = "aqctl", version, propagate_version = false, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Global options.
    #[command(flatten)]
    pub(crate) globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Reads a command line.
///
/// # Errors
/// What is wrong with it, as it is shown; help and the version are such errors too.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = without_empty_operands(Cli::command());
    let matches = command.try_get_matches_from_mut(line)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Refuses an operand that is an empty text, of whatever verb, and names it: a shell variable that is not set would else be looked for as an id.
fn without_empty_operands(command: clap::Command) -> clap::Command {
    let text = TypeId::of::<String>();
    let filled = move |arg: clap::Arg| {
        // One with a default may be empty: that is what leaving it out means.
        let is_text = arg.is_positional() && arg.get_value_parser().type_id() == text;
        if is_text && arg.get_default_values().is_empty() { arg.value_parser(NonEmptyStringValueParser::new()) } else { arg }
    };
    command.mut_args(filled).mut_subcommands(without_empty_operands)
}

/// All commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Args),
    Chat(chat::Args),
    Doctor(doctor::Args),
    Status(status::Args),
    /// Projects: the top unit of work, with a weight, limits and a repository
    #[command(subcommand, visible_alias = "projects")]
    Project(project::Verb),
    /// Workspaces: directories that tasks of a project are done in
    #[command(subcommand, visible_alias = "workspaces")]
    Workspace(workspace::Verb),
    /// Tasks: add, read, control
    #[command(subcommand, visible_alias = "tasks")]
    Task(task::Verb),
    /// Runs: the attempts of tasks
    #[command(subcommand, visible_alias = "runs")]
    Run(run::Verb),
    Logs(logs::Args),
    Diff(diff::Args),
    /// Git: look at the repository of a project, and do by hand what a person does
    #[command(subcommand)]
    Git(git::Verb),
    Watch(watch::Args),
    /// The archive: finished tasks leave the lists and come back
    #[command(subcommand)]
    Archive(archive::Verb),
    Chain(chain::Args),
    Questions(questions::Args),
    Answer(answer::Args),
    /// Grants: tools that were allowed once and for all
    #[command(subcommand, visible_alias = "grants")]
    Grant(grant::Verb),
    Say(say::Args),
    Messages(messages::Args),
    /// Plans: what agents propose to do, and the tasks that it becomes
    #[command(subcommand, visible_alias = "plans")]
    Plan(plan::Verb),
    /// Hooks: routine work that starts by itself
    #[command(subcommand, visible_alias = "hooks")]
    Hook(hook::Verb),
    /// Notes: short documents that people and agents of a project share
    #[command(subcommand, visible_alias = "notes")]
    Note(note::Verb),
    /// Prompt templates: texts of a project with places for values
    #[command(subcommand, visible_alias = "prompts")]
    Prompt(prompt::Verb),
    Events(events::Args),
    Forecast(forecast::Args),
    Limits(limits::Args),
    Budget(budget::Args),
    Usage(usage::Args),
    /// Agents: worker slots, each of one runtime
    #[command(subcommand, visible_alias = "agents")]
    Agent(agent::Verb),
    /// Accounts: the plans and provider keys that agents draw from, and their usage windows
    #[command(subcommand, visible_alias = "accounts")]
    Account(account::Verb),
    /// API keys: credentials of clients
    #[command(subcommand, visible_alias = "keys")]
    Key(key::Verb),
    /// The audit log: who changed what, and who was refused
    #[command(subcommand)]
    Audit(audit::Verb),
    Pause(pause::Args),
    Resume(resume::Args),
    Backup(backup::Args),
    Health(health::Args),
    Mcp(mcp::Args),
    /// The server process on this machine: start, stop, look
    #[command(subcommand)]
    Server(server::Verb),
    /// The server as a systemd service of yours
    #[command(subcommand)]
    Service(service::Verb),
    Completions(completions::Args),
}
