//! Children whose calls to the file system are noted, fail or end them (`record.c`), whose database gets no memory (`memory.c`), and their notes.
//!
//! What a disk would hold after a power cut is made of the notes in `images`; what the children do lives with the tests that start them.

pub(super) mod images;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::fs::OFlags;

use super::kill::variable;

/// Seconds after which a child that hangs is ended, and its test fails.
const PATIENCE: u32 = 120;

/// What asks for memory on behalf of the database.
const ASKS_FOR_MEMORY: [&str; 2] = ["sqlite3MemMalloc", "sqlite3MemRealloc"];

/// `record.c` and `memory.c`, compiled.
pub(super) struct Recorder {
    folder: tempfile::TempDir,
    /// Where the functions that ask for memory are in this executable, as `memory.c` reads it.
    memory: OnceLock<String>,
}

impl Recorder {
    /// Compiles the library. The compiler that the database itself is built with is asked for; without it these tests fail.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/store/io").join(name);
        let compiled = Command::new("cc")
            .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread", "-o"])
            .arg(folder.path().join("record.so"))
            .args([source("record.c"), source("memory.c")])
            .output()
            .expect("the C compiler `cc` is needed: it builds the library that these tests put between a process and its files");
        assert!(compiled.status.success(), "record.c and memory.c do not compile:\n{}", String::from_utf8_lossy(&compiled.stderr));
        Self { folder, memory: OnceLock::new() }
    }

    /// Has a child's database asked about its memory.
    fn watch_memory(&self, child: &mut Command) {
        let found = self.memory.get_or_init(|| {
            let listed = Command::new("nm").args(["-S", "--defined-only"]).arg(std::env::current_exe().unwrap()).output();
            let listed = listed.expect("`nm` is needed, which comes with the C compiler: it tells where the database asks for memory");
            let symbols = String::from_utf8_lossy(&listed.stdout).into_owned();
            let place = |name: &&str| {
                let words = symbols.lines().map(|line| line.split(' ').collect::<Vec<_>>());
                let found = words.into_iter().find(|words| words.len() == 4 && words[3] == *name);
                let found = found.unwrap_or_else(|| panic!("the database has no function called {name} any more"));
                format!("{} {}", found[0], found[1])
            };
            ASKS_FOR_MEMORY.iter().map(place).collect::<Vec<_>>().join(" ")
        });
        child.env("AQ_IO_MEMORY", found);
    }

    /// A child of this test executable that runs one test, with the library between it and the files below `under`.
    pub(super) fn child(&self, test: &str, under: &Path) -> Command {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env("LD_PRELOAD", self.folder.path().join("record.so"))
            .env("AQ_IO_UNDER", under)
            .env("AQ_IO_LIMIT", PATIENCE.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        child
    }
}

/// What the library does to a child, and at which call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed {
    /// Which calls are counted: letters of `record.c`.
    pub(super) calls: &'static str,
    /// At the how manieth of them, from 1.
    pub(super) at: u64,
    /// `fail`, `short`, `spoil` or `exit`.
    pub(super) does: &'static str,
    /// What a call that fails answers.
    pub(super) errno: i32,
    /// To how many of them; 0: to all from then on.
    pub(super) times: u64,
    /// Only calls to files whose names end so.
    pub(super) ending: &'static str,
    /// What the child tells when counting begins, and when it ends; empty: with the child.
    pub(super) between: [&'static str; 2],
}

impl Deed {
    /// The child's end, right before a call.
    pub(super) const fn end(calls: &'static str, at: u64) -> Self {
        Self { calls, at, does: "exit", errno: 0, times: 1, ending: "", between: ["", ""] }
    }

