//! How an agent's program is run, as it is typed.

use std::collections::HashMap;

use aq_proto::v1::RuntimeProfile;

use super::mcp;

/// How the program is run.
#[derive(clap::Args, Debug)]
pub(crate) struct ProfileArgs {
    /// Model name in the program's own words
    #[arg(long)]
    model: Option<String>,
    /// Permission mode of the program, for example acceptEdits
    #[arg(long, value_name = "MODE")]
    permission_mode: Option<String>,
    /// A tool that needs no permission, in the program's own syntax; may be repeated
    #[arg(long = "allow-tool", value_name = "TOOL")]
    allowed_tools: Vec<String>,
    /// Text added to the program's system prompt
    #[arg(long = "system-prompt", value_name = "TEXT")]
    system_prompt_suffix: Option<String>,
    /// JSON file of MCP servers as other tools keep it, {"mcpServers": {NAME: {command, args, env} or {url, headers}}}, or none
    #[arg(long, value_name = "FILE|none")]
    mcp_file: Option<String>,
    /// File of NAME=VALUE lines added to the agent's environment; for secrets, readable by you only
    #[arg(long, value_name = "FILE")]
    env_file: Option<String>,
    /// The program and its arguments, behind --
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// A file of `NAME=VALUE` lines; empty lines and comments are skipped.
fn variables(text: &str) -> Result<HashMap<String, String>, crate::error::CliError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    lines
        .map(|(number, line)| {
            let pair = line.split_once('=').filter(|(name, _)| !name.trim().is_empty());
            // The line is not repeated: it may hold a secret.
            let (name, value) = pair.ok_or_else(|| crate::error::CliError::usage(format!("line {} is not NAME=VALUE", number + 1)))?;
            Ok((name.trim().to_owned(), value.to_owned()))
        })
        .collect()
}

impl ProfileArgs {
    /// The profile, and the fields of it that were named.
    ///
    /// # Errors
    /// When the file of variables cannot be read.
    pub(crate) fn read(self) -> Result<(RuntimeProfile, Vec<&'static str>), crate::error::CliError> {
        let mut profile = RuntimeProfile::default();
        let mut paths = Vec::new();
        if let Some(model) = self.model {
            profile.model = model;
            paths.push("profile.model");
        }
        if let Some(mode) = self.permission_mode {
            profile.permission_mode = mode;
            paths.push("profile.permission_mode");
        }
        if !self.allowed_tools.is_empty() {
            profile.allowed_tools = self.allowed_tools;
            paths.push("profile.allowed_tools");
        }
        if let Some(text) = self.system_prompt_suffix {
            profile.system_prompt_suffix = text;
            paths.push("profile.system_prompt_suffix");
        }
        if let Some(path) = self.mcp_file {
            profile.mcp_servers = if path == "none" { Vec::new() } else { mcp::read(&path)? };
            paths.push("profile.mcp_servers");
        }
        if let Some(path) = self.env_file {
            let failed = |error: std::io::Error| crate::error::CliError::usage(format!("cannot read {path}: {error}"));
            profile.env = variables(&std::fs::read_to_string(&path).map_err(failed)?)?;
            paths.push("profile.env");
        }
        if !self.command.is_empty() {
            profile.command = self.command;
            paths.push("profile.command");
        }
        Ok((profile, paths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// commands, agents: variables come from a file, and a bad line is named without its content.
    #[test]
    fn variables_are_read() {
        let read = variables("# comment\n\nA=1\n B = x=y\n").unwrap();
        assert_eq!((read["A"].as_str(), read["B"].as_str()), ("1", " x=y"));
        let error = variables("A=1\nsecret-without-name").unwrap_err();
        assert_eq!(error.message, "line 2 is not NAME=VALUE");
    }
}
