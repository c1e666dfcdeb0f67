//! From the arguments to the verb.

use crate::args::Command;
use crate::commands::{
    account, agent, answer, archive, audit, backup, budget, chain, chat, completions, diff, doctor, events, forecast, git, grant, health,
    hook, init, key, limits, logs, mcp, messages, note, pause, plan, project, prompt, questions, resume, run as runs, say, server, service,
    status, task, usage, watch, workspace,
};
use crate::context::Context;
use crate::error::CliError;

/// Does what was asked.
///
/// # Errors
/// Whatever the command says; the kind decides the exit code.
pub(crate) async fn run(context: &Context, command: Command) -> Result<(), CliError> {
    match command {
        Command::Init(args) => init::run(context, &args),
        Command::Doctor(args) => Box::pin(doctor::run(context, &args)).await,
        Command::Chat(args) => Box::pin(chat::run(context, args)).await,
        Command::Status(args) => Box::pin(status::run(context, args)).await,
        Command::Project(verb) => Box::pin(project::run(context, verb)).await,
        Command::Workspace(verb) => Box::pin(workspace::run(context, verb)).await,
        Command::Task(verb) => Box::pin(task::run(context, verb)).await,
        Command::Run(verb) => Box::pin(runs::run(context, verb)).await,
        Command::Logs(args) => Box::pin(logs::run(context, args)).await,
        Command::Diff(args) => Box::pin(diff::run(context, args)).await,
        Command::Git(verb) => Box::pin(git::run(context, verb)).await,
        Command::Watch(args) => Box::pin(watch::run(context, args)).await,
        Command::Archive(verb) => Box::pin(archive::run(context, verb)).await,
        Command::Chain(args) => Box::pin(chain::run(context, args)).await,
        Command::Questions(args) => Box::pin(questions::run(context, args)).await,
        Command::Answer(args) => Box::pin(answer::run(context, args)).await,
        Command::Grant(verb) => Box::pin(grant::run(context, verb)).await,
        Command::Say(args) => Box::pin(say::run(context, args)).await,
        Command::Mcp(args) => Box::pin(mcp::run(context, args)).await,
        Command::Messages(args) => Box::pin(messages::run(context, args)).await,
        Command::Plan(verb) => Box::pin(plan::run(context, verb)).await,
        Command::Hook(verb) => Box::pin(hook::run(context, verb)).await,
        Command::Note(verb) => Box::pin(note::run(context, verb)).await,
        Command::Prompt(verb) => Box::pin(prompt::run(context, verb)).await,
        Command::Events(args) => Box::pin(events::run(context, args)).await,
        Command::Forecast(args) => Box::pin(forecast::run(context, args)).await,
        Command::Limits(args) => Box::pin(limits::run(context, args)).await,
        Command::Budget(args) => Box::pin(budget::run(context, args)).await,
        Command::Usage(args) => Box::pin(usage::run(context, args)).await,
        Command::Agent(verb) => Box::pin(agent::run(context, verb)).await,
        Command::Account(verb) => Box::pin(account::run(context, verb)).await,
        Command::Key(verb) => Box::pin(key::run(context, verb)).await,
        Command::Audit(verb) => Box::pin(audit::run(context, verb)).await,
        Command::Pause(args) => Box::pin(pause::run(context, args)).await,
        Command::Resume(args) => Box::pin(resume::run(context, args)).await,
        Command::Backup(args) => Box::pin(backup::run(context, &args)).await,
        Command::Health(args) => Box::pin(health::run(context, &args)).await,
        Command::Server(verb) => Box::pin(server::run(context, verb)).await,
        Command::Service(verb) => service::run(context, &verb),
        Command::Completions(args) => completions::run(context, &args),
    }
}
