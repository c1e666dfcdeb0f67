//! The address on which assistants of this machine are served, kept over restarts.

use std::net::{Ipv4Addr, SocketAddr};

use crate::loopback::{self, ListenError};

/// An open listener that nobody is served on yet.
#[derive(Debug)]
pub struct Listener(pub(super) loopback::Listener);

impl Listener {
    /// The address with its port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// The URL for assistants.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address())
    }
}

/// Opens `wanted`; without it the `kept` address, and any free port of this machine when that is taken. MCP R6.
///
/// # Errors
/// [`ListenError`].
pub async fn bind(wanted: Option<SocketAddr>, kept: Option<SocketAddr>) -> Result<Listener, ListenError> {
    if let Some(address) = wanted {
        return open(address).await;
    }
    if let Some(address) = kept.filter(|address| address.ip().is_loopback()) {
        match open(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => tracing::warn!(%error, "another port is taken; agents that run already do not find the new one"),
        }
    }
    open((Ipv4Addr::LOCALHOST, 0).into()).await
}

async fn open(address: SocketAddr) -> Result<Listener, ListenError> {
    loopback::open(address).await.map(Listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mcp R6: the kept port is used again; one that is taken is replaced; other machines are kept out.
    #[tokio::test]
    async fn the_port_is_kept_while_it_is_free() {
        let first = bind(None, None).await.unwrap();
        let address = first.address();
        assert!(address.ip().is_loopback() && address.port() > 0);
        let second = bind(None, Some(address)).await.unwrap();
        assert_ne!(second.address(), address);
        drop(first);
        assert_eq!(bind(None, Some(address)).await.unwrap().address(), address);
        assert!(matches!(bind(Some("0.0.0.0:0".parse().unwrap()), None).await, Err(ListenError::NotLoopback(_))));
        assert!(matches!(bind(Some(second.address()), None).await, Err(ListenError::Os { .. })));
    }
}
