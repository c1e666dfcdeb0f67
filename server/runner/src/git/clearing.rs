//! Taking folders of ours off the disk, whatever an agent has made of their permissions; no link is ever followed.
//!
//! Whether a directory may go is decided in `remove`.
//!
//! Spec: specs/server/runner/workspaces.md

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::{AtPath as _, GitError};

/// Removes a folder of ours that may be there; never follows a link.
pub(super) fn clear(path: &Path) -> Result<(), GitError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(found) if found.is_dir() => remove_tree(path),
        Ok(_) => fs::remove_file(path).at(path),
    }
}

/// Removes a directory without following links; folders that forbid it are opened first.
pub(super) fn remove_tree(path: &Path) -> Result<(), GitError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            open_folders(path)?;
            fs::remove_dir_all(path).at(path)
        }
        other => other.at(path),
    }
}

fn open_folders(path: &Path) -> Result<(), GitError> {
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).at(&folder)?;
        for entry in fs::read_dir(&folder).at(&folder)?.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}
