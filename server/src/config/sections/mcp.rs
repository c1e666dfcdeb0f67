//! Section `mcp`: where assistants reach the tools over HTTP.
//!
//! Keys: `enabled`, `listen`.

use std::net::SocketAddr;

use serde::Serialize;

use crate::config::document::optional_display;
use crate::config::reader::Reader;

/// Where assistants reach the tools over HTTP. The way through `aqctl mcp` needs no listener and is always there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mcp {
    /// Whether there is a listener. Without it, runs are not given the tools.
    pub enabled: bool,
    /// The address, on this machine. `None`: a free port of 127.0.0.1, kept over restarts.
    #[serde(serialize_with = "optional_display")]
    pub listen: Option<SocketAddr>,
}

impl Mcp {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let enabled = reader.boolean("enabled", true);
        let text = reader.optional_text("listen");
        let listen: Option<SocketAddr> = text.as_deref().and_then(|text| text.parse().ok());
        let remedy = || Some("for example `127.0.0.1:7821`".to_owned());
        if text.is_some() && listen.is_none() {
            reader.error("listen", "must be an address and a port", remedy());
        }
        if let Some(address) = listen.filter(|address| !address.ip().is_loopback()) {
            reader.error("listen", format!("{address} can be reached from other machines; assistants there use `aqctl mcp`"), remedy());
        }
        reader.finish();
        Self { enabled, listen }
    }
}
