//! Agents that cannot work (orchestrator R47): a login that has expired costs a few short runs, not the queue.

use aq_core::agent::AgentFault;
use aq_core::event::EventKind;
use aq_core::ids::{AgentId, RunRef};
use aq_core::output::{FailureClass, OutputBody, OutputItem, TokenUsage};
use aq_core::profile::RuntimeProfile;
use aq_core::runner_link::{RunOutcome, RunReport, SessionOrder};
use aq_core::task::{BlockedReason, TaskStatus};
use aq_proto::v1 as pb;
use aq_server::clock::Clock as _;
use aq_server::commands;
use aq_server::commands::agents::AgentFields;
use aq_server::store::{StoreError, events};

use crate::api::fixture::Server;
use crate::harness::Harness;

const MINUTE: i64 = 60_000;

async fn fail(server: &Harness, run: &RunRef, class: FailureClass, message: &str) {
    server.running(run).await;
    let outcome = RunOutcome::Failed { class, message: message.into() };
    server.report(run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
}

/// The provider answers with its first message.
async fn spend(server: &Harness, run: &RunRef, tokens: u64) {
    let tokens = TokenUsage { input: tokens, ..TokenUsage::default() };
    let body = OutputBody::Usage { message_id: "m1".into(), model: "m".into(), tokens, cost_micros: None };
    server.report(run, RunReport::Output { items: vec![OutputItem { seq: 1, at: server.clock.now(), body }] }).await;
}

async fn fault(server: &Harness, agent: &str) -> Option<AgentFault> {
    let id = AgentId::parse(agent).unwrap();
    server.engine.submit(move |tx| Ok::<_, StoreError>(tx.state.agents[&id].fault.clone())).await.unwrap()
}

/// How often each of the two was told: that an agent cannot work, and that it can.
async fn told(server: &Harness) -> (usize, usize) {
    let all = server.reader.read(|db| events::after(db, 0, i64::MAX)).await.unwrap();
    let count = |kind| all.iter().filter(|event| event.kind == kind).count();
    (count(EventKind::AgentError), count(EventKind::AgentResumed))
}

async fn pass_time(server: &Harness, millis: i64) {
    server.clock.advance(millis);
    server.wake.ring();
}

async fn resume(server: &Harness, agent: &str) {
    let id = AgentId::parse(agent).unwrap();
    server.command(move |tx, context| commands::agents::set_paused(tx, context, &id, false)).await.unwrap();
}

/// orchestrator R47, models R10, schedule R19: one run finds out, the queue waits, and the agent is tried again after 5, 10, 20 minutes with another task each
/// time; nothing is blocked, no try is used, and people are told once.
#[tokio::test]
async fn an_expired_login_costs_no_task() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 2).await;
    let mut tasks = Vec::new();
    for number in 0..6 {
        tasks.push(server.task(&project, &format!("task {number}"), &[]).await);
    }
    for wait in [5, 10, 20, 40, 60, 60] {
        let order = server.start_order().await;
        fail(&server, &order.run, FailureClass::Auth, "Not logged in").await;
        pass_time(&server, (wait - 1) * MINUTE).await;
        assert!(server.nothing_started().await, "it takes nothing for {wait} minutes");
        server.clock.advance(MINUTE);
        server.wake.ring();
    }
    assert_eq!(told(&server).await, (1, 0));
    for task in &tasks {
        let task = server.get(task).await;
        assert_eq!((task.blocked_reason, task.retry_count), (None, 0), "{task:?}");
    }
    // The provider answers again: the first message ends it.
    let order = server.start_order().await;
    server.running(&order.run).await;
    spend(&server, &order.run, 7).await;
    assert_eq!((fault(&server, "agent-0").await, told(&server).await), (None, (1, 1)));
}

