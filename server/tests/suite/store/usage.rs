//! What was spent, by task, project and agent: sums against values worked out by hand.

use aq_core::output::TokenUsage;
use aq_server::store::{ledger, usage};

use super::backend::on_both;
use super::samples::{agent_id, at, entry, project_id};

on_both! {
    /// F-029.
    fn sums_match(home) {
        let mut db = home.open();
        let mut list = vec![entry(1, 1, "a", 10, 100), entry(1, 1, "b", 20, 50), entry(1, 2, "a", 30, 500), entry(2, 1, "a", 30, 1)];
        list[0].tokens = TokenUsage { input: 100, output: 20, cache_read: 3, cache_write: 4 };
        list[0].cost_micros = Some(9);
        list[1].cost_micros = Some(2);
        list[2].agent = agent_id("vega");
        let mut other = entry(3, 1, "a", 40, 10_000);
        other.project = project_id("other");
        list.push(other);
        for entry in &list {
            assert!(ledger::insert(&mut db, entry).unwrap());
        }
        let (start, end) = (at(0), at(1_000));

        let task = usage::of_task(&mut db, 1, start, end, 10).unwrap();
        assert_eq!(task.lines.iter().map(|line| line.agent.clone().unwrap()).collect::<Vec<_>>(), [agent_id("vega"), agent_id("nova")]);
        assert_eq!(task.lines[1].tokens, TokenUsage { input: 150, output: 20, cache_read: 3, cache_write: 4 });
        assert_eq!((task.lines[1].cost_micros, task.lines[1].entries, task.lines[0].cost_micros), (11, 2, 0));
        assert_eq!((task.total.tokens.total(), task.total.entries, task.total.cost_micros), (677, 3, 11));

        let project = usage::of_project(&mut db, &project_id("app"), start, end, 2).unwrap();
        let lines: Vec<_> = project.lines.iter().map(|line| (line.task_key, line.agent.clone(), line.tokens.total())).collect();
        assert_eq!(lines, [(Some(1), Some(agent_id("vega")), 500), (Some(1), Some(agent_id("nova")), 177)]);
        assert_eq!((project.total.tokens.total(), project.total.entries), (678, 4), "also what the lines left out");

        let all = usage::by_project(&mut db, None, start, end, 10).unwrap();
        let lines: Vec<_> = all.lines.iter().map(|line| (line.project.clone().unwrap(), line.tokens.total())).collect();
        assert_eq!(lines, [(project_id("other"), 10_000), (project_id("app"), 678)]);
        assert_eq!(all.total.entries, 5);
        let scoped = usage::by_project(&mut db, Some(&[project_id("app")]), at(20), at(30), 10).unwrap();
        assert_eq!((scoped.lines.len(), scoped.total.tokens.total()), (1, 50), "from `since` on, before `until`");
        let none = usage::of_task(&mut db, 9, start, end, 10).unwrap();
        assert_eq!((none.lines.len(), none.total.entries), (0, 0));
        assert_eq!(ledger::project_total(&mut db, &project_id("app"), at(20)).unwrap(), 551);
    }
}
