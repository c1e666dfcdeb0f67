//! The command line of `aq-discord`.
//!
//! Spec: specs/discord-gateway/README.md

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// The Discord gateway of Agent Queue: follows the server's events. It does not log in to Discord yet.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "aq-discord", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Configuration file whose section `discord` is read [default: ~/.config/agent-queue/config.yaml] [env: AQ_CONFIG]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the server listens: unix:/path, http://host:port or https://host:port [default: as the server wrote it] [env: AQ_ENDPOINT]
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) endpoint: Option<String>,
    /// File with the API key of role `gateway`, readable by its owner only [env: AQ_API_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// PEM file of the certificate that proves a server with TLS
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Data directory of a server on this machine, to find its endpoint and key [env: AQ_HOME]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Answer gRPC health checks on this loopback address
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) health: Option<SocketAddr>,
    /// Check the configuration, tell every problem at once, and exit
    #[arg(long)]
    pub(crate) check_config: bool,
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
