//! Rows of open runs and their tasks as they were written last: the next report of a run need not read them.
//!
//! They are copies, and never the truth: whatever was written by others meanwhile is let go of.

use std::collections::HashMap;

use crate::store::{RunRecord, TaskRecord, Touched};

/// Rows held at most; what is beyond is read again.
const MOST: usize = 1024;

/// The copies, by the key of their task.
#[derive(Default)]
pub(super) struct HeldRows(HashMap<i64, (TaskRecord, RunRecord)>);

impl HeldRows {
    /// Keeps the rows of an open run for its next report. `touched`: what was written up to now, by the holder too.
    pub(super) fn keep(&mut self, touched: Touched, task: TaskRecord, run: RunRecord) {
        self.let_go(touched);
        if self.0.len() < MOST {
            self.0.insert(task.key, (task, run));
        }
    }

    /// Takes the rows out that were held, if nobody wrote them since.
    pub(super) fn take(&mut self, touched: Touched, key: i64, number: u32) -> Option<(TaskRecord, RunRecord)> {
        self.let_go(touched);
        self.0.remove(&key).filter(|(_, run)| run.run.id.number == number)
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn let_go(&mut self, touched: Touched) {
        if touched.any {
            self.0.clear();
        }
        for key in touched.keys {
            self.0.remove(&key);
        }
    }
}
