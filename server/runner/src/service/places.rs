//! Where a run's files lie.
//!
//! Spec: specs/server/runner/service.md

use std::path::{Path, PathBuf};

use aq_core::ids::{ProjectId, RunRef, TaskId};

/// The folders below the server's home.
#[derive(Clone, Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    pub(super) const fn new(home: PathBuf) -> Self {
        Self(home)
    }

    /// The folder of all runs.
    pub(super) fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// The run's own folder; its first launch lives in it.
    pub(super) fn run(&self, run: &RunRef) -> PathBuf {
        self.runs().join(run.folder())
    }

    /// The folder of a launch.
    pub(super) fn launch(&self, run: &RunRef, launch: u32) -> PathBuf {
        if launch == 0 { self.run(run) } else { self.runs().join(format!("{}.s{launch}", run.folder())) }
    }

    /// The folder of a check.
    pub(super) fn check(&self, run: &RunRef, number: u32) -> PathBuf {
        self.runs().join(format!("{}.v{number}", run.folder()))
    }

    /// The agent's home, kept over the task's runs (service R15).
    pub(super) fn task_home(&self, project: &ProjectId, task: &TaskId) -> PathBuf {
        self.0.join("workspaces").join(project.as_str()).join(format!("{task}.home"))
    }
}

/// The run that a folder below `runs/` belongs to: its own, a launch's, or a check's.
pub(super) fn owner(name: &str) -> Option<RunRef> {
    RunRef::from_folder(name).or_else(|| {
        let (run, part) = name.rsplit_once('.')?;
        let number = part.strip_prefix(['s', 'v'])?;
        number.parse::<u32>().ok()?;
        RunRef::from_folder(run)
    })
}

/// All folders of a run, its own last.
pub(super) fn folders_of(home: &Home, run: &RunRef) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(home.runs()) else { return Vec::new() };
    let mine = |path: &Path| path.file_name().and_then(|name| owner(name.to_str()?)).is_some_and(|found| found == *run);
    let own = home.run(run);
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| mine(path) && *path != own).collect();
    folders.push(own);
    folders
}

#[cfg(test)]
mod tests {
    use super::owner;

    /// Service R14: every folder below `runs/` names its run; strangers are nobody's.
    #[test]
    fn folders_name_their_run() {
        for name in ["swift-fox.3", "swift-fox.3.s1", "swift-fox.3.v12"] {
            assert_eq!(owner(name).unwrap().folder(), "swift-fox.3", "{name}");
        }
        for name in ["swift-fox", "swift-fox.0", "swift-fox.3.x1", "swift-fox.3.s", "lost+found", ".tmp"] {
            assert_eq!(owner(name), None, "{name}");
        }
    }
}