/// orchestrator R47, task R6: what one agent cannot do another takes over, and a success shows that an agent works.
#[tokio::test]
async fn another_agent_takes_over() {
    let server = Harness::start().await;
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let task = server.task(&project, "a", &[]).await;
    let first = server.start_order().await;
    fail(&server, &first.run, FailureClass::Spawn, "claude: not found").await;
    let broken = server.runs(&task).await[0].run.agent.clone();
    pass_time(&server, 10_000).await;
    let second = server.start_order().await;
    assert_eq!(second.run.task, task);
    assert_ne!(server.runs(&task).await[1].run.agent, broken);
    server.succeed(&second.run).await;
    server.until(&task, TaskStatus::Completed).await;
    assert!(fault(&server, broken.as_str()).await.is_some(), "the success of another agent says nothing of it");
    pass_time(&server, 5 * MINUTE).await;
    let busy = server.task(&project, "b", &[]).await;
    let next = server.task(&project, "c", &[]).await;
    for _ in [busy, next] {
        let order = server.start_order().await;
        server.succeed(&order.run).await;
    }
    assert_eq!(fault(&server, broken.as_str()).await, None);
}

/// task R6: a task that no agent can start is blocked after three, and the agents go on with the others.
#[tokio::test]
async fn a_task_that_nobody_can_start_is_blocked() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let poison = server.task(&project, "poison", &[]).await;
    for _ in 0..3 {
        let order = server.start_order().await;
        assert_eq!(order.run.task, poison);
        fail(&server, &order.run, FailureClass::Spawn, "argument list too long").await;
        pass_time(&server, 60 * MINUTE).await;
    }
    let blocked = server.until(&poison, TaskStatus::Blocked).await;
    assert_eq!((blocked.blocked_reason, blocked.retry_count), (Some(BlockedReason::Config), 0));
    let other = server.task(&project, "other", &[]).await;
    let order = server.start_order().await;
    server.succeed(&order.run).await;
    server.until(&other, TaskStatus::Completed).await;
    assert_eq!(fault(&server, "agent-0").await, None);
}

/// schedule R19: the agent shows with the next task that it works, so that the one that no program can be started with holds up nobody for long.
#[tokio::test]
async fn one_bad_task_does_not_keep_the_agent() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let poison = server.task(&project, "poison", &[]).await;
    let mut done = Vec::new();
    for number in 0..4 {
        server.task(&project, &format!("task {number}"), &[]).await;
    }
    for failed in 1..=3 {
        let order = server.start_order().await;
        assert_eq!(order.run.task, poison, "its turn came again");
        fail(&server, &order.run, FailureClass::Spawn, "argument list too long").await;
        assert_eq!(server.get(&poison).await.status == TaskStatus::Blocked, failed == 3);
        pass_time(&server, 5 * MINUTE).await;
        let order = server.start_order().await;
        assert_ne!(order.run.task, poison, "another task is tried first");
        server.succeed(&order.run).await;
        done.push(order.run.task);
        assert_eq!(fault(&server, "agent-0").await, None);
    }
    let order = server.start_order().await;
    assert!(order.run.task != poison && !done.contains(&order.run.task));
}

/// commands R18: a person who resumes the agent ends the fault at once, and what was blocked for it goes on with a fresh count.
#[tokio::test]
async fn a_person_ends_a_fault() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "a", &[]).await;
    for _ in 0..3 {
        let order = server.start_order().await;
        fail(&server, &order.run, FailureClass::Billing, "credit balance is too low").await;
        pass_time(&server, 60 * MINUTE).await;
    }
    server.until(&task, TaskStatus::Blocked).await;
    resume(&server, "agent-0").await;
    assert_eq!((fault(&server, "agent-0").await, told(&server).await), (None, (1, 1)));
    let order = server.start_order().await;
    fail(&server, &order.run, FailureClass::Billing, "credit balance is too low").await;
    assert_eq!(server.get(&task).await.status, TaskStatus::Paused, "its count began anew");
    assert_eq!(told(&server).await, (2, 1));
    // Saying it twice changes nothing.
    resume(&server, "agent-0").await;
    resume(&server, "agent-0").await;
    assert_eq!(told(&server).await, (2, 2));
}

