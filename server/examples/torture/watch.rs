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

/// How much of the database the servers keep in memory at most, in MiB.
pub(crate) const CACHE_MIB: u64 = 4;

/// What that takes, in KiB: a page of 4 KiB with what is noted of it is a piece of 5 KiB for the allocator.
const CACHES: u64 = CACHE_MIB * 1024 * 5 / 4;

/// How many more threads, and descriptors beside those of runs.
const HANDLES: u64 = 8;

/// Descriptors that a run needs while it is open: the connection to its shim, and the handle of its process.
const OF_A_RUN: u64 = 2;

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
    /// Agents at work, and so the most open runs.
    agents: u64,
    looks: Vec<Look>,
    log_kib: u64,
    /// The most descriptors at one look, by what they are.
    most: Vec<String>,
}

/// What the servers of a soak needed: medians of its second and of its last quarter, the memory in each eighth of its time, and the largest log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    memory_kib: [u64; 2],
    course_kib: [u64; 8],
    database_kib: [u64; 2],
    descriptors: [u64; 2],
    threads: [u64; 2],
    log_kib: u64,
    looks: usize,
}

impl Watch {
    /// For a soak of this time, with so many agents, that begins now.
    pub(crate) fn begin(time: Duration, agents: usize) -> Self {
        let (now, agents) = (Instant::now(), u64::try_from(agents).unwrap_or(u64::MAX));
        Self { begun: now, born: now, time, agents, looks: Vec::new(), log_kib: 0, most: Vec::new() }
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

    /// The median of a figure in a part of the soak's time, 0 where nothing was seen in it. Troubles make a figure leap for a moment.
    fn median(&self, part: u32, parts: u32, figure: impl Fn(&Look) -> u64) -> u64 {
        let (from, to) = (self.time * part / parts, self.time * (part + 1) / parts);
        let mut values: Vec<u64> = self.looks.iter().filter(|look| from <= look.since && look.since < to).map(figure).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    }

    /// The medians of a figure in the second and in the last quarter: the first one is for growing up.
    fn quarters(&self, figure: impl Fn(&Look) -> u64) -> [u64; 2] {
        [1, 3].map(|quarter| self.median(quarter, 4, &figure))
    }

    /// What was needed.
    pub(crate) fn needs(&self) -> Needs {
        Needs {
            memory_kib: self.quarters(|look| look.memory_kib),
            course_kib: std::array::from_fn(|part| self.median(u32::try_from(part).unwrap_or_default(), 8, |look| look.memory_kib)),
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
        grown("memory in KiB", needs.memory_kib, MEMORY + CACHES);
        // How many runs are open changes from one quarter to another; a descriptor lost with each run would be thousands.
        grown("descriptors", needs.descriptors, HANDLES.saturating_add(OF_A_RUN.saturating_mul(self.agents)));
        grown("threads", needs.threads, HANDLES);
    }
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
        write!(f, ", the database's log at most {} MiB, {} looks", self.log_kib.div_ceil(1024), self.looks)?;
        let course = self.course_kib.map(|kib| kib.div_ceil(1024).to_string()).join(" ");
        write!(f, "; memory by eighths of the time {course} MiB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A soak of so many minutes whose server needs this at each of them.
    fn soak(minutes: u64, memory_kib: impl Fn(u64) -> u64) -> Watch {
        let looks = (0..minutes).map(|minute| Look {
            since: Duration::from_secs(60 * minute),
            memory_kib: memory_kib(minute),
            database_kib: minute << 10,
            descriptors: 20 + minute,
            threads: 12,
        });
        Watch { looks: looks.collect(), ..Watch::begin(Duration::from_secs(60 * minutes), 6) }
    }

    fn violations(watch: &Watch) -> Vec<String> {
        let mut figures = Figures::default();
        watch.judge(&mut figures);
        figures.violations
    }

    /// R17: a server that keeps what it has is fine, leaps for a moment are none of its growth, and the first quarter is its own.
    #[test]
    fn what_does_not_grow_is_fine() {
        let leaps = |minute: u64| if minute < 10 || minute.is_multiple_of(5) { 90 << 10 } else { 50 << 10 };
        assert_eq!(violations(&soak(40, leaps)), Vec::<String>::new());
    }

    /// R17: 8 MiB more, and what the database's caches take, are fine and no more, however the database grows.
    #[test]
    fn memory_may_grow_by_its_allowance() {
        let grown = |by: u64| soak(40, move |minute| if minute < 30 { 50 << 10 } else { (50 << 10) + by });
        assert_eq!(violations(&grown(MEMORY + CACHES)), Vec::<String>::new());
        assert_eq!(violations(&grown(MEMORY + CACHES + 1)), ["memory in KiB grew from 51200 to 64513"]);
    }

    /// R17: a descriptor that each run left behind would be seen; that more runs are open is none.
    #[test]
    fn open_runs_are_no_growth() {
        let with = |agents| Watch { agents, ..soak(40, |_| 50 << 10) };
        assert_eq!(violations(&with(6)), Vec::<String>::new());
        assert_eq!(violations(&with(5)), ["descriptors grew from 35 to 55"]);
    }

    /// R17: a soak that saw no server where it had to look says so; a short one is not judged, and the log of the database always is.
    #[test]
    fn what_was_not_seen_is_no_proof() {
        let unseen = Watch { looks: Vec::new(), ..soak(40, |_| 1) };
        assert_eq!(violations(&unseen), ["the server was not seen in the second or in the last quarter of the soak"]);
        let short = Watch { log_kib: LOG + 1, ..soak(19, |minute| minute << 20) };
        assert_eq!(violations(&short), ["the log of the database grew to 65537 KiB"]);
    }
}
