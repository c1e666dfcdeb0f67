//! Section `metrics`: where a monitoring program reads the figures.
//!
//! Keys: `listen`.

use std::net::SocketAddr;

use serde::Serialize;

use crate::config::document::optional_display;
use crate::config::reader::Reader;

/// Where a monitoring program reads the figures, in the OpenMetrics text format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metrics {
    /// The address, on this machine. `None`: nothing is served.
    #[serde(serialize_with = "optional_display")]
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let text = reader.optional_text("listen");
        let listen: Option<SocketAddr> = text.as_deref().and_then(|text| text.parse().ok());
        let remedy = || Some("for example `127.0.0.1:9464`".to_owned());
        if text.is_some() && listen.is_none() {
            reader.error("listen", "must be an address and a port", remedy());
        }
        if let Some(address) = listen.filter(|address| !address.ip().is_loopback()) {
            let problem =
                format!("{address} can be reached from other machines, and figures are told without a key; let a proxy of yours do that");
            reader.error("listen", problem, remedy());
        }
        reader.finish();
        Self { listen }
    }
}
