//! A queue between threads, whose askers take turns: everybody puts things in, a few threads take them out.
//!
//! Whose turn it is, is the business of `turns`; what becomes of a thing, of `reader` and `writer`.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::turns::{Asker, Turns};

struct Inside<T> {
    turns: Turns<T>,
    /// Nothing more is put in.
    closed: bool,
    /// How many threads wait for something.
    idle: usize,
}

/// The queue.
pub(super) struct Queue<T> {
    inside: Mutex<Inside<T>>,
    ready: Condvar,
}

impl<T> Queue<T> {
    /// A queue from which `places` threads take.
    pub(super) fn new(places: usize) -> Arc<Self> {
        let inside = Inside { turns: Turns::new(places), closed: false, idle: 0 };
        Arc::new(Self { inside: Mutex::new(inside), ready: Condvar::new() })
    }

    fn inside(&self) -> MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in; what comes after the end is let go of.
    fn push(&self, asker: &Asker, thing: T) {
        let mut inside = self.inside();
        if inside.closed {
            drop(inside);
            drop(thing);
            return;
        }
        inside.turns.push(asker, thing);
        let idle = inside.idle > 0;
        drop(inside);
        if idle {
            self.ready.notify_one();
        }
    }

    /// How much is in.
    pub(super) fn waiting(&self) -> usize {
        self.inside().turns.waiting()
    }

    /// Takes what is next, if there is anything. `over`: whose thing this thread has done before.
    pub(super) fn next(&self, over: Option<Asker>) -> Option<(Asker, T)> {
        let mut inside = self.inside();
        self.take(&mut inside, over)
    }

    /// Takes what is next, and waits for it; `None`: nothing is left, and nothing more comes. `over`: as for [`Queue::next`].
    pub(super) fn wait(&self, mut over: Option<Asker>) -> Option<(Asker, T)> {
        let mut inside = self.inside();
        loop {
            if let Some(taken) = self.take(&mut inside, over.take()) {
                return Some(taken);
            }
            if inside.closed {
                return None;
            }
            inside.idle += 1;
            inside = self.ready.wait(inside).unwrap_or_else(PoisonError::into_inner);
            inside.idle -= 1;
        }
    }

    fn take(&self, inside: &mut Inside<T>, over: Option<Asker>) -> Option<(Asker, T)> {
        if let Some(asker) = over {
            inside.turns.done(&asker);
        }
        let taken = inside.turns.take()?;
        // An end and a beginning may have made more than one ready.
        if inside.idle > 0 && inside.turns.is_ready() {
            self.ready.notify_one();
        }
        Some(taken)
    }

    /// Nothing more is put in; what is in is taken out.
    fn close(&self) {
        self.inside().closed = true;
        self.ready.notify_all();
    }
}

/// The way in. The queue ends when it is closed, or the last way in is dropped.
pub(super) struct Entrance<T>(Arc<Queue<T>>);

impl<T> Entrance<T> {
    /// The way into `queue`.
    pub(super) fn of(queue: &Arc<Queue<T>>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(queue)))
    }

    /// Puts something in; when the queue has ended it is dropped at once.
    pub(super) fn push(&self, asker: &Asker, thing: T) {
        self.0.push(asker, thing);
    }

    /// Ends the queue; what is in is taken out.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

impl<T> Drop for Entrance<T> {
    fn drop(&mut self) {
        self.close();
    }
}

/// The way out for a thread without which nobody takes anything: when it is dropped, what is in is let go of.
pub(super) struct OnlyExit<T>(pub(super) Arc<Queue<T>>);

impl<T> Drop for OnlyExit<T> {
    fn drop(&mut self) {
        self.0.close();
        // Whoever waits is told by the end of its thing; that is not done under the lock. The thread may have gone in the middle of one.
        let left = std::mem::replace(&mut self.0.inside().turns, Turns::new(1));
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Store R7: what is in is taken out, and the threads end, when the last way in has gone; not before.
    #[test]
    fn a_queue_ends_with_its_last_way_in() {
        let queue = Queue::new(2);
        let entrance = Entrance::of(&queue);
        let taking = thread::spawn(move || {
            let (mut taken, mut over) = (Vec::new(), None);
            while let Some((asker, number)) = queue.wait(over.take()) {
                taken.push(number);
                over = Some(asker);
            }
            taken
        });
        let other = Arc::clone(&entrance);
        entrance.push(&Asker::from("a"), 1);
        drop(entrance);
        other.push(&Asker::from("a"), 2);
        drop(other);
        assert_eq!(taking.join().unwrap(), [1, 2]);
    }

    /// Store R7, R8: when the only thread that takes has gone, what is in is let go of, and so is what comes.
    #[test]
    fn nothing_waits_for_a_thread_that_has_gone() {
        let queue = Queue::new(1);
        let (entrance, exit) = (Entrance::of(&queue), OnlyExit(queue));
        let (waiting, late) = (Arc::new(()), Arc::new(()));
        for asker in ["a", "a", "b"] {
            entrance.push(&Asker::from(asker), Arc::clone(&waiting));
        }
        assert!(exit.0.wait(None).is_some(), "one is being done");
        assert_eq!(Arc::strong_count(&waiting), 3);
        drop(exit);
        assert_eq!(Arc::strong_count(&waiting), 1);
        entrance.push(&Asker::from("b"), Arc::clone(&late));
        assert_eq!(Arc::strong_count(&late), 1);
    }
}
