//! Looks at the machine a configuration is meant for: what `check-config` adds to the pure checks (config R8).
//!
//! Nothing is created or changed here.

use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

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
        let certificate = ("certificate", holds_certificate as fn(&[u8]) -> bool);
        let own =
            [("tls_cert_file", &tls.certificate, certificate), ("tls_key_file", &tls.key, ("private key", holds_key as fn(&[u8]) -> bool))];
        let clients = tls.client_ca.iter().map(|path| ("tls_client_ca_file", path, certificate));
        for (field, path, (what, holds)) in own.into_iter().chain(clients) {
            match std::fs::read(path) {
                Err(error) => sink.error(("server", field), format!("cannot be read: {error}"), None),
                Ok(bytes) if !holds(&bytes) => {
                    sink.error(
                        ("server", field),
                        format!("holds no {what} in PEM form"),
                        Some("is it another file, or in DER form?".to_owned()),
                    );
                }
                Ok(_) => {}
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

/// True when a file in PEM form holds a certificate, whatever else stands in it.
fn holds_certificate(bytes: &[u8]) -> bool {
    CertificateDer::from_pem_slice(bytes).is_ok_and(|found| !found.is_empty())
}

/// True when a file in PEM form holds a private key of any usual form, whatever else stands in it.
fn holds_key(bytes: &[u8]) -> bool {
    PrivateKeyDer::from_pem_slice(bytes).is_ok_and(|found| !found.secret_der().is_empty())
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
        let (missing, wrong) = (folder.path().join("no.pem"), folder.path().join("wrong.pem"));
        config.server.tls = Some(TlsFiles { certificate: missing.clone(), key: folder.path().join("file"), client_ca: Some(missing) });
        let paths = |config: &ServerConfig| inspect(config, &Environment::default()).iter().map(Problem::path).collect::<Vec<_>>();
        assert_eq!(paths(&config), ["server.tls_cert_file", "server.tls_client_ca_file", "server.tls_key_file", "server.home"]);

        // A key where certificates belong, and a certificate where the key belongs.
        let block = |what: &str, body: &str| format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n");
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&certificate, block("CERTIFICATE", "AAAA")).unwrap();
        std::fs::write(&key, block("EC PRIVATE KEY", "AAAA")).unwrap();
        std::fs::write(&wrong, block("CERTIFICATE", "no*base64")).unwrap();
        config.server.tls = Some(TlsFiles { certificate: certificate.clone(), key: key.clone(), client_ca: Some(certificate.clone()) });
        assert_eq!(paths(&config), ["server.home"]);
        config.server.tls = Some(TlsFiles { certificate: wrong, key: certificate, client_ca: Some(key) });
        assert_eq!(paths(&config), ["server.tls_cert_file", "server.tls_client_ca_file", "server.tls_key_file", "server.home"]);
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
