//! The tasks that the loop asks for: small scripts with a known end.

use std::time::Duration;

use aq_proto::v1 as pb;
use rand::Rng;
use rand::rngs::StdRng;

/// What a task does, and so how it has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Writes its file and commits it.
    Commits,
    /// Writes its file and leaves the commit to the server.
    LeavesOver,
    /// Leaves a process in a session of its own behind, and commits.
    LeavesChild,
    /// Fails at first, then commits.
    Flaky,
    /// Says that it failed.
    Fails,
    /// Commits and then dies by a signal.
    Crashes,
}

impl Kind {
    fn any(rng: &mut StdRng) -> Self {
        match rng.random_range(0..100) {
            0..42 => Self::Commits,
            42..64 => Self::LeavesOver,
            64..78 => Self::LeavesChild,
            78..86 => Self::Flaky,
            86..93 => Self::Fails,
            _ => Self::Crashes,
        }
    }

    /// True when the task has to complete; else it has to end blocked.
    pub(crate) const fn completes(self) -> bool {
        matches!(self, Self::Commits | Self::LeavesOver | Self::LeavesChild | Self::Flaky)
    }

    /// True when the agent itself makes the commit.
    pub(crate) const fn commits(self) -> bool {
        !matches!(self, Self::LeavesOver | Self::Fails)
    }

    /// `again`: it may have to begin again after its commit, which a plain `commit` would fail at. `nap`: the longest one.
    fn script(self, key: &str, (again, nap): (bool, Duration), rng: &mut StdRng) -> String {
        let longest = u32::try_from(nap.as_millis()).unwrap_or(u32::MAX);
        let mut nap = || rng.random_range(0..=longest);
        let write = format!("write {} {key}\\n", file(key));
        let commit = match again {
            true => format!("shell git add -A && {{ git diff --cached --quiet || git commit -q -m 'work {key}'; }}"),
            false => format!("commit work {key}"),
        };
        let body = match self {
            Self::Commits => format!("sleep {}\n{write}\nsleep {}\n{commit}", nap(), nap()),
            Self::LeavesOver => format!("sleep {}\n{write}\nsleep {}", nap(), nap()),
            Self::LeavesChild => {
                format!("shell setsid sleep 900 </dev/null >/dev/null 2>&1 &\nsleep {}\n{write}\n{commit}", nap())
            }
            Self::Flaky => {
                format!("shell test -e \"$HOME/tried\" || {{ touch \"$HOME/tried\"; exit 1; }}\n{write}\nsleep {}\n{commit}", nap())
            }
            Self::Fails => format!("{write}\nsleep {}\nfail it was asked to", nap()),
            Self::Crashes => format!("{write}\n{commit}\nsleep {}\ncrash", nap()),
        };
        format!("say begin {key}\n{body}\nsay end {key}")
    }
}

/// The file of a task.
pub(crate) fn file(key: &str) -> String {
    format!("out/{key}.txt")
}

/// A task as asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Names it in titles, files, commits and output; unique in the loop.
    pub(crate) key: String,
    /// Which project.
    pub(crate) project: usize,
    /// What it does.
    pub(crate) kind: Kind,
    /// Keys of the tasks that it waits for.
    pub(crate) after: Vec<String>,
}

impl Wanted {
    pub(crate) fn new(number: usize, project: usize, after: Vec<String>, rng: &mut StdRng) -> Self {
        Self { key: format!("k{number:05}"), project, kind: Kind::any(rng), after }
    }

    /// The request for it. `after` holds ids, or keys of the same batch. `script`: whether it may have to begin again, and its longest nap.
    pub(crate) fn request(
        &self,
        project_id: &str,
        after: Vec<String>,
        script: (bool, Duration),
        rng: &mut StdRng,
    ) -> pb::CreateTaskRequest {
        // A command that must pass is a run of its own, with its own ways to be interrupted.
        let checked = self.kind.completes() && rng.random_range(0..4) == 0;
        pb::CreateTaskRequest {
            project_id: project_id.to_owned(),
            title: format!("task {}", self.key),
            description: format!("A task of the kill loop.\n\n```aq-script\n{}\n```\n", self.kind.script(&self.key, script, rng)),
            after,
            priority: Some(rng.random_range(50..150)),
            max_retries: Some(if self.kind.completes() { 5 } else { rng.random_range(1..=2) }),
            test_commands: if checked { vec![format!("test -s {}", file(&self.key))] } else { Vec::new() },
            key: self.key.clone(),
            ..Default::default()
        }
    }
}
