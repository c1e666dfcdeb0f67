//! Ids for the shell's completion: asked of the server within 300 ms, silent when it does not answer (commands R12).

use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1;
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCandidates;

use crate::clean;
use crate::context::Context;
use crate::environment::Environment;
use crate::error::CliError;
use crate::globals::Globals;
use crate::ui::Ui;

/// How long the shell may be kept waiting.
const PATIENCE: Duration = Duration::from_millis(300);
/// Entries offered.
const OFFERED: u32 = 200;

/// Pairs of an id and what it stands for.
type Pairs = Vec<(String, String)>;

fn ask<F>(question: F) -> Vec<CompletionCandidate>
where
    F: AsyncFnOnce(Connection) -> Result<Pairs, CliError>,
{
    let environment = Environment::read();
    let globals = Globals {
        home: environment.aq_home.clone(),
        server: environment.aq_server.clone(),
        key_file: environment.aq_key_file.clone(),
        ..Globals::default()
    };
    let ui = Ui::new(&globals, &environment);
    let context = Context { globals, environment, ui };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let pairs = runtime.block_on(async {
        let asking = async { question(context.connect().await?).await };
        tokio::time::timeout(PATIENCE, asking).await.ok()?.ok()
    });
    runtime.shutdown_background();
    let candidate = |(id, help): (String, String)| CompletionCandidate::new(clean::line(&id)).help(Some(clean::line(&help).into()));
    pairs.unwrap_or_default().into_iter().map(candidate).collect()
}

/// Tasks, last changed first.
#[must_use]
pub(crate) fn tasks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |connection| {
            let order = v1::TaskOrder::RecentlyChanged.into();
            let request = v1::ListTasksRequest { include_finished: true, order, page_size: OFFERED, ..Default::default() };
            let answer = connection.tasks().list_tasks(request).await?.into_inner();
            let mut pairs = vec![("@last".to_owned(), "the newest task".to_owned())];
            pairs.extend(answer.tasks.into_iter().map(|task| (task.id, task.title)));
            Ok(pairs)
        })
    })
}

/// Projects.
#[must_use]
pub(crate) fn projects() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |connection| {
            let request = v1::ListProjectsRequest { page_size: OFFERED, ..Default::default() };
            let answer = connection.projects().list_projects(request).await?.into_inner();
            Ok(answer.projects.into_iter().map(|project| (project.id, project.name)).collect())
        })
    })
}

/// Workspaces.
#[must_use]
pub(crate) fn workspaces() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |connection| {
            let request = v1::ListWorkspacesRequest { page_size: OFFERED, ..Default::default() };
            let answer = connection.workspaces().list_workspaces(request).await?.into_inner();
            Ok(answer.workspaces.into_iter().map(|workspace| (workspace.id, workspace.project_id)).collect())
        })
    })
}

/// Agents.
#[must_use]
pub(crate) fn agents() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |connection| {
            let request = v1::ListAgentsRequest { page_size: OFFERED, ..Default::default() };
            let answer = connection.agents().list_agents(request).await?.into_inner();
            Ok(answer.agents.into_iter().map(|agent| (agent.id, agent.name)).collect())
        })
    })
}

/// Accounts.
#[must_use]
pub(crate) fn accounts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |connection| {
            let request = v1::ListAccountsRequest { page_size: OFFERED, ..Default::default() };
            let answer = connection.accounts().list_accounts(request).await?.into_inner();
            Ok(answer.accounts.into_iter().map(|account| (account.id, account.name)).collect())
        })
    })
}

/// Hooks.
#[must_use]
pub(crate) fn hooks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |connection| {
            let request = v1::ListHooksRequest { page_size: OFFERED, ..Default::default() };
            let answer = connection.hooks().list_hooks(request).await?.into_inner();
            Ok(answer.hooks.into_iter().map(|hook| (hook.id, hook.name)).collect())
        })
    })
}

/// API keys.
#[must_use]
pub(crate) fn keys() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |connection| {
            let request = v1::ListApiKeysRequest { page_size: OFFERED, ..Default::default() };
            let answer = connection.admin().list_api_keys(request).await?.into_inner();
            Ok(answer.api_keys.into_iter().map(|key| (key.kid, key.description)).collect())
        })
    })
}
