//! Kills shims and leaders of this home at random instants: who there is, who is taken, who is spared. What a kill explains is told in `strikes`.
//!
//! Nobody is killed by its number alone: a handle is opened, and what it holds is proven by its start time.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aq_runner::process::{ProcessIdentity, boot_id, is_alive, open_proven, read_stat};
use aq_runner::shim::RunFolder;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng as _};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::time::{Instant, sleep, sleep_until};

use super::strikes::{Part, Strike};

/// Most strikes in one life of the server.
const STRIKES: usize = 4;

/// How long after the start of the server the last of them may fall, in milliseconds: about twice as long as most servers live.
const LATEST: u64 = 800;

/// How long a shim that is only just starting is waited for; it takes a few milliseconds until it has started its agent.
const LURKING: Duration = Duration::from_millis(200);

/// How often a task is struck at most. Its waits double with each failure, and a check waits for the last of them.
const MOST: usize = 4;

/// The word behind the program's name that makes it a shim.
const SHIM: &[u8] = b"__shim";

/// Somebody who can be struck.
#[derive(Clone, Debug)]
struct Prey {
    /// The run's folder.
    folder: PathBuf,
    task: String,
    run: u32,
    part: Part,
    who: ProcessIdentity,
}

/// Strikes the runs of one home.
pub(crate) struct Hunter {
    parts: Vec<Part>,
    runs: PathBuf,
    rng: StdRng,
    struck: BTreeMap<String, usize>,
}

impl Hunter {
    /// Strikes these parts of the runs of `home`; the choices come from the seed and are none of those that make the tasks.
    pub(crate) fn new(home: &Path, parts: &[Part], seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed.wrapping_add(1));
        Self { parts: parts.to_vec(), runs: home.join("runs"), rng, struck: BTreeMap::new() }
    }

    /// Strikes now and then while a server lives, and shortly after; at most `most` processes. Returns who was killed.
    pub(crate) async fn hunt(&mut self, most: usize) -> Vec<Strike> {
        let born = Instant::now();
        let count = if self.parts.is_empty() { 0 } else { self.rng.random_range(0..=STRIKES) };
        let mut instants: Vec<u64> = (0..count).map(|_| self.rng.random_range(0..=LATEST)).collect();
        instants.sort_unstable();
        let mut killed = Vec::new();
        for instant in instants {
            sleep_until(born + Duration::from_millis(instant)).await;
            let left = most - killed.len();
            let lurks = self.parts.contains(&Part::Shim) && self.rng.random_range(0..4) == 0;
            let struck = if lurks { self.lurk(left).await } else { self.strike(left) };
            killed.extend(struck);
        }
        killed
    }

    /// Kills a part of a run, or both of them, when there is somebody.
    fn strike(&mut self, most: usize) -> Vec<Strike> {
        let Some(part) = self.parts.get(self.rng.random_range(0..self.parts.len())).copied() else { return Vec::new() };
        self.strike_at(part, most)
    }

    /// Kills this part of a run, or both of them, when there is somebody.
    pub(crate) fn strike_at(&mut self, part: Part, most: usize) -> Vec<Strike> {
        let both = self.rng.random_range(0..4) == 0;
        let mut prey = self.prey();
        prey.retain(|prey| prey.part == part);
        if prey.is_empty() {
            return Vec::new();
        }
        let taken = prey.swap_remove(self.rng.random_range(0..prey.len()));
        self.take(&taken, both, most)
    }

    /// Waits for a shim that has not told yet whom it has started, and kills it.
    async fn lurk(&mut self, most: usize) -> Vec<Strike> {
        let since = Instant::now();
        while since.elapsed() < LURKING {
            let newborn = |prey: &Prey| prey.part == Part::Shim && !prey.folder.join("run.json").exists();
            if let Some(taken) = self.prey().into_iter().find(newborn) {
                return self.take(&taken, false, most);
            }
            sleep(Duration::from_millis(1)).await;
        }
        Vec::new()
    }

    /// Kills these, or both parts of their run.
    fn take(&mut self, taken: &Prey, both: bool, most: usize) -> Vec<Strike> {
        let other = self.prey().into_iter().filter(|other| both && other.folder == taken.folder && other.part != taken.part);
        let killed: Vec<Strike> = std::iter::once(taken.clone()).chain(other).take(most).filter_map(kill).collect();
        *self.struck.entry(taken.task.clone()).or_default() += usize::from(!killed.is_empty());
        killed
    }

    /// Everybody who may be struck now, in the order of their runs.
    fn prey(&self) -> Vec<Prey> {
        // Before the first run there is no folder, and nobody to be struck.
        let Ok(runs) = self.runs.canonicalize() else { return Vec::new() };
        let mut found = Vec::new();
        if self.parts.contains(&Part::Shim) {
            found.extend(names("/proc".as_ref()).filter_map(|pid| shim(&runs, pid.to_str()?.parse().ok()?)));
        }
        if self.parts.contains(&Part::Agent) {
            found.extend(names(&runs).filter_map(|name| leader(runs.join(name))));
        }
        found.retain(|prey| self.struck.get(&prey.task).is_none_or(|times| *times < MOST));
        found.sort_unstable_by(|one, other| one.folder.cmp(&other.folder));
        found
    }
}

/// The process when it is the shim of a run in `runs`, one that is only just starting included.
fn shim(runs: &Path, pid: i32) -> Option<Prey> {
    let who = read_stat(pid)?.identity();
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = command.split(|byte| *byte == 0);
    let folder = Path::new(OsStr::from_bytes(words.nth(1).filter(|word| *word == SHIM).and_then(|_| words.next())?)).to_owned();
    if folder.parent()?.canonicalize().ok()? != runs {
        return None;
    }
    prey(runs.join(folder.file_name()?), Part::Shim, who)
}

/// The leader that the shim of this folder has started.
fn leader(folder: PathBuf) -> Option<Prey> {
    let run = RunFolder::new(&folder).read_run().ok()?;
    if run.boot_id != boot_id().ok()? || !is_alive(run.agent) {
        return None;
    }
    prey(folder, Part::Agent, run.agent)
}

/// Folders are called `<task>.<run>`, those of later starts and of checks with one more part behind.
fn prey(folder: PathBuf, part: Part, who: ProcessIdentity) -> Option<Prey> {
    let mut parts = folder.file_name()?.to_str()?.split('.');
    let (task, run) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
    Some(Prey { folder, task, run, part, who })
}

/// Kills the very process that was seen; `None` when it has ended by itself.
fn kill(prey: Prey) -> Option<Strike> {
    pidfd_send_signal(open_proven(prey.who)?, Signal::KILL).ok()?;
    Some(Strike { task: prey.task, run: prey.run, part: prey.part })
}

fn names(folder: &Path) -> impl Iterator<Item = std::ffi::OsString> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name())
}
