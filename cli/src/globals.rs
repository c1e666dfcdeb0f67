//! The options that every command takes.
//!
//! Spec: specs/cli/commands.md

use clap::Args;

use crate::look::ColorChoice;

/// The form of data on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Text for people; may change between versions.
    #[default]
    Table,
    /// JSON with the names of proto JSON; a line per message where messages are streamed.
    Json,
    /// The same as YAML; a document per message where messages are streamed.
    Yaml,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The server's data directory [default: $XDG_STATE_HOME/agent-queue or ~/.local/state/agent-queue]
    #[arg(long, global = true, env = "AQ_HOME", hide_env_values = true, value_name = "DIR")]
    pub(crate) home: Option<String>,
    /// Where the server listens: unix:/path, http://host:port or https://host:port [default: found in the home]
    #[arg(long, global = true, env = "AQ_SERVER", hide_env_values = true, value_name = "ENDPOINT")]
    pub(crate) server: Option<String>,
    /// File with the API key, readable by you only [default: admin.key in the home]
    #[arg(long, global = true, env = "AQ_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) key_file: Option<String>,
    /// PEM file of the certificate that proves the server; needed for https
    #[arg(long, global = true, env = "AQ_CA_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) ca_file: Option<String>,
    /// PEM file of your own certificate, for a server that asks for one
    #[arg(long, global = true, env = "AQ_TLS_CERT_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) tls_cert_file: Option<String>,
    /// PEM file of the key of that certificate, readable by you only
    #[arg(long, global = true, env = "AQ_TLS_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) tls_key_file: Option<String>,
    /// Form of the data on standard output
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// Say nothing but data and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Answer questions with yes
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Longest time to wait, for example 10s or 5m [default: 30s; none for --wait and followed streams]
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) timeout: Option<humantime::Duration>,
}
