//! Writing what was asked for into the configuration file: other keys stay, the file is its owner's alone.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::config::merged;

/// What is written.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub(super) token: String,
    pub(super) guild: u64,
    pub(super) admin: u64,
    pub(super) channel: String,
}

/// Writes the file: beside itself first, then in its place, so that a crash leaves the old one or the new one.
pub(super) fn write(path: &Path, answers: &Answers) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let old = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let text = merged(&old, &answers.token, answers.guild, answers.admin, &answers.channel)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let beside = path.with_extension("new");
    drop(std::fs::remove_file(&beside));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// F-232, D-106: other keys stay, the file is readable by its owner only, and a second run changes only what was answered.
    #[test]
    fn other_keys_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/config.yaml");
        let answers = Answers { token: "a.b.c".to_owned(), guild: 9, admin: 5, channel: "ops".to_owned() };
        write(&path, &answers).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("server:\n  grace: 5s\n{text}  require_mention: true\n")).unwrap();
        write(&path, &Answers { channel: "work".to_owned(), admin: 6, ..answers }).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for kept in ["grace: 5s", "require_mention: true", "channel: work", "guild_id: '9'", "- '5'", "- '6'"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }
}
