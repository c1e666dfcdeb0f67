//! Cards that wait to be posted: one after the other in each project, so that what people have to read need not wait behind them; first those
//! of tasks that have something to tell. Pure.

use std::collections::{BTreeSet, VecDeque};

use aq_proto::v1 as pb;

use super::cards::Shown;

/// A run that started and has no card yet.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The event of its start.
    pub(crate) event: pb::Event,
    /// The card may have been posted before.
    pub(crate) again: bool,
    told: Vec<Shown>,
}

/// The openings of one project, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    waiting: VecDeque<Opening>,
    /// Somebody posts them one after the other.
    working: bool,
    /// The task whose card is being posted, and who waits for it.
    current: Option<(String, Vec<Shown>)>,
    /// Tasks with something to tell.
    hurried: BTreeSet<String>,
}

impl Openings {
    /// A run started. True when somebody has to begin posting.
    pub(crate) fn want(&mut self, event: pb::Event, again: bool, told: Shown) -> bool {
        self.waiting.push_back(Opening { event, again, told: vec![told] });
        !std::mem::replace(&mut self.working, true)
    }

    /// A task has something to tell, below its cards: they are next. `told` is dropped at once when none of them waits.
    pub(crate) fn hurry(&mut self, task: &str, told: Shown) {
        if let Some(last) = self.waiting.iter_mut().rfind(|opening| opening.event.task_id == task) {
            last.told.push(told);
            self.hurried.insert(task.to_owned());
        } else if let Some((_, waiting)) = self.current.as_mut().filter(|(current, _)| current == task) {
            waiting.push(told);
        }
    }

    /// The opening to do next. `None`: there is none, and whoever did them is done.
    pub(crate) fn next(&mut self) -> Option<(pb::Event, bool)> {
        let hurried = self.waiting.iter().position(|opening| self.hurried.contains(&opening.event.task_id));
        let next = self.waiting.remove(hurried.unwrap_or(0));
        self.working = next.is_some();
        let next = next?;
        let task = next.event.task_id.clone();
        if self.waiting.iter().all(|opening| opening.event.task_id != task) {
            self.hurried.remove(&task);
        }
        self.current = Some((task, next.told));
        Some((next.event, next.again))
    }

    /// The card is there, or came to nothing; returns who waits for it.
    pub(crate) fn over(&mut self) -> Vec<Shown> {
        self.current.take().map(|(_, told)| told).unwrap_or_default()
    }

    /// True when nothing waits and nobody posts.
    pub(crate) fn is_idle(&self) -> bool {
        !self.working && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    fn want(openings: &mut Openings, task: &str, seq: u64) -> (bool, oneshot::Receiver<Result<(), tonic::Status>>) {
        let (told, shown) = oneshot::channel();
        let event = pb::Event { seq, task_id: task.to_owned(), ..Default::default() };
        (openings.want(event, false, told), shown)
    }

    /// Runs R11: cards come in the order of their starts; those of a task with something to tell come first, all of them, and whoever waits is told
    /// when the last one is there.
    #[test]
    fn whoever_has_something_to_tell_is_next() {
        let mut openings = Openings::default();
        let (begin, _first) = want(&mut openings, "a", 1);
        assert!(begin);
        for (task, seq) in [("b", 2), ("c", 3), ("d", 4), ("c", 5)] {
            assert!(!want(&mut openings, task, seq).0);
        }
        assert_eq!(openings.next().map(|(event, _)| event.seq), Some(1));
        let hurry = |openings: &mut Openings, task: &str| {
            let (told, shown) = oneshot::channel();
            openings.hurry(task, told);
            shown
        };
        let (mut current, mut waiting, mut none) = (hurry(&mut openings, "a"), hurry(&mut openings, "c"), hurry(&mut openings, "x"));
        assert_eq!(none.try_recv().unwrap_err(), TryRecvError::Closed);
        let mut order = Vec::new();
        let over = |openings: &mut Openings| openings.over().into_iter().for_each(|told| drop(told.send(Ok(()))));
        over(&mut openings);
        assert!(current.try_recv().is_ok() && waiting.try_recv().unwrap_err() == TryRecvError::Empty);
        while let Some((event, _)) = openings.next() {
            order.push(event.seq);
            assert_eq!(waiting.try_recv().is_ok(), order == [3, 5, 2]);
            over(&mut openings);
        }
        assert_eq!(order, [3, 5, 2, 4]);
        assert!(openings.is_idle() && want(&mut openings, "e", 6).0);
    }
}