/// commands R18: another name mends nothing, another program may.
#[tokio::test]
async fn a_person_who_changes_the_agent_ends_its_fault() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    server.task(&project, "a", &[]).await;
    let order = server.start_order().await;
    fail(&server, &order.run, FailureClass::Spawn, "not found").await;
    let edit = async |fields: AgentFields| {
        let id = AgentId::parse("agent-0").unwrap();
        server.command(move |tx, context| commands::agents::edit(tx, context, &id, &fields)).await.unwrap();
    };
    edit(AgentFields { name: Some("Nova".into()), ..AgentFields::default() }).await;
    assert!(fault(&server, "agent-0").await.is_some());
    edit(AgentFields { profile: Some(RuntimeProfile::default()), ..AgentFields::default() }).await;
    assert_eq!(fault(&server, "agent-0").await, None);
}

/// models R10: a restart of the server forgets no fault, and its instant wakes the orchestrator by itself.
#[tokio::test]
async fn a_restart_forgets_no_fault() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "a", &[]).await;
    let order = server.start_order().await;
    fail(&server, &order.run, FailureClass::Auth, "Not logged in").await;
    let before = fault(&server, "agent-0").await.unwrap();
    assert_eq!((before.class, before.times, before.task), (FailureClass::Auth, 1, server.record(&task).await.key));
    let server = server.restart().await;
    assert_eq!(fault(&server, "agent-0").await, Some(before));
    pass_time(&server, MINUTE).await;
    assert!(server.nothing_started().await);
}

/// orchestrator R8, prompt: a run whose login expired in the middle goes on in its session, one that never began does not; neither is told as a try that went
/// wrong.
#[tokio::test]
async fn a_cut_session_goes_on() {
    for (spent, resumed) in [(7, true), (0, false)] {
        let server = Harness::start().await;
        server.agents(1).await;
        let project = server.project("App", 1).await;
        server.task(&project, "a", &[]).await;
        let order = server.start_order().await;
        server.running(&order.run).await;
        if spent > 0 {
            spend(&server, &order.run, spent).await;
        }
        fail(&server, &order.run, FailureClass::Auth, "OAuth token has expired").await;
        pass_time(&server, 5 * MINUTE).await;
        let next = server.start_order().await;
        assert_eq!(matches!(next.session, SessionOrder::Resume { .. }), resumed, "{spent} tokens");
        assert!(!next.prompt.contains("What went wrong"), "{}", next.prompt);
    }
}

/// explain R7, F-006: the wait says what is wrong and when it is tried again; so does the agent, which is in ERROR.
#[tokio::test]
async fn the_wait_is_explained() {
    let server = Server::start().await;
    server.inner.agents(1).await;
    let project = server.inner.project("App", 1).await;
    server.inner.task(&project, "a", &[]).await;
    let waiting = server.inner.task(&project, "b", &[]).await;
    let order = server.inner.start_order().await;
    fail(&server.inner, &order.run, FailureClass::Auth, "Not logged in").await;
    let until = server.inner.clock.now().plus_millis(5 * MINUTE);
    assert!(server.inner.nothing_started().await);

    let admin = server.admin();
    let wanted = pb::ExplainTaskRequest { task_id: waiting.to_string() };
    let told = admin.tasks().explain_task(wanted).await.unwrap().into_inner();
    assert_eq!(
        told.sentence,
        format!("The agents that could take it cannot work: mend what they name and resume them; they are tried again at {until}.")
    );
    assert_eq!(told.reasons[0].kind(), pb::WaitKind::AgentFault);
    assert_eq!(told.reasons[0].until.map(|at| at.seconds * 1_000), Some(until.as_millis()));

    let wanted = pb::GetAgentRequest { agent_id: "agent-0".into() };
    let agent = admin.agents().get_agent(wanted.clone()).await.unwrap().into_inner();
    assert_eq!(agent.state(), pb::AgentState::Error);
    assert_eq!(agent.error, "Not logged in (auth): log the agent's account in again, then resume the agent");
    assert_eq!(agent.retry_at.map(|at| at.seconds * 1_000), Some(until.as_millis()));
    let resume = pb::ResumeAgentRequest { agent_id: "agent-0".into(), ..Default::default() };
    let agent = admin.agents().resume_agent(resume).await.unwrap().into_inner();
    assert_eq!((agent.error.as_str(), agent.retry_at), ("", None));
}
