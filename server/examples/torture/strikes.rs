//! Strikes: what was killed beside the server, and what such a kill explains. Who is struck, and when, is chosen in `hunter`.

use std::collections::BTreeMap;

use aq_proto::v1 as pb;
use clap::ValueEnum;

/// A part of a run that can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Part {
    /// The shims of agents and of test commands: their run, or their check, is lost.
    #[value(name = "shims")]
    Shim,
    /// The first processes of agents and of test commands: their run, or their check, fails.
    #[value(name = "agents")]
    Agent,
}

impl Part {
    /// True when a run may fail in this way because this part of it was killed.
    const fn explains(self, class: pb::FailureClass) -> bool {
        match self {
            // A check whose shim is gone is started again once; then it is an error.
            Self::Shim => matches!(class, pb::FailureClass::Lost | pb::FailureClass::Internal),
            Self::Agent => matches!(class, pb::FailureClass::Incomplete | pb::FailureClass::Verification),
        }
    }
}

/// One kill.
#[derive(Clone, Debug)]
pub(crate) struct Strike {
    /// The task's id.
    pub(crate) task: String,
    /// The number of its run.
    pub(crate) run: u32,
    /// What was killed.
    pub(crate) part: Part,
}

/// Every kill beside those of the server.
#[derive(Debug, Default)]
pub(crate) struct Strikes {
    by_task: BTreeMap<String, Vec<(u32, Part)>>,
}

impl Strikes {
    /// Notes a kill.
    pub(crate) fn note(&mut self, strike: Strike) {
        self.by_task.entry(strike.task).or_default().push((strike.run, strike.part));
    }

    /// True when a run of the task was struck.
    pub(crate) fn hit(&self, task: &str) -> bool {
        self.by_task.contains_key(task)
    }

    /// True when a strike on the run explains that it failed in this way.
    pub(crate) fn explain(&self, run: &pb::Run) -> bool {
        let strikes = self.by_task.get(&run.task_id).into_iter().flatten();
        strikes.filter(|(number, _)| *number == run.number).any(|(_, part)| part.explains(run.failure_class()))
    }
}
