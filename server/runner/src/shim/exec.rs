//! The exec stage: the process that becomes the agent. It limits itself, then replaces itself.
//!
//! A second program start takes the place of code between fork and exec, which could not be written safely.
//!
//! Spec: specs/server/runner/shim.md

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::folder::RunFolder;
use super::handover;
use super::note::{NOTE_FILE, Note};
use super::spec::ShimSpec;
use crate::sandbox::SandboxLevel;

/// Largest file that an agent may write.
const MAX_FILE_BYTES: u64 = 8 << 30;

/// Agents yield to the user's own programs.
const NICENESS: i32 = 5;

/// Becomes the agent of the run in `folder`. Returns only when that failed; the reason is in the note.
pub(crate) fn stage(folder: &Path) -> ExitCode {
    let folder = RunFolder::new(folder);
    let path = folder.file(NOTE_FILE);
    let Ok(mut file) = OpenOptions::new().append(true).create(true).mode(0o600).open(path) else {
        return ExitCode::from(126);
    };
    let mut note = Note::default();
    let error = become_agent(&folder, &mut note, &mut file);
    note.error = Some(error);
    // The exit code remains as a sign when the disk is full.
    drop(note.write(&mut file));
    ExitCode::from(127)
}

fn become_agent(folder: &RunFolder, note: &mut Note, file: &mut File) -> String {
    let spec = match folder.read_spec() {
        Ok(spec) => spec,
        Err(error) => return format!("the run's order cannot be read: {error}"),
    };
    let path = match placed(&spec) {
        Ok(path) => path,
        Err(sentence) => return sentence,
    };
    crate::process::cgroup::enter(&spec.mark);
    limit(&spec);
    // Best effort: an agent that cannot be asked to stop is still ended by the ladder.
    heed().ok();
    if spec.sandbox.level == SandboxLevel::Bwrap {
        return handover::enter(folder, &spec, note, file);
    }
    confine_and_start(&spec, &path, note, file)
}

/// Enters the working directory and finds the program, or says what is missing.
pub(super) fn placed(spec: &ShimSpec) -> Result<PathBuf, String> {
    let Some(program) = spec.argv.first() else {
        return Err("the command is empty: name a program in the agent's profile".to_owned());
    };
    std::env::set_current_dir(&spec.cwd)
        .map_err(|error| format!("the working directory {} cannot be entered: {error}", spec.cwd.display()))?;
    find(program, spec)
}

/// The last steps, where the agent will live: binds this process to the sandbox and replaces it by the program at `path`. Returns why it could not.
pub(super) fn confine_and_start(spec: &ShimSpec, path: &Path, note: &mut Note, file: &mut File) -> String {
    match spec.sandbox.enforce() {
        Ok(achieved) => note.sandbox = achieved,
        Err(error) => return format!("the sandbox cannot be set up: {error}"),
    }
    // Known only from here on, and of no use without the agent: a failure to write it must not stop the run.
    drop(note.write(file));
    let (name, arguments) = spec.argv.split_first().map_or(("", &[][..]), |(name, arguments)| (name.as_str(), arguments));
    let mut command = Command::new(path);
    if !spec.env.contains_key("PWD") {
        // What started us inside namespaces adds it; the agent's environment is the order's and nothing else.
        command.env_remove("PWD");
    }
    let error = command.arg0(name).args(arguments).exec();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("program {} cannot be started: the interpreter named in its first line, or its loader, is missing", path.display())
        }
        _ => format!("program {} cannot be started: {error}", path.display()),
    }
}

/// Makes the agent heed the signals that ask it to stop. A server that a script started in the background, or with `nohup`, inherits some of them
/// ignored, and whatever it starts would ignore them too, a shell even against its own `trap`. A signal that is caught is reset by `exec`, one that
/// is ignored is not; so those that are ignored are caught for the moment.
fn heed() -> io::Result<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let polite = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit(), SignalKind::terminate()];
    let is_ignored = |kind: &SignalKind| mask.unwrap_or(0) & (1 << (kind.as_raw_value() - 1)) != 0;
    let ignored: Vec<_> = polite.into_iter().filter(is_ignored).collect();
    if ignored.is_empty() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    ignored.into_iter().try_for_each(|kind| signal(kind).map(drop))
}

/// Resource limits and niceness. Raising a lower limit of the machine is not ours to do, so each is only ever lowered.
fn limit(spec: &ShimSpec) {
    lower(Resource::Core, 0);
    lower(Resource::Fsize, MAX_FILE_BYTES);
    if spec.limits.processes > 0 {
        lower(Resource::Nproc, spec.limits.processes);
    }
    // When memory runs out, the agent goes before the server and the shim do.
    drop(fs::write("/proc/self/oom_score_adj", "300"));
    // Politeness only.
    nice(NICENESS).ok();
}

fn lower(resource: Resource, to: u64) {
    let present = getrlimit(resource);
    let below = |value: Option<u64>| Some(value.map_or(to, |value| value.min(to)));
    // Lowering one's own limit is always allowed.
    setrlimit(resource, Rlimit { current: below(present.current), maximum: below(present.maximum) }).ok();
}

/// The file of the program, or a sentence that says why there is none.
fn find(program: &str, spec: &ShimSpec) -> Result<PathBuf, String> {
    if program.is_empty() {
        return Err("the program's name is empty: name a program in the agent's profile".to_owned());
    }
    if program.contains('/') {
        let path = spec.cwd.join(program);
        return match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("program {} does not exist", path.display())),
            Err(error) => Err(format!("program {} cannot be used: {error}", path.display())),
            Ok(found) if found.is_dir() => Err(format!("program {} is a directory", path.display())),
            Ok(found) if found.permissions().mode() & 0o111 == 0 => {
                Err(format!("program {} is not executable: allow it with chmod +x", path.display()))
            }
            Ok(_) => Ok(path),
        };
    }
    let places = spec.env.get("PATH").map_or("", String::as_str);
    let mut refused = None;
    for place in places.split(':').filter(|place| !place.is_empty()) {
        let path = spec.cwd.join(place).join(program);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(path),
            Ok(found) if found.is_file() => refused = Some(path),
            _ => {}
        }
    }
    Err(refused.map_or_else(
        || format!("program {program} was not found: install it, or give its absolute path (looked in {places})"),
        |path| format!("program {} is not executable: allow it with chmod +x", path.display()),
    ))
}
