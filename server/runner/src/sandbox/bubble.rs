//! What `bwrap` is asked for: namespaces of its own for a run, and a view of the files in which only the policy's paths are there.
//!
//! What is bound to Landlock inside, and what starts the agent there, lives in `enforce` and in the shim.
//!
//! Spec: specs/server/runner/sandbox.md

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::policy::Sandbox;

/// Namespaces: processes, shared memory, host name and control groups of its own, and a user without any capability. The network stays: agents need
/// it, and its ports are Landlock's. Everything ends with the process that waits outside, whatever becomes of it.
const APART: [&str; 8] =
    ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--cap-drop", "ALL"];

/// File systems that hold nothing of the machine's own. Paths of the policy below them come on top.
const FRESH: [&str; 6] = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];

/// Asks the program whether it can make such namespaces on this machine, by running itself in them. Returns its name and version. Blocking.
///
/// # Errors
/// It cannot, with its own words.
pub fn try_out(bwrap: &Path) -> Result<String, String> {
    let said = Command::new(bwrap).args(APART).args(["--ro-bind", "/", "/"]).args(FRESH).arg("--").arg(bwrap).arg("--version").output();
    let said = said.map_err(|error| format!("{} cannot be started: {error}", bwrap.display()))?;
    if said.status.success() {
        return Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned());
    }
    let words = String::from_utf8_lossy(&said.stderr);
    Err(format!("{} cannot make namespaces here: {}", bwrap.display(), words.trim()))
}

/// Replaces the calling process by `bwrap`, which starts `program` with `arguments` inside. Returns only when that failed.
pub(crate) fn enter(sandbox: &Sandbox, program: &OsStr, arguments: &[OsString]) -> io::Error {
    Command::new(&sandbox.bwrap).args(APART).args(view(sandbox)).arg("--").arg(program).args(arguments).exec()
}

/// The mounts. Paths that are not there are passed over (sandbox R3); folders above others come first, so that none hides what is mounted within it.
fn view(sandbox: &Sandbox) -> Vec<OsString> {
    let policy = &sandbox.policy;
    let mut words: Vec<OsString> = FRESH.iter().map(OsString::from).collect();
    for (how, paths) in [("--ro-bind-try", &policy.read_only), ("--bind-try", &policy.read_write)] {
        let mut paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).filter(|path| !is_fresh(path)).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            words.extend([OsStr::new(how), path.as_os_str(), path.as_os_str()].map(OsStr::to_owned));
        }
    }
    // What was made on the way to the mounts is no place to leave things.
    words.extend(["--remount-ro", "/"].map(OsString::from));
    words
}

/// True for what the sandbox has of its own.
fn is_fresh(path: &Path) -> bool {
    path == Path::new("/proc") || path.starts_with("/dev")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::view;
    use crate::sandbox::{Sandbox, SandboxPolicy};

    /// Sandbox R8: own devices and processes, readable paths before writable ones, outer folders before inner ones, each once.
    #[test]
    fn the_view_is_made_of_the_policys_paths() {
        let paths = |all: &[&str]| all.iter().map(PathBuf::from).collect();
        let policy = SandboxPolicy {
            read_only: paths(&["/usr/lib", "/proc", "/usr", "/usr"]),
            read_write: paths(&["/dev/null", "/w/a"]),
            connect_ports: None,
        };
        let words = view(&Sandbox::bubblewrap("/usr/bin/bwrap".into(), policy));
        let text = words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
        assert_eq!(
            text,
            "--proc /proc --dev /dev --tmpfs /tmp --ro-bind-try /usr /usr --ro-bind-try /usr/lib /usr/lib --bind-try /w/a /w/a --remount-ro /"
        );
    }
}
