//! The variables of the process that `aqctl` heeds beside those of its flags. The only file that reads the environment.
//!
//! Spec: specs/cli/commands.md

use std::path::PathBuf;

use aq_proto::client::{ApiKey, InvalidApiKey};

/// The variables, an empty one counting as unset (commands R2).
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `HOME`.
    pub(crate) home: Option<String>,
    /// `XDG_STATE_HOME`.
    pub(crate) state_home: Option<String>,
    /// `XDG_CONFIG_HOME`.
    pub(crate) config_home: Option<String>,
    /// `PATH`.
    pub(crate) path: Option<String>,
    /// `AQ_HOME`, for completion, which runs before arguments are read.
    pub(crate) aq_home: Option<String>,
    /// `AQ_SERVER`, likewise.
    pub(crate) aq_server: Option<String>,
    /// `AQ_KEY_FILE`, likewise.
    pub(crate) aq_key_file: Option<String>,
    /// `AQ_SOCKET`: the server's socket, as agents are told it.
    pub(crate) socket: Option<String>,
    /// `AQ_API_KEY`: the key that agents are given.
    pub(crate) api_key: Option<Result<ApiKey, InvalidApiKey>>,
    /// `NO_COLOR` is set.
    pub(crate) no_color: bool,
    /// `CLICOLOR_FORCE` is set to something but `0`.
    pub(crate) force_color: bool,
    /// `CLICOLOR=0`.
    pub(crate) color_off: bool,
    /// `TERM=dumb`.
    pub(crate) dumb: bool,
}

impl Environment {
    /// Reads the process's variables.
    #[must_use]
    pub(crate) fn read() -> Self {
        Self {
            home: variable("HOME"),
            state_home: variable("XDG_STATE_HOME"),
            config_home: variable("XDG_CONFIG_HOME"),
            path: variable("PATH"),
            aq_home: variable("AQ_HOME"),
            aq_server: variable("AQ_SERVER"),
            aq_key_file: variable("AQ_KEY_FILE"),
            socket: variable("AQ_SOCKET"),
            api_key: variable("AQ_API_KEY").map(|text| text.parse()),
            no_color: variable("NO_COLOR").is_some(),
            force_color: variable("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            color_off: variable("CLICOLOR").is_some_and(|value| value == "0"),
            dumb: variable("TERM").is_some_and(|value| value == "dumb"),
        }
    }

    /// `$XDG_CONFIG_HOME`, else `~/.config`; `None` without both.
    #[must_use]
    pub(crate) fn config_dir(&self) -> Option<PathBuf> {
        let absolute = |text: &Option<String>| text.as_ref().map(PathBuf::from).filter(|path| path.is_absolute());
        absolute(&self.config_home).or_else(|| Some(absolute(&self.home)?.join(".config")))
    }

    /// The directories of `PATH`, absolute ones only: a relative entry would depend on where the command is called.
    #[must_use]
    pub(crate) fn search_path(&self) -> Vec<PathBuf> {
        let path = self.path.as_deref().unwrap_or_default();
        std::env::split_paths(path).filter(|dir| dir.is_absolute()).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the file that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
