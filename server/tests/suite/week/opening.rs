//! The opening of the play: accounts with their agents, projects, and everything that is queued.

use std::collections::BTreeMap;

use aq_core::ids::{AccountId, AgentId, ProjectId, TaskId};
use aq_core::runtime::RuntimeKind;
use aq_server::commands;
use aq_server::commands::accounts::AccountFields;
use aq_server::commands::agents::AgentFields;
use aq_server::commands::projects::ProjectFields;

use super::provider::{ACCOUNTS, AGENTS, HOUR};
use super::trace::{PROJECTS, Work};
use crate::harness::{Harness, new_task};

/// How long a question may wait in a project.
pub(super) fn patience(project: usize) -> i64 {
    if project == 0 { 24 * HOUR } else { HOUR }
}

/// Makes the accounts with their agents; the agents, each with the number of its account.
pub(super) async fn hire(server: &Harness) -> BTreeMap<AgentId, usize> {
    let mut agents = BTreeMap::new();
    for plan in 0..ACCOUNTS {
        let fields = AccountFields { name: Some(format!("Plan {plan}")), ..AccountFields::default() };
        let account = server.command(move |tx, context| commands::accounts::create(tx, context, &fields)).await.unwrap().id;
        for agent in 0..AGENTS {
            agents.insert(make_agent(server, &account, format!("Agent {plan} {agent}")).await, plan);
        }
    }
    agents
}

async fn make_agent(server: &Harness, account: &AccountId, name: String) -> AgentId {
    let fields = AgentFields {
        name: Some(name),
        runtime: Some(RuntimeKind::Scripted),
        account: Some(Some(account.clone())),
        ..AgentFields::default()
    };
    server.command(move |tx, context| commands::agents::create(tx, context, &fields)).await.unwrap().id
}

/// Makes the projects, each with a larger share than the one before.
pub(super) async fn projects(server: &Harness) -> Vec<ProjectId> {
    let mut projects = Vec::new();
    for number in 0..PROJECTS {
        let project = server.project(&format!("Project {number}"), ACCOUNTS * AGENTS).await;
        let timeout = Some(Some(patience(number).unsigned_abs()));
        let fields = ProjectFields { question_timeout_ms: timeout, credit_weight: Some(1.0 + number as f64), ..ProjectFields::default() };
        let edited = project.clone();
        server.command(move |tx, context| commands::projects::edit(tx, context, &edited, &fields).map(|_| ())).await.unwrap();
        projects.push(project);
    }
    projects
}

/// Queues the work; its tasks, in its order.
pub(super) async fn queue(server: &Harness, projects: &[ProjectId], all: &[Work]) -> Vec<TaskId> {
    let mut ids = Vec::new();
    for (number, work) in all.iter().enumerate() {
        let after: Vec<_> = work.after.iter().map(|other| &ids[*other]).collect();
        let new = new_task(&projects[work.project], &format!("task {number}"), &after);
        let context = server.admin();
        let made = server
            .engine
            .submit(move |tx| commands::create::create(tx, &context, std::slice::from_ref(&new)).map(|made| made[0].task.id.clone()));
        ids.push(made.await.unwrap());
    }
    server.wake.ring();
    ids
}
