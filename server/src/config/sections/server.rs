//! Section `server`: where the server lives, where it listens, how long it takes to stop.
//!
//! Keys: `home`, `workspaces`, `socket`, `listen`, `tls_cert_file`, `tls_key_file`, `tls_client_ca_file`, `grace_seconds`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::config::document::{optional_display, seconds};
use crate::config::environment::Environment;
use crate::config::reader::Reader;

/// Where the server lives and listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Server {
    /// The data directory, absolute. Default `$XDG_STATE_HOME/agent-queue` or `~/.local/state/agent-queue`.
    pub home: PathBuf,
    /// Where tasks get their run directories. Default `<home>/workspaces`.
    pub workspaces: PathBuf,
    /// The Unix socket to listen on; `None` lets the server pick one below its home.
    pub socket: Option<PathBuf>,
    /// A TCP address to listen on besides the socket. Beyond loopback it needs `tls` (F-239).
    #[serde(serialize_with = "optional_display")]
    pub listen: Option<SocketAddr>,
    /// The certificate and key for TCP; both or none.
    #[serde(flatten)]
    pub tls: Option<TlsFiles>,
    /// How long a shutdown waits for open requests and reconcilers before it forces them, 0 to 3600 s (F-093).
    #[serde(rename = "grace_seconds", serialize_with = "seconds")]
    pub grace: Duration,
}

/// The files of a server certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsFiles {
    /// PEM certificate chain.
    #[serde(rename = "tls_cert_file")]
    pub certificate: PathBuf,
    /// PEM private key; never shown, only its path.
    #[serde(rename = "tls_key_file")]
    pub key: PathBuf,
    /// PEM certificates of which one must have signed the certificate of every client; `None`: clients need none.
    #[serde(rename = "tls_client_ca_file")]
    pub client_ca: Option<PathBuf>,
}

impl Server {
    pub(in crate::config) fn read(mut reader: Reader<'_>, environment: &Environment) -> Self {
        let written = reader.has("home");
        let home = reader.path("home").or_else(|| environment.xdg("XDG_STATE_HOME", ".local/state")).unwrap_or_else(|| {
            if !written {
                reader.error(
                    "home",
                    "is not set, and neither HOME nor XDG_STATE_HOME names a place for it",
                    Some("give --home".to_owned()),
                );
            }
            PathBuf::from("/")
        });
        let workspaces = reader.path("workspaces").unwrap_or_else(|| home.join("workspaces"));
        let socket = reader.path("socket");
        let listen = address(&mut reader);
        let client_ca = reader.path("tls_client_ca_file");
        let tls = match (reader.path("tls_cert_file"), reader.path("tls_key_file")) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key, client_ca }),
            (Some(_), None) => {
                reader.error("tls_key_file", "is missing beside tls_cert_file", Some("name the PEM file of the private key".to_owned()));
                None
            }
            (None, Some(_)) => {
                reader.error("tls_cert_file", "is missing beside tls_key_file", Some("name the PEM file of the certificate".to_owned()));
                None
            }
            (None, None) => {
                if client_ca.is_some() {
                    let remedy = "set tls_cert_file and tls_key_file as well".to_owned();
                    reader.error("tls_client_ca_file", "asks clients for certificates, which needs TLS", Some(remedy));
                }
                None
            }
        };
        if let Some(address) = listen.filter(|address| !address.ip().is_loopback() && tls.is_none()) {
            let remedy = "set tls_cert_file and tls_key_file, or listen on 127.0.0.1".to_owned();
            reader.error("listen", format!("{address} can be reached from other machines, which needs TLS"), Some(remedy));
        }
        let grace = reader.seconds("grace_seconds", 0..=3600, 30);
        reader.finish();
        Self { home, workspaces, socket, listen, tls, grace }
    }
}

fn address(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let text = reader.optional_text("listen")?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        reader.error("listen", "must be an address and a port", Some("for example `127.0.0.1:50051`".to_owned()));
    }
    parsed
}
