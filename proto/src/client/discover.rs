//! Finding the server of a data directory: the endpoint and the key that it left there. The caller says which directory.
//!
//! Spec: specs/proto/client.md

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{ApiKey, ClientIdentity, Endpoint, InvalidApiKey, InvalidEndpoint};

/// Largest file read, in bytes.
const MAX_FILE_BYTES: u64 = 4096;

/// Why the server of a data directory could not be found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The directory holds no trace of a server.
    #[error("no server has used {0} yet; start one with `aqd`, or name another with --endpoint")]
    NoServer(PathBuf),
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner may read the key.
    #[error("{path} can be read by others (mode {mode:o}); run chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key file holds nothing.
    #[error("{0} is empty; a key has the form aq_<kid>_<secret>")]
    Empty(PathBuf),
    /// The endpoint file holds something else.
    #[error("{path}: {source}")]
    Endpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: InvalidEndpoint,
    },
    /// A file of a certificate or its key holds something else.
    #[error("{path} holds no {what} in PEM form")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// The key file holds something else.
    #[error("{path}: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: InvalidApiKey,
    },
}

/// What a server left in its data directory for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The administrator's key, when this user may read it.
    pub api_key: Option<ApiKey>,
}

/// The data directory when nobody names one: `$XDG_STATE_HOME/agent-queue`, else `$HOME/.local/state/agent-queue`. `None` without both.
/// The caller hands in the two variables' values.
#[must_use]
pub fn default_home(xdg_state_home: Option<&str>, home: Option<&str>) -> Option<PathBuf> {
    let absolute = |text: Option<&str>| text.map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute(xdg_state_home).or_else(|| absolute(home).map(|home| home.join(".local/state")))?;
    Some(state.join("agent-queue"))
}

/// Finds the server of the data directory `home`: `endpoint`, else the socket `aqd.sock`; and `admin.key` when it is there.
///
/// # Errors
/// [`DiscoverError`] says which file is at fault and what helps.
pub fn discover(home: &Path) -> Result<ServerAddress, DiscoverError> {
    let path = home.join("endpoint");
    let endpoint = match read(&path)? {
        Some(text) => text.parse().map_err(|source| DiscoverError::Endpoint { path, source })?,
        None if home.join("aqd.sock").exists() => Endpoint::Unix(home.join("aqd.sock")),
        None => return Err(DiscoverError::NoServer(home.to_owned())),
    };
    let key = home.join("admin.key");
    let api_key = if key.exists() { Some(read_key_file(&key)?) } else { None };
    Ok(ServerAddress { endpoint, api_key })
}