    /// Has it done to the child.
    pub(super) fn to<'a>(&self, recorder: &Recorder, child: &'a mut Command) -> &'a mut Command {
        if self.calls.contains('m') {
            recorder.watch_memory(child);
        }
        for (name, told) in ["AQ_IO_FROM", "AQ_IO_UNTIL"].into_iter().zip(self.between) {
            if !told.is_empty() {
                child.env(name, told);
            }
        }
        child
            .env("AQ_IO_CALLS", self.calls)
            .env("AQ_IO_ENDING", self.ending)
            .env("AQ_IO_AT", self.at.to_string())
            .env("AQ_IO_DO", self.does)
            .env("AQ_IO_ERRNO", self.errno.to_string())
            .env("AQ_IO_TIMES", self.times.to_string())
            // Whoever waits for a lock that is always refused would wait for seconds, each time.
            .env("AQ_IO_HASTE", if self.calls.contains(['b', 'l']) { "1" } else { "0" })
    }
}

/// A child ended well: no panic, no signal. Returns what it told on standard output.
pub(super) fn ended_well(child: &mut Command) -> Result<String, String> {
    let output = child.output().map_err(|error| error.to_string())?;
    let (told, errors) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    if output.status.success() && !errors.contains("panicked") {
        return Ok(told);
    }
    Err(format!("{}\n{told}\n{errors}", output.status))
}

/// Something that a child did. Files are told by the number of their opening.
#[derive(Debug)]
pub(super) enum Note<'a> {
    Opened {
        file: u32,
        path: &'a Path,
        creates: bool,
    },
    Wrote {
        file: u32,
        offset: usize,
        data: &'a [u8],
    },
    Cut {
        file: u32,
        length: usize,
    },
    Synchronised {
        file: u32,
    },
    Unlinked(&'a Path),
    Renamed {
        from: &'a Path,
        to: &'a Path,
    },
    /// Told on standard output.
    Told(&'a str),
    /// A call that the library did not let through whole.
    Hindered,
}

/// The notes of a log; a last one that the child's end cut off is left out.
pub(super) fn notes(log: &[u8]) -> Vec<Note<'_>> {
    let mut found = Vec::new();
    let mut rest = log;
    while let Some((head, behind)) = rest.split_first_chunk::<24>() {
        let number = |at: usize| u64::from_ne_bytes(std::array::from_fn(|byte| head[at + byte]));
        let file = u32::from_ne_bytes(std::array::from_fn(|byte| head[4 + byte]));
        let (offset, length) = (usize::try_from(number(8)).unwrap_or(0), usize::try_from(number(16)).unwrap());
        let Some((data, next)) = behind.split_at_checked(length) else { break };
        found.push(match head[0] {
            b'o' => Note::Opened { file, path: path(data), creates: offset & (OFlags::CREATE.bits() as usize) != 0 },
            b'w' => Note::Wrote { file, offset, data },
            b't' => Note::Cut { file, length: offset },
            b's' => Note::Synchronised { file },
            b'u' => Note::Unlinked(path(data)),
            b'r' => {
                let mut names = data.split(|byte| *byte == 0);
                Note::Renamed { from: path(names.next().unwrap()), to: path(names.next().unwrap()) }
            }
            b'a' => Note::Told(std::str::from_utf8(data).unwrap_or("")),
            b'x' => Note::Hindered,
            other => panic!("the log holds a note of kind {other}"),
        });
        rest = next;
    }
    found
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(std::str::from_utf8(bytes).unwrap())
}

/// A folder for files that come and go by the hundred: in memory where the system offers that, because nothing here needs a disk.
pub(super) fn passing_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let beside = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    // The library compares names as they are opened, so the folder has to be told by the name that SQLite finds for it.
    tempfile::tempdir_in(beside.canonicalize().unwrap()).or_else(|_| tempfile::tempdir()).unwrap()
}

/// A number that whoever runs the tests may set, with a default.
pub(super) fn amount(name: &str, default: u64) -> u64 {
    variable(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// The file of the log beside a folder that is watched.
pub(super) fn log_of(folder: &Path) -> PathBuf {
    folder.join("log")
}
