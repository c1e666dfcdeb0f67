//! Cards that wait to be shown as they are now: each once, however often it changed. Pure.

use std::collections::VecDeque;

use tokio::sync::oneshot;
use tonic::Status;

/// Told when a card was shown, or why not.
pub(crate) type Shown = oneshot::Sender<Result<(), Status>>;

/// A card that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The task of its run.
    pub(crate) task: String,
    /// The number of its run.
    pub(crate) run: u32,
    /// Something happened to it; else only its last step changed.
    pub(crate) urgent: bool,
    /// Who wants to know that it was shown.
    pub(crate) told: Vec<Shown>,
}

/// The cards of one channel, the longest unchanged first.
#[derive(Debug, Default)]
pub(crate) struct Cards {
    waiting: VecDeque<Waiting>,
    /// Somebody shows them one after the other.
    working: bool,
    /// The newest one was shown last.
    newest: bool,
}

impl Cards {
    /// True when no card waits and nobody shows any.
    pub(crate) fn is_idle(&self) -> bool {
        !self.working && self.waiting.is_empty()
    }

    /// A card changed. True when somebody has to begin showing cards.
    pub(crate) fn want(&mut self, task: &str, run: u32, urgent: bool, told: Shown) -> bool {
        let known = self.waiting.iter().position(|card| card.task == task && card.run == run);
        let mut card = known.and_then(|at| self.waiting.remove(at)).unwrap_or_else(|| Waiting {
            task: task.to_owned(),
            run,
            urgent: false,
            told: Vec::new(),
        });
        card.urgent |= urgent;
        card.told.push(told);
        self.waiting.push_back(card);
        !std::mem::replace(&mut self.working, true)
    }

    /// The card to show next: what happened before mere steps, the newest and the oldest in turn, so that the newest is soon seen and none
    /// waits for ever. `None`: there is none, and whoever showed them is done.
    pub(crate) fn next(&mut self) -> Option<Waiting> {
        self.newest = !self.newest;
        let urgent = |card: &Waiting| card.urgent;
        let found = if self.newest { self.waiting.iter().rposition(urgent) } else { self.waiting.iter().position(urgent) };
        let next = self.waiting.remove(found.unwrap_or(0));
        self.working = next.is_some();
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(cards: &mut Cards, task: &str, urgent: bool) -> bool {
        cards.want(task, 1, urgent, oneshot::channel().0)
    }

    /// Runs R10: a card that changed often waits once; the newest and the oldest come in turn, mere steps behind them.
    #[test]
    fn cards_wait_once() {
        let mut cards = Cards::default();
        assert!(want(&mut cards, "a", true));
        for (task, urgent) in [("step", false), ("b", true), ("c", true), ("b", false), ("d", true), ("c", true)] {
            assert!(!want(&mut cards, task, urgent));
        }
        let order: Vec<(String, usize)> = std::iter::from_fn(|| cards.next()).map(|card| (card.task, card.told.len())).collect();
        let expected = [("c", 2), ("a", 1), ("d", 1), ("b", 2), ("step", 1)];
        assert_eq!(order, expected.map(|(task, told)| (task.to_owned(), told)));
        assert!(want(&mut cards, "e", true), "whoever showed cards is done, so that somebody has to begin again");
    }
}
