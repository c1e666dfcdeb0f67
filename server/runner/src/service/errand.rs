//! A program that is no run's: started under a shim of its own, waited for, and ended with everything that it started.
//!
//! Spec: specs/server/runner/service.md

use std::collections::BTreeMap;
use std::path::PathBuf;

use aq_core::git_link::GitPlace;
use aq_core::runner_link::RunLimits;

use super::launching::{Program, start_or_attach};
use super::router::RunnerService;
use crate::git::Desk;
use crate::shim::{Attachment, ExitRecord, StdinMode, end_leftovers};
use crate::spool::{RawKind, Reader};

/// Lines that are read at once.
const BATCH: usize = 256;

/// A program to run.
#[derive(Clone, Debug)]
pub struct Errand {
    /// A name, unique among all errands: a folder of this name is made below `<home>/errands` and removed afterwards.
    pub name: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it starts; absolute. `None`: a folder of its own.
    pub directory: Option<PathBuf>,
    /// The repository whose files its own folder holds, as they are on the default branch. `None`: it is empty.
    pub files: Option<GitPlace>,
    /// Its limits.
    pub limits: RunLimits,
    /// Most characters of its output that are kept, and of its error output.
    pub most: (usize, usize),
}

/// How an errand ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrandEnd {
    /// What it wrote, the beginning.
    pub stdout: String,
    /// What it wrote as errors, the beginning.
    pub stderr: String,
    /// Its exit code; `None`: it was ended by a signal or ran too long.
    pub exit_code: Option<i32>,
    /// It ran too long.
    pub timed_out: bool,
}

impl RunnerService {
    /// Runs a program to its end, contained like a test command. When the future is dropped, the program ends by its limits, or at
    /// [`RunnerService::end_errands`].
    ///
    /// # Errors
    /// One sentence when it could not be started or its output not be read.
    pub async fn errand(&self, errand: Errand) -> Result<ErrandEnd, String> {
        let base = self.shared().config.home.join("errands").join(&errand.name);
        let (folder, home, own) = (base.join("shim"), base.join("home"), base.join("work"));
        let made = std::fs::create_dir_all(&own).and_then(|()| std::fs::create_dir_all(&home));
        made.map_err(|error| format!("{}: {error}", base.display()))?;
        if let Some(place) = errand.files.clone().filter(|_| errand.directory.is_none()) {
            let (desk, into) = (Desk::new(self.rooms().clone()), own.clone());
            let written = tokio::task::spawn_blocking(move || desk.export(&place, &into)).await;
            if let Err(why) = written.map_err(|error| error.to_string()).and_then(|done| done.map_err(|refused| refused.message)) {
                let _gone = std::fs::remove_dir_all(&base);
                return Err(why);
            }
        }
        let done = self.carry_out(&errand, &folder, &home, errand.directory.as_ref().unwrap_or(&own)).await;
        end_leftovers(&folder).await;
        if let Err(error) = std::fs::remove_dir_all(&base) {
            tracing::warn!(folder = %base.display(), %error, "the folder of an errand stays");
        }
        done
    }

    /// Ends the errands that an earlier server left behind, and removes their folders.
    pub async fn end_errands(&self) {
        let Ok(entries) = std::fs::read_dir(self.shared().config.home.join("errands")) else { return };
        for entry in entries.flatten() {
            end_leftovers(&entry.path().join("shim")).await;
            if let Err(error) = std::fs::remove_dir_all(entry.path()) {
                tracing::warn!(folder = %entry.path().display(), %error, "the folder of an errand stays");
            }
        }
    }

    async fn carry_out(
        &self,
        errand: &Errand,
        folder: &std::path::Path,
        home: &std::path::Path,
        directory: &std::path::Path,
    ) -> Result<ErrandEnd, String> {
        let program = Program {
            name: &errand.name,
            epoch: 1,
            folder,
            directory,
            home,
            limits: errand.limits,
            native: &[],
            argv: errand.argv.clone(),
            env: BTreeMap::new(),
            stdin: StdinMode::Closed,
            writable: Vec::new(),
        };
        let shim = match start_or_attach(self.shared(), program).await? {
            Attachment::Alive(shim) => Ok(shim),
            Attachment::Exited(record) => Err(record),
            Attachment::Lost { .. } => return Err("the program was lost".to_owned()),
        };
        let mut end = ErrandEnd::default();
        let mut reader = Reader::open(folder, 0).map_err(|error| error.to_string())?;
        loop {
            let lines = reader.next_batch(BATCH).await.map_err(|error| error.to_string())?;
            if lines.is_empty() {
                break;
            }
            for line in &lines {
                let (text, most) = match line.kind {
                    RawKind::Stdout => (&mut end.stdout, errand.most.0),
                    RawKind::Stderr => (&mut end.stderr, errand.most.1),
                    RawKind::Gap => continue,
                };
                add(text, &line.text(), most);
            }
        }
        let record = match shim {
            Ok(shim) => shim.wait().await.map_err(|_| "the program was lost".to_owned())?,
            Err(record) => record,
        };
        match record {
            ExitRecord { spawn_error: Some(error), .. } => Err(error),
            ExitRecord { timed_out, exit_code, .. } => {
                end.timed_out = timed_out.is_some();
                end.exit_code = exit_code.filter(|_| timed_out.is_none());
                Ok(end)
            }
        }
    }
}

/// Adds a line as long as there is room.
fn add(text: &mut String, line: &str, most: usize) {
    let room = most.saturating_sub(text.chars().count());
    text.extend(line.chars().chain(std::iter::once('\n')).take(room));
}
