//! The person of the week: what tasks wait for in the end, and doing it.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::output::FailureClass;
use aq_core::task::{BlockedReason, Task, TaskStatus, UNTIL_ANSWERED};
use aq_server::clock::Clock as _;
use aq_server::commands::check::check;
use aq_server::commands::{self, CommandError};

use super::play::Week;
use super::trace::Work;

impl Week {
    /// Every task that is not done, with the person's act that it waits for, or the task that it waits for.
    ///
    /// # Panics
    /// When one of them waits for nothing that has a name.
    pub(super) async fn wait_for_people(&self) -> BTreeMap<usize, String> {
        let mut found = BTreeMap::new();
        for (number, id) in self.ids.iter().enumerate() {
            let task = self.server().get(id).await;
            if task.status != TaskStatus::Completed {
                let act = human_act(&task).unwrap_or_else(|| panic!("task {number} waits for nobody: {task:?}"));
                found.insert(number, act);
            }
        }
        for (number, _) in found.iter().filter(|(_, act)| act.is_empty()) {
            let behind: BTreeSet<_> = self.work[*number].after.iter().filter(|other| found.contains_key(other)).collect();
            assert!(!behind.is_empty(), "task {number} waits for tasks that are all done");
        }
        let now = self.server().clock.now();
        let findings = self.server().engine.submit(move |tx| Ok::<_, CommandError>(check(tx.db, tx.state, now)?)).await.unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        found
    }

    /// The person does what was waited for, and what failed before fails no more.
    pub(super) async fn help(&mut self, waiting: &BTreeMap<usize, String>) {
        for number in waiting.iter().filter(|(_, act)| !act.is_empty()).map(|(number, _)| *number) {
            self.work[number].fails.clear();
            let id = self.ids[number].clone();
            if self.server().get(&id).await.status == TaskStatus::Paused {
                self.answer(number).await;
            } else {
                self.server().command(move |tx, context| commands::control::restart(tx, context, &id, "").map(|_| ())).await.unwrap();
            }
        }
        self.settle().await;
    }
}

/// What a person has to do; empty for a task that waits for others; `None` when nothing is named.
fn human_act(task: &Task) -> Option<String> {
    match task.status {
        TaskStatus::Blocked => task.blocked_reason.filter(|reason| *reason != BlockedReason::Budget).map(|reason| format!("{reason}")),
        TaskStatus::Paused if task.resume_after == Some(UNTIL_ANSWERED) => Some("answer".into()),
        TaskStatus::Defined => Some(String::new()),
        _ => None,
    }
}

/// True for a task that no policy brings to its end without a person.
pub(super) fn needs_help(work: &Work) -> bool {
    work.fails.len() >= 3
        || work.fails.iter().any(|(_, class)| *class == FailureClass::InvalidRequest)
        || work.asks.is_some_and(|asks| asks.answered_after.is_none())
}
