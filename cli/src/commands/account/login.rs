//! Where an account's login lives, as it is typed. A secret is never a flag's value (commands R2).

use crate::commands::values;
use crate::error::CliError;

/// The login and the limits.
#[derive(clap::Args, Debug)]
pub(crate) struct LoginArgs {
    /// Folder of the agent CLI's own configuration and login, for example ~/.claude
    #[arg(long, value_name = "DIR")]
    pub(crate) login_dir: Option<String>,
    /// Environment variable that carries the provider key to the program, for example ANTHROPIC_API_KEY
    #[arg(long, value_name = "NAME")]
    pub(crate) key_variable: Option<String>,
    /// File on the server's machine that holds the provider key, readable by its owner alone
    #[arg(long, value_name = "FILE", conflicts_with = "provider_key_env")]
    pub(crate) provider_key_file: Option<String>,
    /// Variable of the server's environment that holds the provider key
    #[arg(long, value_name = "NAME")]
    pub(crate) provider_key_env: Option<String>,
    /// Most runs at the same time, 0 for no limit
    #[arg(long, value_name = "N")]
    pub(crate) max_runs: Option<u32>,
    /// Start nothing new when a window is used beyond this part, for example 80%
    #[arg(long, value_name = "PART", value_parser = values::part)]
    pub(crate) stop_at: Option<f64>,
    /// Part of every window that is left for you, for example 20%
    #[arg(long, value_name = "PART", value_parser = values::part)]
    pub(crate) reserve: Option<f64>,
    /// Hours in which the reserve is kept, for example 09:00-18:00; can be repeated; `always` for all hours
    #[arg(long, value_name = "HOURS")]
    pub(crate) reserve_hours: Vec<String>,
    /// Hours in which nothing new starts, for example 22:00-07:00; can be repeated; `never` for none
    #[arg(long, value_name = "HOURS")]
    pub(crate) quiet_hours: Vec<String>,
    /// Time zone of the hours, for example Europe/Vienna
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
}

/// The spans that were typed; a word stands for an empty list.
pub(crate) fn spans(typed: &[String], word: &str) -> Vec<String> {
    if typed == [word] { Vec::new() } else { typed.to_vec() }
}

impl LoginArgs {
    /// The folder, absolute, as the server understands it.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub(crate) fn absolute_dir(&self) -> Result<Option<String>, CliError> {
        let Some(dir) = &self.login_dir else { return Ok(None) };
        let path = std::path::absolute(dir)?.into_os_string().into_string();
        path.map(Some).map_err(|_| CliError::usage(format!("`{dir}` is not UTF-8")))
    }

    /// Where the server finds the provider key. The key itself never passes through here.
    ///
    /// # Errors
    /// When the path is not UTF-8.
    pub(crate) fn provider_key(&self) -> Result<Option<String>, CliError> {
        if let Some(name) = &self.provider_key_env {
            return Ok(Some(format!("env:{name}")));
        }
        let Some(file) = &self.provider_key_file else { return Ok(None) };
        let path = std::path::absolute(file)?.into_os_string().into_string();
        path.map(|path| Some(format!("file:{path}"))).map_err(|_| CliError::usage(format!("`{file}` is not UTF-8")))
    }
}
