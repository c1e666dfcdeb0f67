//! The command line of `aq-discord`.
//!
//! Spec: specs/discord-gateway/README.md

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The Discord gateway of Agent Queue: projects, tasks and agents in your pocket.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "aq-discord", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    /// What to do; without a word the gateway runs
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Configuration file whose section `discord` is read [default: ~/.config/agent-queue/config.yaml] [env: AQ_CONFIG]
    #[arg(long, global = true, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the server listens: unix:/path, http://host:port or https://host:port [default: as the server wrote it] [env: AQ_ENDPOINT]
    #[arg(long, global = true, value_name = "ENDPOINT")]
    pub(crate) endpoint: Option<String>,
    /// File with the API key of role `gateway`, readable by its owner only [env: AQ_API_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// PEM file of the certificate that proves a server with TLS
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// PEM file of the gateway's own certificate, for a server that asks for one
    #[arg(long, global = true, value_name = "FILE", requires = "tls_key_file")]
    pub(crate) tls_cert_file: Option<PathBuf>,
    /// PEM file of the key of that certificate, readable by its owner only
    #[arg(long, global = true, value_name = "FILE", requires = "tls_cert_file")]
    pub(crate) tls_key_file: Option<PathBuf>,
    /// Data directory of a server on this machine, to find its endpoint and key [env: AQ_HOME]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Answer gRPC health checks on this loopback address
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) health: Option<SocketAddr>,
    /// Write more to the log
    #[arg(long, global = true, short)]
    pub(crate) verbose: bool,
    /// Check the configuration, tell every problem at once, and exit
    #[arg(long)]
    pub(crate) check_config: bool,
}

/// What else than running there is to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Ask for token, guild, user and channel, try each, and write the configuration
    Setup {
        /// Where Discord's interface is
        #[arg(long, hide = true, default_value = "https://discord.com")]
        api_url: String,
    },
    /// Look at configuration, token, intent, guild, rights, channel, server and key, and say what helps
    Check,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The definition is consistent.
    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}
