//! Where a configuration comes from: the file, its `.env` sidecar, the environment and the command line.
//!
//! Reading the disk happens here and in `inspect` only; turning the texts into a configuration is `load`, a pure function.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::document::MAX_DOCUMENT_BYTES;
use super::environment::Environment;

/// Everything a configuration is made from. No field is read from anywhere else afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigSource {
    /// The file and its text; `None` when there is no file.
    pub file: Option<ConfigFile>,
    /// The process environment.
    pub environment: Environment,
    /// The text of the `.env` file beside the configuration.
    pub sidecar: Option<String>,
    /// What the command line says.
    pub overrides: Overrides,
}

/// A configuration file that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says. Not shown by `Debug`, because people write secrets into it.
    pub text: String,
}

impl std::fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Values of the command line; each wins over the environment, which wins over the file (config R3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `server.home`; environment `AQ_HOME`. A relative path of a flag is made absolute by the caller.
    pub home: Option<String>,
    /// `server.socket`; environment `AQ_SOCKET`.
    pub socket: Option<String>,
    /// `server.listen`; environment `AQ_LISTEN`.
    pub listen: Option<String>,
    /// `database.url`; environment `AQ_DATABASE_URL` (a password belongs there, not on a command line).
    pub database_url: Option<String>,
    /// `logging.filter`; environment `AQ_LOG`.
    pub log_filter: Option<String>,
    /// `logging.format`; environment `AQ_LOG_FORMAT`.
    pub log_format: Option<String>,
}

/// Why a configuration could not be read from disk.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file that was asked for is not there.
    #[error("configuration file {} does not exist; create it, or leave the argument out to run with defaults", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file is there but cannot be read, is not text, or is too large.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl ConfigSource {
    /// The file that the command line or the environment names; `None` when neither does (config R1).
    #[must_use]
    pub fn named(path: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
        path.map(Path::to_path_buf).or_else(|| environment.filled("AQ_CONFIG").map(PathBuf::from))
    }

    /// Reads the file (the given one, `AQ_CONFIG`, or the default place) and its sidecar (config R1, R2).
    ///
    /// # Errors
    /// [`SourceError::Missing`] when a file that was named is not there; no file at the default place is fine.
    /// [`SourceError::Unreadable`] when a file cannot be read.
    pub fn read(path: Option<&Path>, environment: Environment, overrides: Overrides) -> Result<Self, SourceError> {
        let named = Self::named(path, &environment);
        let place = named.clone().or_else(|| default_path(&environment));
        let Some(place) = place else { return Ok(Self { environment, overrides, ..Self::default() }) };
        let sidecar = text_of(&place.with_file_name(".env"))?;
        let file = match (text_of(&place)?, named) {
            (Some(text), _) => Some(ConfigFile { path: place, text }),
            (None, Some(path)) => return Err(SourceError::Missing { path }),
            (None, None) => None,
        };
        Ok(Self { file, environment, sidecar, overrides })
    }
}

/// `$XDG_CONFIG_HOME/agent-queue/config.yaml` or `~/.config/agent-queue/config.yaml`; `None` without a home.
#[must_use]
pub fn default_path(environment: &Environment) -> Option<PathBuf> {
    Some(environment.xdg("XDG_CONFIG_HOME", ".config")?.join("config.yaml"))
}

/// The text of a file, at most one byte over the cap so that `load` can say that it is too large; `None` when it is not there.
fn text_of(path: &Path) -> Result<Option<String>, SourceError> {
    let unreadable = |error: std::io::Error| SourceError::Unreadable { path: path.to_path_buf(), reason: error.to_string() };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let cap = u64::try_from(MAX_DOCUMENT_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(cap).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_DOCUMENT_BYTES {
        let reason = format!("it is larger than {MAX_DOCUMENT_BYTES} bytes");
        return Err(SourceError::Unreadable { path: path.to_path_buf(), reason });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(SourceError::Unreadable { path: path.to_path_buf(), reason: "it is not UTF-8 text".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(home: &Path) -> Environment {
        Environment::from_pairs([("HOME", home.to_str().unwrap())])
    }

    /// config R1, F-229: no file at the default place is fine, a named one that is missing is an error.
    #[test]
    fn only_a_named_file_must_exist() {
        let home = tempfile::tempdir().unwrap();
        let source = ConfigSource::read(None, environment(home.path()), Overrides::default()).unwrap();
        assert_eq!(source.file, None);
        let gone = home.path().join("gone.yaml");
        let error = ConfigSource::read(Some(&gone), environment(home.path()), Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("gone.yaml"), "{error}");
    }

    /// config R1, F-037: the default place is found below the home, and the sidecar lies beside the file.
    #[test]
    fn reads_the_default_place_and_its_sidecar() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/agent-queue");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.yaml"), "server: {}\n").unwrap();
        std::fs::write(folder.join(".env"), "A=1\n").unwrap();
        let source = ConfigSource::read(None, environment(home.path()), Overrides::default()).unwrap();
        assert_eq!(source.file.unwrap().text, "server: {}\n");
        assert_eq!(source.sidecar.as_deref(), Some("A=1\n"));
    }

    /// config R1: a file over the cap and a file that is not text are named.
    #[test]
    fn refuses_what_is_no_small_text() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.yaml");
        for bytes in [vec![b'a'; MAX_DOCUMENT_BYTES + 1], vec![0xff, 0xfe]] {
            std::fs::write(&path, bytes).unwrap();
            let error = ConfigSource::read(Some(&path), environment(home.path()), Overrides::default()).unwrap_err();
            assert!(matches!(error, SourceError::Unreadable { .. }), "{error}");
        }
    }
}