/// Reads an API key from a file that only its owner may read.
///
/// # Errors
/// [`DiscoverError`] when the file cannot be read, can be read by others, or holds no key.
pub fn read_key_file(path: &Path) -> Result<ApiKey, DiscoverError> {
    let failed = |source| DiscoverError::Read { path: path.to_owned(), source };
    private(path)?;
    let text = read(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    if text.trim().is_empty() {
        return Err(DiscoverError::Empty(path.to_owned()));
    }
    text.parse().map_err(|source| DiscoverError::Key { path: path.to_owned(), source })
}

/// Reads a client's certificate, and its key from a file that only its owner may read.
///
/// # Errors
/// [`DiscoverError`] when a file cannot be read, does not hold what it should, or the key can be read by others.
pub fn read_identity(certificate: &Path, key: &Path) -> Result<ClientIdentity, DiscoverError> {
    let certificate_pem = pem::<CertificateDer<'_>>(certificate, "certificate")?;
    private(key)?;
    Ok(ClientIdentity { certificate_pem, key_pem: pem::<PrivateKeyDer<'_>>(key, "private key")? })
}

/// What a file in PEM form says, when it holds an item of this kind.
fn pem<T: PemObject>(path: &Path, what: &'static str) -> Result<Vec<u8>, DiscoverError> {
    let bytes = fs::read(path).map_err(|source| DiscoverError::Read { path: path.to_owned(), source })?;
    if T::from_pem_slice(&bytes).is_ok() { Ok(bytes) } else { Err(DiscoverError::NotPem { path: path.to_owned(), what }) }
}

/// Refuses a file that others than its owner may read.
fn private(path: &Path) -> Result<(), DiscoverError> {
    let metadata = fs::metadata(path).map_err(|source| DiscoverError::Read { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(DiscoverError::Exposed { path: path.to_owned(), mode }) }
}

fn read(path: &Path) -> Result<Option<String>, DiscoverError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DiscoverError::Read { path: path.to_owned(), source }),
    };
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|source| DiscoverError::Read { path: path.to_owned(), source })?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "aq_k1_0123456789abcdefABCDEFGH\n";

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Client R9: a certificate and its key are what they should be, and the key is its owner's only.
    #[test]
    fn an_identity_is_read_with_care() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let begin = |what: &str| format!("-----BEGIN {what}-----\nAAAA\n-----END {what}-----\n");
        write(&certificate, &begin("CERTIFICATE"), 0o644);
        write(&key, &begin("PRIVATE KEY"), 0o600);
        let identity = read_identity(&certificate, &key).unwrap();
        assert!(!format!("{identity:?}").contains("AAAA"));
        let told = |certificate: &Path, key: &Path| read_identity(certificate, key).unwrap_err().to_string();
        assert!(told(&key, &key).ends_with("k.pem holds no certificate in PEM form"));
        assert!(told(&certificate, &certificate).contains("can be read by others"));
        assert!(told(&folder.path().join("none.pem"), &key).contains("none.pem"));
        write(&certificate, "", 0o600);
        assert!(told(&certificate, &key).contains("holds no certificate"));
    }

    /// Client R4: endpoint and key are found in the data directory.
    #[test]
    fn endpoint_and_key_are_found() {
        let home = tempfile::tempdir().unwrap();
        write(&home.path().join("endpoint"), "unix:/tmp/aq-1/x.sock\n", 0o600);
        write(&home.path().join("admin.key"), KEY, 0o600);
        let found = discover(home.path()).unwrap();
        assert_eq!(found.endpoint.to_string(), "unix:/tmp/aq-1/x.sock");
        assert_eq!(found.api_key.map(|key| key.kid().to_owned()).as_deref(), Some("k1"));
    }

    /// Client R4: a fresh directory says that there is no server.
    #[test]
    fn a_fresh_directory_has_no_server() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(discover(home.path()), Err(DiscoverError::NoServer(_))));
        write(&home.path().join("aqd.sock"), "", 0o600);
        assert!(matches!(discover(home.path()).unwrap().endpoint, Endpoint::Unix(_)));
    }

    /// Client R2: a key that others can read is refused with the remedy.
    #[test]
    fn an_exposed_key_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("admin.key");
        write(&path, KEY, 0o644);
        let error = read_key_file(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    /// Client R2: an empty file, a folder and nothing at all are told with their path and what is wrong.
    #[test]
    fn a_file_without_a_key_is_told() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.key");
        assert!(read_key_file(&path).unwrap_err().to_string().starts_with(&format!("cannot read {}: ", path.display())));
        write(&path, " \n", 0o600);
        assert_eq!(
            read_key_file(&path).unwrap_err().to_string(),
            format!("{} is empty; a key has the form aq_<kid>_<secret>", path.display())
        );
        write(&path, "password\n", 0o600);
        assert!(matches!(read_key_file(&path), Err(DiscoverError::Key { .. })));
    }

    /// Client R4: where the data directory lies when nobody says.
    #[test]
    fn the_default_home_follows_the_two_variables() {
        assert_eq!(default_home(Some("/s"), Some("/h")), Some(PathBuf::from("/s/agent-queue")));
        assert_eq!(default_home(Some("relative"), Some("/h")), Some(PathBuf::from("/h/.local/state/agent-queue")));
        assert_eq!(default_home(None, None), None);
    }
}
