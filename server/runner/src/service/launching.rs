//! Makes the order to a shim: arguments, environment, sandbox; and starts or finds it.
//!
//! Spec: specs/server/runner/service.md

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aq_core::runner_link::RunLimits;

use super::cursor::make_private;
use super::shared::Shared;
use crate::runtimes::{LaunchPlan, allow_listed, identity_variables};
use crate::sandbox::{AgentEnvironment, Places, Sandbox, SandboxLevel, SandboxPolicy};
use crate::shim::{Attachment, LaunchError, RunFolder, ShimSpec, StdinMode, attach, launch};

/// Variables that name folders of tool chains.
const TOOLCHAINS: [&str; 5] = ["CARGO_HOME", "RUSTUP_HOME", "GOPATH", "NVM_DIR", "JAVA_HOME"];

/// What a shimmed program needs, whoever it is.
pub(super) struct Program<'a> {
    /// The run's name.
    pub(super) name: &'a str,
    pub(super) epoch: u64,
    /// The shim's folder.
    pub(super) folder: &'a Path,
    /// Where it works.
    pub(super) directory: &'a Path,
    /// The task's home.
    pub(super) home: &'a Path,
    pub(super) limits: RunLimits,
    pub(super) argv: Vec<String>,
    /// Where the program may lie that `argv` only starts (runtimes R11).
    pub(super) native: &'a [String],
    /// Variables on top of the usual ones.
    pub(super) env: BTreeMap<String, String>,
    pub(super) stdin: StdinMode,
    pub(super) writable: Vec<PathBuf>,
}

/// True when something was started in `folder` before.
pub(super) fn was_launched(folder: &Path) -> bool {
    let folder = RunFolder::new(folder);
    folder.has_exit() || folder.read_spec().is_ok() || folder.read_run().is_ok()
}

/// Starts the program, or takes up the one that was started in the folder.
///
/// # Errors
/// It could not be started, in words.
pub(super) async fn start_or_attach(shared: &Shared, program: Program<'_>) -> Result<Attachment, String> {
    if was_launched(program.folder) {
        return Ok(attach(program.folder, program.epoch).await);
    }
    let (folder, epoch) = (program.folder.to_owned(), program.epoch);
    let temporary = program.home.join("tmp");
    make_private(&temporary).map_err(|error| format!("{}: {error}", temporary.display()))?;
    let spec = spec(shared, program, &temporary);
    match launch(&shared.shim, &folder, &spec).await {
        Ok(shim) => Ok(Attachment::Alive(Box::new(shim))),
        Err(LaunchError::AlreadyLaunched(_) | LaunchError::Died) => Ok(attach(&folder, epoch).await),
        Err(error) => Err(error.to_string()),
    }
}

fn spec(shared: &Shared, program: Program<'_>, temporary: &Path) -> ShimSpec {
    let config = &shared.config;
    let Program { name, epoch, directory, home, limits, mut argv, native, env, stdin, writable, .. } = program;
    let base = allow_listed(config.environment.clone());
    let get = |name: &str| base.get(name).map(String::as_str).unwrap_or_default();
    let (path, lang, user) = (get("PATH").to_owned(), get("LANG").to_owned(), get("USER").to_owned());
    let usual = AgentEnvironment { path: &path, lang: &lang, user: &user, home: Some(home), temporary: Some(temporary) };
    let found = argv.first().and_then(|program| native_program(&base, program, native));
    let mut toolchains = readable(shared, &base, argv.first().map(String::as_str).unwrap_or_default());
    if let (Some(found), Some(program)) = (found, argv.first_mut()) {
        // What a native program brings along lies beside the folder that it lies in.
        toolchains.extend(found.parent().and_then(Path::parent).map(Path::to_owned));
        *program = found.to_string_lossy().into_owned();
    }
    let mut added: BTreeMap<_, _> = base.into_iter().filter(|(name, _)| !matches!(name.as_str(), "PATH" | "LANG" | "TERM")).collect();
    added.extend(identity_variables(&config.identity));
    added.extend(env);
    let places = Places {
        workspace: directory.to_owned(),
        home: home.to_owned(),
        temporary: temporary.to_owned(),
        login_dir: PathBuf::new(),
        toolchains,
        also_writable: writable,
    };
    let mut spec = ShimSpec::new(name, epoch, argv, directory.to_owned());
    spec.env = usual.build(&added);
    spec.stdin = stdin;
    spec.limits = limits.into();
    spec.sandbox = match config.sandbox {
        SandboxLevel::None => Sandbox::default(),
        SandboxLevel::Landlock => Sandbox::landlock(SandboxPolicy::usual(&places)),
        SandboxLevel::Bwrap => Sandbox::bubblewrap(config.bwrap.clone(), SandboxPolicy::usual(&places)),
    };
    spec
}

