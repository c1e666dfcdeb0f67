//! What the server needs while it lives: memory, descriptors, threads, the log of its database; and whether that grows.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;
use tokio::time::Instant;

use super::figures::Figures;

/// A server that was just started is not what it will be.
const YOUNG: Duration = Duration::from_secs(60);

/// The shortest soak of which growth is judged.
const JUDGED: Duration = Duration::from_secs(20 * 60);

/// How much more memory the last quarter of a soak may need than the second one, in KiB.
const MEMORY: u64 = 8 << 10;

/// What the connection that writes and the three that read keep of the database in memory at most, in KiB: the `cache_size` of the store's connections.
const CACHES: [u64; 4] = [16 << 10, 4 << 10, 4 << 10, 4 << 10];

/// How many more descriptors and threads.
const HANDLES: u64 = 8;

/// How large the log of the database may ever be, in KiB.
const LOG: u64 = 64 << 10;

/// One look at a living server.
#[derive(Clone, Copy, Debug)]
struct Look {
    since: Duration,
    memory_kib: u64,
    database_kib: u64,
    descriptors: u64,
    threads: u64,
}

/// Looks at the servers of a soak.
pub(crate) struct Watch {
    begun: Instant,
    born: Instant,
    time: Duration,
    looks: Vec<Look>,
    log_kib: u64,
    /// The most descriptors at one look, by what they are.
    most: Vec<String>,
}

/// What the servers of a soak needed: medians of its second and of its last quarter, and the largest log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    memory_kib: [u64; 2],
    database_kib: [u64; 2],
    descriptors: [u64; 2],
    threads: [u64; 2],
    log_kib: u64,
    looks: usize,
}

impl Watch {
    /// For a soak of this time that begins now.
    pub(crate) fn begin(time: Duration) -> Self {
        let now = Instant::now();
        Self { begun: now, born: now, time, looks: Vec::new(), log_kib: 0, most: Vec::new() }
    }

    /// Another server was started.
    pub(crate) fn new_life(&mut self) {
        self.born = Instant::now();
    }

    /// Looks at the server, when it is no longer young.
    pub(crate) fn look(&mut self, pid: Option<Pid>, home: &Path) {
        let size = |name: &str| std::fs::metadata(home.join("db").join(name)).map_or(0, |file| file.len().div_ceil(1024));
        self.log_kib = self.log_kib.max(size("agent-queue.db-wal"));
        // A soak that is too short to be judged tells of young servers too.
        if self.born.elapsed() < YOUNG.min(self.time / 8) {
            return;
        }
        let Some(pid) = pid.map(Pid::as_raw_pid) else { return };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        };
        let open = descriptors(pid);
        // The server keeps files of output open that were read or written lately, up to a bound of its own; what is open beside them may not grow.
        let beside = open.iter().filter(|target| !target.starts_with("output")).count();
        if open.len() > self.most.len() {
            self.most = open;
        }
        // Of the resident memory only what is not a part of a file is the server's own.
        if let (Some(memory_kib), Some(threads)) = (number("RssAnon"), number("Threads")) {
            let descriptors = u64::try_from(beside).unwrap_or(u64::MAX);
            let database_kib = size("agent-queue.db");
            self.looks.push(Look { since: self.begun.elapsed(), memory_kib, database_kib, descriptors, threads });
        }
    }

    /// The medians of a figure in the second and in the last quarter. Troubles make it leap for a moment, and the first quarter is for growing up.
    fn quarters(&self, figure: impl Fn(&Look) -> u64) -> [u64; 2] {
        [2, 4].map(|quarter| {
            let (from, to) = (self.time * (quarter - 1) / 4, self.time * quarter / 4);
            let mut values: Vec<u64> = self.looks.iter().filter(|look| from <= look.since && look.since < to).map(&figure).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied().unwrap_or_default()
        })
    }

    /// What was needed.
    pub(crate) fn needs(&self) -> Needs {
        Needs {
            memory_kib: self.quarters(|look| look.memory_kib),
            database_kib: self.quarters(|look| look.database_kib),
            descriptors: self.quarters(|look| look.descriptors),
            threads: self.quarters(|look| look.threads),
            log_kib: self.log_kib,
            looks: self.looks.len(),
        }
    }

    /// The descriptors of the look that saw the most, by kind.
    fn kinds(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for target in &self.most {
            *kinds.entry(target.clone()).or_default() += 1;
        }
        kinds
    }

    /// Notes what grew or was too large.
    pub(crate) fn judge(&self, figures: &mut Figures) {
        figures.descriptors = self.kinds();
        let needs = self.needs();
        if needs.log_kib > LOG {
            figures.violation(format!("the log of the database grew to {} KiB", needs.log_kib));
        }
        if self.time < JUDGED {
            return;
        }
        if needs.memory_kib.contains(&0) {
            figures.violation("the server was not seen in the second or in the last quarter of the soak".to_owned());
        }
        let mut grown = |name: &str, [before, after]: [u64; 2], most: u64| {
            if after > before.saturating_add(most) {
                figures.violation(format!("{name} grew from {before} to {after}"));
            }
        };
        grown("memory in KiB", needs.memory_kib, MEMORY + filled(needs.database_kib));
        grown("descriptors", needs.descriptors, HANDLES);
        grown("threads", needs.threads, HANDLES);
    }
}

/// How much more of a database that grew from one size to another its connections may keep in memory. Each of them keeps a small one whole.
fn filled([before, after]: [u64; 2]) -> u64 {
    let kept = |size: u64| CACHES.iter().map(|most| size.min(*most)).sum::<u64>();
    kept(after).saturating_sub(kept(before))
}

/// What each open descriptor of a process leads to: the first folders of a path, or the kind of what has none.
fn descriptors(pid: i32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let kind = |target: PathBuf| match target.to_string_lossy().rsplit_once("/home/") {
        Some((_, place)) => place.split('/').take(2).collect::<Vec<_>>().join("/"),
        None => target.to_string_lossy().split('[').next().unwrap_or_default().to_owned(),
    };
    targets.map(kind).collect()
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [memory, later] = self.memory_kib.map(|kib| kib.div_ceil(1024));
        let [database, grown] = self.database_kib.map(|kib| kib.div_ceil(1024));
        let ([descriptors, then], [threads, at_last]) = (self.descriptors, self.threads);
        write!(f, "memory {memory} then {later} MiB with a database of {database} then {grown} MiB")?;
        write!(f, ", descriptors {descriptors} then {then}, threads {threads} then {at_last}")?;
        write!(f, ", the database's log at most {} MiB, {} looks", self.log_kib.div_ceil(1024), self.looks)
    }
}
