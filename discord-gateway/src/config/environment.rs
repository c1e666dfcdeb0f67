//! The environment and the files of the gateway's configuration. The only place that asks the system for either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest file read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// A set of environment variables. Printing it gives names only.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process whose name and value are UTF-8.
    pub(crate) fn of_process() -> Self {
        let pairs = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(pairs.collect())
    }

    /// A made-up environment.
    #[cfg(test)]
    pub(crate) fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// A variable that is set and not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// A variable that is set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds the `NAME=VALUE` lines of a `.env` file; what is set stays (config R2 of the server).
    pub(crate) fn add_sidecar(&mut self, text: &str) {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        for (name, value) in lines.filter_map(|line| line.split_once('=')) {
            if !name.trim().is_empty() {
                self.0.entry(name.trim().to_owned()).or_insert_with(|| value.trim().to_owned());
            }
        }
    }

    /// The configuration file: the given one, `AQ_CONFIG`, or the default place.
    pub(crate) fn config_path(&self, given: Option<&Path>) -> Option<PathBuf> {
        if let Some(path) = given.map(Path::to_path_buf).or_else(|| self.filled("AQ_CONFIG").map(PathBuf::from)) {
            return Some(path);
        }
        let base = match self.filled("XDG_CONFIG_HOME") {
            Some(base) => PathBuf::from(base),
            None => PathBuf::from(self.filled("HOME")?).join(".config"),
        };
        Some(base.join("agent-queue").join("config.yaml"))
    }
}

/// The text of a small file.
pub(crate) fn read_small(path: &Path) -> Result<String, String> {
    use std::io::Read;
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(format!("{} is larger than {MAX_BYTES} bytes", path.display()));
    }
    Ok(text)
}
