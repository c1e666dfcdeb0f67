//! The address on which assistants of this machine are served, kept over restarts.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address can be reached from other machines.
    #[error("{0} can be reached from other machines; MCP is served on this machine only")]
    NotLoopback(SocketAddr),
    /// The operating system refuses.
    #[error("MCP cannot be served on {address}: {source}")]
    Os {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// An open listener that nobody is served on yet.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// The address with its port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for assistants.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
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
    if !address.ip().is_loopback() {
        return Err(ListenError::NotLoopback(address));
    }
    let failed = |source| ListenError::Os { address, source };
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Listener { socket, address })
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
