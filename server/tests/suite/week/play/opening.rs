//! The opening of the play: accounts with their agents, projects, and everything that is queued.

use std::collections::BTreeMap;

use aq_core::ids::{AccountId, AgentId, ProjectId};
use aq_core::runtime::RuntimeKind;
use aq_server::clock::Clock as _;
use aq_server::commands;
use aq_server::commands::accounts::AccountFields;
use aq_server::commands::agents::AgentFields;
use aq_server::commands::projects::ProjectFields;

use super::super::provider::{ACCOUNTS, AGENTS, plans};
use super::super::trace::{PROJECTS, Work};
use super::{Progress, Week, patience};
use crate::harness::{Harness, new_task};

impl Week {
    /// Everything is queued, and nothing has begun.
    pub(in crate::week) async fn new(server: Harness, work: Vec<Work>) -> Self {
        let mut places = BTreeMap::new();
        for plan in 0..ACCOUNTS {
            let fields = AccountFields { name: Some(format!("Plan {plan}")), ..AccountFields::default() };
            let account = server.command(move |tx, context| commands::accounts::create(tx, context, &fields)).await.unwrap().id;
            for agent in 0..AGENTS {
                places.insert(make_agent(&server, &account, format!("Agent {plan} {agent}")).await, plan);
            }
        }
        let mut projects = Vec::new();
        for number in 0..PROJECTS {
            let project = server.project(&format!("Project {number}"), ACCOUNTS * AGENTS).await;
            let timeout = Some(Some(patience(number).unsigned_abs()));
            let fields =
                ProjectFields { question_timeout_ms: timeout, credit_weight: Some(1.0 + number as f64), ..ProjectFields::default() };
            let edited = project.clone();
            server.command(move |tx, context| commands::projects::edit(tx, context, &edited, &fields).map(|_| ())).await.unwrap();
            projects.push(project);
        }
        let origin = server.clock.now();
        let mut week = Self {
            server: Some(server),
            origin,
            progress: vec![Progress::default(); work.len()],
            work,
            ids: Vec::new(),
            numbers: BTreeMap::new(),
            places,
            plans: plans(),
            runs: BTreeMap::new(),
            agenda: BTreeMap::new(),
            events: 0,
            launches_exhausted: 0,
            launches: 0,
        };
        week.queue(&projects).await;
        week
    }

    async fn queue(&mut self, projects: &[ProjectId]) {
        for (number, work) in self.work.clone().iter().enumerate() {
            let after: Vec<_> = work.after.iter().map(|other| &self.ids[*other]).collect();
            let new = new_task(&projects[work.project], &format!("task {number}"), &after);
            let id = self
                .server()
                .engine
                .submit({
                    let context = self.server().admin();
                    move |tx| commands::create::create(tx, &context, std::slice::from_ref(&new)).map(|made| made[0].task.id.clone())
                })
                .await
                .unwrap();
            self.numbers.insert(id.clone(), number);
            self.ids.push(id);
        }
        self.server().wake.ring();
    }
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
