//! An agent that a task prefers gets it when that costs nobody anything; nothing is ever waited for (schedule R17).
//!
//! What starts, and how much of it, is decided before (`decide`); this only says by whom.

use std::collections::BTreeMap;

use super::decide::Assignment;
use super::snapshot::Snapshot;
use crate::ids::{AgentId, TaskId};
use crate::runtime::RuntimeKind;

/// What a task says of its agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The agent it prefers.
    pub agent: AgentId,
    /// The runtime it needs; `None`: any.
    pub runtime: Option<RuntimeKind>,
    /// True when that agent has the session that the task goes on with: elsewhere it would have to be read anew.
    pub session: bool,
}

/// Gives tasks to the agents they prefer, as far as those are idle: one that has nothing takes the task over; one that has another task
/// changes with its agent when both are of one runtime and the other task does not prefer it too. The same tasks start either way.
pub fn prefer(assignments: &mut [Assignment], snapshot: &Snapshot, wishes: &BTreeMap<TaskId, Wish>) {
    // An account that is watched closely (a probe, little room left) keeps exactly the starts that were decided for it.
    let tight = |account: usize| snapshot.accounts.get(account).is_some_and(|room| room.probe || room.room.is_some());
    // The one start that a probe allows is worth most where a session goes on.
    let probes = |account: usize| snapshot.accounts.get(account).is_some_and(|room| room.probe && room.room.is_none());
    let open = snapshot.agents.iter().filter(|agent| agent.closed.is_none());
    let places: BTreeMap<&AgentId, (RuntimeKind, Option<usize>)> = open.map(|agent| (&agent.id, (agent.runtime, agent.account))).collect();
    for index in 0..assignments.len() {
        let Some(given) = assignments.get(index) else { continue };
        let Some(wish) = wishes.get(&given.task).filter(|wish| wish.agent != given.agent) else { continue };
        let (Some(wanted), Some(present)) = (places.get(&wish.agent).copied(), places.get(&given.agent).copied()) else { continue };
        let of = |given: &Assignment| places.get(&given.agent).and_then(|place| place.1);
        let unused = wanted.1.is_some_and(|account| probes(account) && !assignments.iter().any(|given| of(given) == Some(account)));
        let barred = wanted.1.is_some_and(tight) && !(wish.session && unused);
        let moved = wanted.1 != present.1 && (barred || present.1.is_some_and(tight));
        if moved || wish.runtime.is_some_and(|needed| needed != wanted.0) {
            continue;
        }
        let present_agent = given.agent.clone();
        if let Some(other) = assignments.iter_mut().find(|other| other.agent == wish.agent) {
            let content = wishes.get(&other.task).is_some_and(|own| own.agent == wish.agent);
            if content || wanted.0 != present.0 {
                continue;
            }
            other.agent = present_agent;
        }
        if let Some(given) = assignments.get_mut(index) {
            given.agent = wish.agent.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::{AccountRoom, IdleAgent};
    use super::*;
    use crate::ids::ProjectId;
    use crate::limits::{Closed, GateReason};

    fn idle(id: &str, runtime: RuntimeKind) -> IdleAgent {
        IdleAgent::new(AgentId::parse(id).unwrap(), runtime)
    }

    fn given(task: &str, agent: &str) -> Assignment {
        Assignment {
            agent: AgentId::parse(agent).unwrap(),
            task: TaskId::parse(task).unwrap(),
            project: ProjectId::parse("p").unwrap(),
            cost: 1,
            start_tag: 0.0,
            finish_tag: 1.0,
        }
    }

    fn wishes(list: &[(&str, &str, Option<RuntimeKind>)]) -> BTreeMap<TaskId, Wish> {
        let wish = |(task, agent, runtime): &(&str, &str, Option<RuntimeKind>)| {
            (TaskId::parse(task).unwrap(), Wish { agent: AgentId::parse(agent).unwrap(), runtime: *runtime, session: false })
        };
        list.iter().map(wish).collect()
    }

    fn agents_of(assignments: &[Assignment]) -> Vec<&str> {
        assignments.iter().map(|given| given.agent.as_str()).collect()
    }

    /// Schedule R17: an idle agent that has nothing takes its task over; one of another runtime only where the task allows it.
    #[test]
    fn a_preferred_agent_without_work_takes_over() {
        let agents = [idle("one", RuntimeKind::Claude), idle("two", RuntimeKind::Claude), idle("cmd", RuntimeKind::Command)];
        let agents = Snapshot { agents: agents.to_vec(), ..Snapshot::default() };
        let mut start = [given("a-a", "one")];
        prefer(&mut start, &agents, &wishes(&[("a-a", "two", None)]));
        assert_eq!(agents_of(&start), ["two"]);
        prefer(&mut start, &agents, &wishes(&[("a-a", "cmd", Some(RuntimeKind::Claude))]));
        assert_eq!(agents_of(&start), ["two"]);
        prefer(&mut start, &agents, &wishes(&[("a-a", "cmd", None)]));
        assert_eq!(agents_of(&start), ["cmd"]);
    }

    /// Schedule R17: a task goes on where its session is, on the probe of an account that was refused too; a second one does not, since a probe is one start.
    #[test]
    fn a_session_goes_on_where_it_is() {
        let mut agents: Vec<_> = ["p", "q"].map(|id| IdleAgent { account: Some(0), ..idle(id, RuntimeKind::Claude) }).into();
        agents.extend([idle("one", RuntimeKind::Codex), idle("two", RuntimeKind::Codex)]);
        let accounts = vec![AccountRoom { probe: true, ..AccountRoom::default() }];
        let snapshot = Snapshot { agents, accounts, ..Snapshot::default() };
        let sessions = |of: &[(&str, &str)]| {
            let wish = |(task, agent): &(&str, &str)| {
                (TaskId::parse(task).unwrap(), Wish { agent: AgentId::parse(agent).unwrap(), runtime: None, session: true })
            };
            of.iter().map(wish).collect::<BTreeMap<_, _>>()
        };
        let mut start = [given("a-a", "one"), given("b-b", "two")];
        prefer(&mut start, &snapshot, &sessions(&[("a-a", "p"), ("b-b", "q")]));
        assert_eq!(agents_of(&start), ["p", "two"]);
        for probe in [false, true] {
            let accounts = vec![AccountRoom { probe, room: Some(9), ..AccountRoom::default() }];
            let mut start = [given("a-a", "one")];
            prefer(&mut start, &Snapshot { accounts, ..snapshot.clone() }, &sessions(&[("a-a", "p")]));
            assert_eq!(agents_of(&start), ["one"], "an account with little room left keeps its starts");
        }
    }

    /// Schedule R17: agents of one runtime change places, unless the other task is where it wants to be; who is busy or closed is not waited for.
    #[test]
    fn nothing_is_waited_for_and_nobody_is_driven_away() {
        let closed = IdleAgent { closed: Some(Closed { reason: GateReason::Full, until: None }), ..idle("shut", RuntimeKind::Claude) };
        let full = IdleAgent { account: Some(0), ..idle("full", RuntimeKind::Claude) };
        let agents = [idle("one", RuntimeKind::Claude), idle("two", RuntimeKind::Claude), idle("cmd", RuntimeKind::Command), closed, full];
        let agents = Snapshot {
            agents: agents.to_vec(),
            accounts: vec![AccountRoom { probe: true, ..AccountRoom::default() }],
            ..Snapshot::default()
        };
        let mut start = [given("a-a", "one"), given("b-b", "two"), given("c-c", "cmd")];
        prefer(&mut start, &agents, &wishes(&[("a-a", "two", None)]));
        assert_eq!(agents_of(&start), ["two", "one", "cmd"], "they change places");
        prefer(&mut start, &agents, &wishes(&[("a-a", "two", None), ("b-b", "two", None)]));
        assert_eq!(agents_of(&start), ["two", "one", "cmd"], "the first has it");
        for nobody in ["shut", "full", "busy", "cmd"] {
            prefer(&mut start, &agents, &wishes(&[("a-a", nobody, Some(RuntimeKind::Claude))]));
            assert_eq!(agents_of(&start), ["two", "one", "cmd"], "{nobody}");
        }
        prefer(&mut start, &agents, &wishes(&[("b-b", "cmd", None)]));
        assert_eq!(agents_of(&start), ["two", "one", "cmd"], "another runtime that has work of its own keeps it");
    }
}