/// What has to be readable besides the system: the folders of the search path, tool chains, the program itself and ourselves.
fn readable(shared: &Shared, base: &BTreeMap<String, String>, program: &str) -> Vec<PathBuf> {
    let folders = search_path(base);
    let found = locate(&folders, program);
    let mut readable = shared.config.toolchains.clone();
    readable.extend(TOOLCHAINS.iter().filter_map(|name| base.get(*name)).map(PathBuf::from));
    // A program is often a link into the folder where the rest of it lies.
    let behind = found.as_deref().and_then(|found| found.canonicalize().ok());
    readable.extend(behind.as_deref().and_then(Path::parent).map(Path::to_owned));
    readable.extend(behind.as_deref().and_then(packages).map(Path::to_owned));
    readable.extend(found);
    readable.extend(folders);
    readable.push(shared.config.program.clone());
    readable.extend(shared.config.bridge.clone());
    readable.extend(shared.config.door.clone());
    readable
}

/// The folder of packages that a program lies in, the outermost one: what it is made of lies beside it (runtimes R13).
fn packages(program: &Path) -> Option<&Path> {
    program.ancestors().filter(|folder| folder.file_name().is_some_and(|name| name == "node_modules")).last()
}

fn search_path(base: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let path = base.get("PATH").map(String::as_str).unwrap_or_default();
    path.split(':').filter(|folder| folder.starts_with('/')).map(PathBuf::from).collect()
}

/// The file that `program` names.
fn locate(folders: &[PathBuf], program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    folders.iter().map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// The native program behind a launcher: ending a launcher would leave it behind (runtimes R11). `None`: the launcher is all there is.
fn native_program(base: &BTreeMap<String, String>, program: &str, native: &[String]) -> Option<PathBuf> {
    if native.is_empty() {
        return None;
    }
    let launcher = locate(&search_path(base), program)?.canonicalize().ok()?;
    let folder = launcher.parent()?;
    let runnable = |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    native.iter().filter_map(|place| folder.join(place).canonicalize().ok()).find(runnable)
}

/// Makes the home and the plan's private files.
pub(super) fn write_files(home: &Path, plan: &LaunchPlan) -> io::Result<()> {
    make_private(home)?;
    for (path, text) in &plan.files {
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            make_private(folder)?;
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::{native_program, packages};

    fn put(path: &Path, mode: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Runtimes R13: a program in a folder of packages may read all of it, not what lies above.
    #[test]
    fn packages_lie_together() {
        let within = Path::new("/opt/x/node_modules/@a/cli/node_modules/b/index.js");
        assert_eq!(packages(within), Some(Path::new("/opt/x/node_modules")));
        assert_eq!(packages(Path::new("/usr/bin/git")), None);
    }

    /// Runtimes R11: the first native program that can be executed is found behind a launcher on the search path, through links; without one
    /// the launcher stays.
    #[test]
    fn native_programs_lie_behind_launchers() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        put(&root.join("pkg/launcher/bin/tool.js"), 0o755);
        put(&root.join("pkg/broken/bin/tool"), 0o644);
        put(&root.join("pkg/native/bin/tool"), 0o755);
        std::fs::create_dir(root.join("bin")).unwrap();
        symlink("../pkg/launcher/bin/tool.js", root.join("bin/tool")).unwrap();
        let base = BTreeMap::from([("PATH".to_owned(), format!("relative:/nowhere:{}", root.join("bin").display()))]);
        let places = ["../../none/bin/tool", "../../broken/bin/tool", "../../native/bin/tool"].map(str::to_owned);
        let found = Some(root.join("pkg/native/bin/tool"));
        assert_eq!(native_program(&base, "tool", &places), found);
        assert_eq!(native_program(&base, &root.join("bin/tool").to_string_lossy(), &places), found);
        assert_eq!(native_program(&base, "tool", &places[..2]), None);
        assert_eq!(native_program(&base, "other", &places), None);
        assert_eq!(native_program(&base, "tool", &[]), None);
    }
}
