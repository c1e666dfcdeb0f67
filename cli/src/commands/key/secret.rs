//! Where the secret of a new key goes: to a file that only its owner can read, or to the screen, once.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use aq_proto::v1::CreateApiKeyResponse;

use crate::context::Context;
use crate::error::CliError;
use crate::globals::Format;

/// The place of a secret. It comes before the key: one that cannot be kept must not be made.
pub(super) struct Place {
    out: Option<(String, File)>,
}

impl Place {
    /// A new file, or the screen.
    ///
    /// # Errors
    /// Usage when the file cannot be made.
    pub(super) fn open(path: Option<&str>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self { out: None }) };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| CliError::usage(format!("cannot create {path}: {error}")))?;
        Ok(Self { out: Some((path.to_owned(), file)) })
    }

    /// No key was made.
    pub(super) fn abandon(self) {
        if let Some((path, _)) = self.out {
            // Only the empty file that was made above goes.
            let _left_behind = std::fs::remove_file(path);
        }
    }

    /// Keeps the secret, or shows it.
    ///
    /// # Errors
    /// When neither can be done.
    pub(super) fn keep(self, context: &Context, answer: &CreateApiKeyResponse) -> Result<(), CliError> {
        let kid = answer.api_key.as_ref().map(|key| key.kid.as_str()).unwrap_or_default();
        if let Some((path, mut file)) = self.out {
            writeln!(file, "{}", answer.secret)?;
            file.sync_all()?;
            context.ui.talk(format!("key {kid} is in {path}; use it with --key-file or AQ_KEY_FILE"));
            return Ok(());
        }
        if context.ui.format == Format::Table {
            context.ui.print(&crate::clean::line(&answer.secret))?;
        } else {
            context.ui.show(answer, |_, _| String::new())?;
        }
        context.ui.talk(format!("this is the only time that key {kid} is shown; keep it in a file that only you can read"));
        Ok(())
    }
}
