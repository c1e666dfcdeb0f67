//! The command line of `aqd`. What the commands do lives elsewhere; so do the internal entries that start runs.
//!
//! Flags win over the environment, which wins over the file (config R3). The environment is read by `config`, not by the parser.
//!
//! Spec: specs/server/config.md

use std::ffi::OsString;
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
    /// Put a copy of the database back in its place; no server may run, and what is there is kept aside
    Restore {
        /// The copy: made by `aqctl backup`, of the day, or from before a migration
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
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

    /// The arguments that start the same server again from any directory, the program's name left out: `home` and `config` as they took effect, and
    /// every flag that was given. `directory` is where relative paths start. Later flags win over these, so that a caller can add its own.
    #[must_use]
    pub fn again(&self, directory: &Path, home: &Path, config: Option<&Path>) -> Vec<OsString> {
        // Taken apart by name, so that a new flag is not forgotten here.
        let CommonArguments { config: _, home: _, log, log_format } = &self.common;
        let ServeArguments { socket, listen } = match &self.command {
            Some(Command::Serve(serve)) => serve.clone(),
            _ => ServeArguments::default(),
        };
        let flags = [
            ("--home", Some(directory.join(home).into_os_string())),
            ("--config", config.map(|path| directory.join(path).into_os_string())),
            ("--log", log.as_ref().map(OsString::from)),
            ("--log-format", log_format.as_ref().map(OsString::from)),
        ];
        let own = [("--socket", socket.map(|path| directory.join(path).into_os_string())), ("--listen", listen.map(OsString::from))];
        let given = |(flag, value): (&str, Option<OsString>)| value.map(|value| [OsString::from(flag), value]);
        let before = flags.into_iter().filter_map(given).flatten();
        before.chain([OsString::from("serve")]).chain(own.into_iter().filter_map(given).flatten()).collect()
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

    /// F-094, server R5: what is written down for the next start says the same as what was typed, wherever it is read, and a flag behind it wins.
    #[test]
    fn a_server_is_started_again_as_it_was() {
        let line =
            ["aqd", "-c", "my.yaml", "--log=debug", "--log-format", "json", "serve", "--socket", "a.sock", "--listen", "127.0.0.1:7"];
        let typed = Arguments::try_parse_from(line).unwrap();
        let again = typed.again(Path::new("/work"), Path::new("/state"), Some(Path::new("my.yaml")));
        let read = Arguments::try_parse_from([OsString::from("aqd")].iter().chain(&again)).unwrap();
        let overrides = Overrides { home: Some("/state".to_owned()), ..typed.overrides(Path::new("/work")) };
        assert_eq!(read.overrides(Path::new("/elsewhere")), overrides);
        assert_eq!(read.common.config.as_deref(), Some(Path::new("/work/my.yaml")));

        let other = ["aqd".into()].into_iter().chain(again).chain(["--config".into(), "/other.yaml".into()]);
        let read = Arguments::try_parse_from(other.collect::<Vec<OsString>>()).unwrap();
        assert_eq!(read.common.config.as_deref(), Some(Path::new("/other.yaml")));
        let plain = Arguments::try_parse_from(["aqd"]).unwrap().again(Path::new("/"), Path::new("/state"), None);
        assert_eq!(plain, ["--home", "/state", "serve"]);
    }

    impl Arguments {
        fn command_for_checks() -> clap::Command {
            <Self as CommandFactory>::command()
        }
    }
}
