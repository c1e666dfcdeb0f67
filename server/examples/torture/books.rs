//! What the loop asked for, what it was told and whom it struck: the truth that the server is held against.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use aq_proto::v1 as pb;
use rand::Rng;
use rand::rngs::StdRng;

use super::strikes::Strikes;
use super::work::Wanted;

/// A project of the loop.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// Its id.
    pub(crate) id: String,
    /// Its bare repository.
    pub(crate) repository: PathBuf,
}

/// A task whose creation was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// As asked for.
    pub(crate) wanted: Wanted,
    /// The id that was told.
    pub(crate) id: String,
    /// True once its output was read back.
    pub(crate) read: bool,
}

/// A call that creates tasks.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// One task.
    One(Box<pb::CreateTaskRequest>),
    /// Several at once.
    Several(pb::BatchCreateTasksRequest),
}

/// A creation that is on its way.
#[derive(Clone, Debug)]
pub(crate) struct Creation {
    /// The call, the same bytes every time.
    pub(crate) call: Call,
    /// The tasks it creates, in its order.
    pub(crate) wanted: Vec<Wanted>,
    /// How often it was sent.
    pub(crate) sent: usize,
}

/// How a task has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Done.
    Completed,
    /// Out of tries.
    Blocked,
    /// Waits for a task that cannot complete.
    Waits,
}

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// The projects.
    pub(crate) projects: Vec<Project>,
    /// Acknowledged tasks by key.
    pub(crate) known: BTreeMap<String, Known>,
    /// Creations without an answer yet.
    pub(crate) pending: VecDeque<Creation>,
    /// Acknowledged creations to be sent once more, with the ids that were told.
    pub(crate) repeats: Vec<(Creation, Vec<String>)>,
    /// Kills beside those of the server.
    pub(crate) strikes: Strikes,
    /// True when scripts may have to begin again, because runs are struck.
    pub(crate) again: bool,
    /// The longest nap of a script.
    pub(crate) nap: Duration,
    /// Keys of tasks that had to complete, were struck, and ended blocked. That their runs say so is looked at in `course`.
    broken: BTreeSet<String>,
    /// Keys of completed tasks whose files were taken away again.
    pub(crate) cleared: BTreeSet<String>,
    made: usize,
}

impl Books {
    /// Empty books. `again`: scripts may have to begin again; `nap`: their longest nap.
    pub(crate) fn new(again: bool, nap: Duration) -> Self {
        Self { again, nap, ..Self::default() }
    }

    /// Makes up a creation of one to four tasks of one project.
    pub(crate) fn make_up(&mut self, rng: &mut StdRng) -> Option<Creation> {
        let project = rng.random_range(0..self.projects.len().max(1));
        let project_id = self.projects.get(project)?.id.clone();
        let count = if rng.random_range(0..3) == 0 { rng.random_range(2..=4) } else { 1 };
        let mut wanted: Vec<Wanted> = Vec::with_capacity(count);
        let mut requests = Vec::with_capacity(count);
        for _ in 0..count {
            let mut keys = Vec::new();
            let mut ids = Vec::new();
            // Some wait for earlier tasks; few of them for tasks that may never complete.
            let candidates: Vec<(String, String)> = self
                .known
                .values()
                .rev()
                .filter(|known| known.wanted.project == project)
                .filter(|known| self.fate(&known.wanted.key) == Fate::Completed || rng.random_range(0..20) == 0)
                .take(6)
                .map(|known| (known.wanted.key.clone(), known.id.clone()))
                .collect();
            for (key, id) in candidates {
                if keys.len() < 2 && rng.random_range(0..5) == 0 {
                    keys.push(key);
                    ids.push(id);
                }
            }
            if let Some(before) = wanted.last().filter(|before| before.kind.completes() && rng.random_range(0..2) == 0) {
                keys.push(before.key.clone());
                ids.push(format!("#{}", before.key));
            }
            self.made += 1;
            let new = Wanted::new(self.made, project, keys, rng);
            requests.push(new.request(&project_id, ids, (self.again, self.nap), rng));
            wanted.push(new);
        }
        let request_id = format!("torture-{}-{:08x}", self.made, rng.random::<u32>());
        let call = if count == 1 {
            let mut request = requests.pop()?;
            request.request_id = request_id;
            Call::One(Box::new(request))
        } else {
            Call::Several(pb::BatchCreateTasksRequest { tasks: requests, request_id })
        };
        Some(Creation { call, wanted, sent: 0 })
    }

    /// Notes an acknowledged creation; the error is a promise that does not hold.
    pub(crate) fn acknowledged(&mut self, creation: &Creation, ids: &[String]) -> Result<(), String> {
        if ids.len() != creation.wanted.len() {
            return Err(format!("{} tasks were asked for and {} acknowledged", creation.wanted.len(), ids.len()));
        }
        for (wanted, id) in creation.wanted.iter().zip(ids) {
            if let Some(other) = self.known.values().find(|known| known.id == *id) {
                return Err(format!("the id {id} was told for {} and for {}", other.wanted.key, wanted.key));
            }
            self.known.insert(wanted.key.clone(), Known { wanted: wanted.clone(), id: id.clone(), read: false });
        }
        Ok(())
    }

    /// Notes that the task with this id is blocked: when it was struck, that is its fate.
    pub(crate) fn blocked(&mut self, id: &str) {
        if self.strikes.hit(id) {
            let keys = self.known.values().filter(|known| known.id == id && known.wanted.kind.completes());
            self.broken.extend(keys.map(|known| known.wanted.key.clone()));
        }
    }

    /// How many tasks had to complete and were blocked by strikes.
    pub(crate) fn broken(&self) -> usize {
        self.broken.len()
    }

    /// How a task has to end; follows from what it does, what it waits for, and whether strikes have blocked it.
    pub(crate) fn fate(&self, key: &str) -> Fate {
        self.fate_of(key, &mut BTreeMap::new())
    }

    /// The same, where the fates of others are known: tasks have many ways to the first ones, and each is walked once.
    fn fate_of<'a>(&'a self, key: &'a str, known_fates: &mut BTreeMap<&'a str, Fate>) -> Fate {
        if let Some(fate) = known_fates.get(key) {
            return *fate;
        }
        let Some(known) = self.known.get(key) else { return Fate::Waits };
        let fate = if known.wanted.after.iter().any(|key| self.fate_of(key, known_fates) != Fate::Completed) {
            Fate::Waits
        } else if known.wanted.kind.completes() && !self.broken.contains(key) {
            Fate::Completed
        } else {
            Fate::Blocked
        };
        known_fates.insert(key, fate);
        fate
    }

    /// The tasks that have to end as `fate`.
    pub(crate) fn with_fate(&self, fate: Fate) -> impl Iterator<Item = &Known> {
        let mut known_fates = BTreeMap::new();
        self.known.values().filter(move |known| self.fate_of(&known.wanted.key, &mut known_fates) == fate)
    }
}
