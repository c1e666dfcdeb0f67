//! Looks at the machine a configuration is meant for: what `check-config` adds to the pure checks (config R8).
//!
//! Nothing is created or changed here.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::load::ServerConfig;
use super::problem::{Problem, Sink};

/// Compares the configuration with the disk: files that must be readable, directories that must be creatable, programs that must be
/// there. Nothing found means nothing wrong that can be seen from here.
#[must_use]
pub fn inspect(config: &ServerConfig, environment: &Environment) -> Vec<Problem> {
    let sink = Sink::default();
    for (place, path) in [(("server", "home"), &config.server.home), (("server", "workspaces"), &config.server.workspaces)] {
        if let Some(obstacle) = obstacle(path) {
            sink.warning(place, obstacle, Some("make it writable for the user that runs aqd".to_owned()));
        }
    }
    if let Some(tls) = &config.server.tls {
        for (field, path) in [("tls_cert_file", &tls.certificate), ("tls_key_file", &tls.key)] {
            if let Err(error) = std::fs::File::open(path) {
                sink.error(("server", field), format!("cannot be read: {error}"), None);
            }
        }
    }
    for (kind, section, program) in config.runtimes.programs() {
        if let Some(agent) = config.agents.predefined.iter().find(|agent| agent.runtime == kind)
            && find_program(&program.program, environment).is_none()
        {
            let message = format!("is not installed, but agent `{}` needs it", agent.id);
            sink.warning(("runtimes", &format!("{section}.program")), message, Some("install it, or write its absolute path".to_owned()));
        }
    }
    sink.into_sorted()
}

/// Why files cannot be made at `path`, judged by the nearest directory that exists; `None` when they can.
fn obstacle(path: &Path) -> Option<String> {
    let nearest = path.ancestors().find(|ancestor| ancestor.exists())?;
    if !nearest.is_dir() {
        return Some(format!("cannot be a directory: {} is a file", nearest.display()));
    }
    match rustix::fs::access(nearest, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
        Ok(()) => None,
        Err(error) => Some(format!("cannot be written: {}: {error}", nearest.display())),
    }
}

/// Where a program is: an absolute path as it stands, a name by way of `PATH`.
#[must_use]
pub fn find_program(program: &str, environment: &Environment) -> Option<PathBuf> {
    let runnable = |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if program.starts_with('/') {
        return Some(PathBuf::from(program)).filter(runnable);
    }
    let folders = environment.filled("PATH")?;
    std::env::split_paths(folders).map(|folder| folder.join(program)).find(runnable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sections::TlsFiles;

    /// config R8: a home below a file and missing key files are named; nothing is created.
    #[test]
    fn names_what_the_disk_forbids() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::for_home(&folder.path().join("deep/home")).unwrap();
        assert_eq!(inspect(&config, &Environment::default()), []);
        assert!(!folder.path().join("deep").exists());
        std::fs::write(folder.path().join("file"), "").unwrap();
        config.server.home = folder.path().join("file/home");
        config.server.tls = Some(TlsFiles { certificate: folder.path().join("no.pem"), key: folder.path().join("file") });
        let paths: Vec<String> = inspect(&config, &Environment::default()).iter().map(Problem::path).collect();
        assert_eq!(paths, ["server.tls_cert_file", "server.home"]);
    }

    /// config R8: a program that a configured agent needs and that is not there is named, whichever runtime it is.
    #[test]
    fn names_programs_that_are_missing() {
        use aq_core::runtime::RuntimeKind;
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::for_home(&folder.path().join("home")).unwrap();
        for (kind, path) in [(RuntimeKind::Claude, "runtimes.claude.program"), (RuntimeKind::Codex, "runtimes.codex.program")] {
            let id = aq_core::ids::AgentId::parse("worker").unwrap();
            config.agents.predefined =
                vec![crate::config::sections::PredefinedAgent { id, runtime: kind, account: None, model: None, profile: None }];
            let found = inspect(&config, &Environment::default());
            assert_eq!(found.iter().map(Problem::path).collect::<Vec<_>>(), [path]);
        }
    }
}
