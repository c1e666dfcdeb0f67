//! An address of this machine.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address can be reached from other machines.
    #[error("{0} can be reached from other machines; name an address of 127.0.0.0/8 or ::1")]
    NotLoopback(SocketAddr),
    /// The operating system refuses.
    #[error("{address} cannot be listened on: {source}")]
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
}

/// Listens on `address`; port 0 takes any free one (loopback R1).
///
/// # Errors
/// [`ListenError`].
pub async fn open(address: SocketAddr) -> Result<Listener, ListenError> {
    if !address.ip().is_loopback() {
        return Err(ListenError::NotLoopback(address));
    }
    let failed = |source| ListenError::Os { address, source };
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Listener { socket, address })
}
