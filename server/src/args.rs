//! The command line of `aqd`. What the commands do lives elsewhere; so do the internal entries that start runs.
//!
//! Flags win over the environment, which wins over the file (config R3). The environment is read by `config`, not by the parser.
//!
//! Spec: specs/server/config.md

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Overrides;

/// The Agent Queue server: keeps agents busy on the tasks of many projects.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "aqd", version, about, max_term_width = 100)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct CommonArguments {
    /// Configuration file [default: ~/.config/agent-queue/config.yaml, or defaults when it is not there] [env: AQ_CONFIG]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory [default: ~/.local/state/agent-queue] [env: AQ_HOME]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// What to log, for example `info,aq_server::store=debug` [env: AQ_LOG]
    #[arg(long, global = true, value_name = "DIRECTIVES")]
    pub log: Option<String>,
    /// How log lines look: `text` for people, `json` for programs [env: AQ_LOG_FORMAT]
    #[arg(long, global = true, value_name = "FORMAT", value_parser = ["text", "json"])]
    pub log_format: Option<String>,
}

/// What `aqd` can do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server until it is told to stop (the default)
    Serve(ServeArguments),
    /// Check the configuration, tell every problem at once, and exit with 1 when there is an error
    CheckConfig {
        /// Also print the configuration as it takes effect, secrets masked
        #[arg(long)]
        print: bool,
    },
    /// Bring the database to the newest schema and exit
    Migrate,
    /// Show the whole system at work in a directory of its own: projects, agents, tasks, a merge
    Demo(DemoArguments),
    /// Look at this machine and say what is missing, one line for each check
    Doctor {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What `serve` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ServeArguments {
    /// Unix socket to listen on [default: aqd.sock in the data directory] [env: AQ_SOCKET]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// TCP address to listen on besides the socket; beyond loopback it needs TLS [env: AQ_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

/// What `demo` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct DemoArguments {
    /// Which agents do the work; `scripted` spends nothing, `claude` spends tokens of your own login
    #[arg(long, value_enum, default_value_t = DemoAgent::Scripted)]
    pub agent: DemoAgent,
    /// Keep the directory and the server when the demonstration is over
    #[arg(long)]
    pub keep: bool,
}

/// Which agents the demonstration uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoAgent {
    /// The built-in agent that follows a script.
    Scripted,
    /// The Claude Code CLI with the login of the user.
    Claude,
}

impl Arguments {
    /// What was asked for; `serve` when nothing was said.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or_else(|| Command::Serve(ServeArguments::default()))
    }

    /// The values that lie over the configuration. `directory` is where relative paths start: the caller's working directory.
    #[must_use]
    pub fn overrides(&self, directory: &Path) -> Overrides {
        let absolute = |path: &PathBuf| directory.join(path).to_string_lossy().into_owned();
        let serve = match &self.command {
            Some(Command::Serve(serve)) => serve.clone(),
            _ => ServeArguments::default(),
        };
        Overrides {
            home: self.common.home.as_ref().map(absolute),
            socket: serve.socket.as_ref().map(absolute),
            listen: serve.listen,
            database_url: None,
            log_filter: self.common.log.clone(),
            log_format: self.common.log_format.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// F-229: the definition is consistent, and nothing said means `serve`.
    #[test]
    fn no_command_means_serve() {
        Arguments::command_for_checks().debug_assert();
        let parsed = Arguments::try_parse_from(["aqd"]).unwrap();
        assert_eq!(parsed.command(), Command::Serve(ServeArguments::default()));
    }

    /// config R3: flags become overrides, relative paths start at the working directory.
    #[test]
    fn flags_become_overrides() {
        let line = ["aqd", "serve", "--home", "data", "--listen", "127.0.0.1:7", "--log", "debug", "--socket", "/run/a.sock"];
        let overrides = Arguments::try_parse_from(line).unwrap().overrides(Path::new("/work"));
        assert_eq!(overrides.home.as_deref(), Some("/work/data"));
        assert_eq!(overrides.socket.as_deref(), Some("/run/a.sock"));
        assert_eq!(overrides.listen.as_deref(), Some("127.0.0.1:7"));
        assert_eq!(overrides.log_filter.as_deref(), Some("debug"));
    }

    impl Arguments {
        fn command_for_checks() -> clap::Command {
            <Self as CommandFactory>::command()
        }
    }
}
