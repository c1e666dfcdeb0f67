//! An accepted connection: who is at the other end, its place among the connections, and the means to end it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// Who is at the other end of a connection; found in the extensions of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A process of this machine on the Unix socket.
    Unix {
        /// Its user.
        uid: u32,
        /// Its process, when known.
        pid: Option<i32>,
    },
    /// A TCP peer.
    Tcp(SocketAddr),
}

impl Peer {
    /// What limits per peer count by: the user, or the address without its port.
    #[must_use]
    pub fn group(&self) -> String {
        match self {
            Self::Unix { uid, .. } => format!("uid:{uid}"),
            Self::Tcp(address) => address.ip().to_string(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { uid, pid: Some(pid) } => write!(f, "unix uid={uid} pid={pid}"),
            Self::Unix { uid, pid: None } => write!(f, "unix uid={uid}"),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// How many connections there may be. gRPC R2.
#[derive(Clone, Debug)]
pub(super) struct Room {
    all: Arc<Semaphore>,
    by_address: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    most_by_address: usize,
}

/// A connection's place; dropping it makes room.
#[derive(Debug)]
pub(super) struct Place {
    _one: OwnedSemaphorePermit,
    address: Option<IpAddr>,
    room: Room,
}

impl Room {
    pub(super) fn new(connections: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(connections)), by_address: Arc::default(), most_by_address: (connections / 8).max(1) }
    }

    /// A place for one more connection; `None` when there is none. Peers on the Unix socket are all the same user, so only the
    /// total limits them.
    pub(super) fn enter(&self, peer: &Peer) -> Option<Place> {
        let one = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let address = match peer {
            Peer::Unix { .. } => None,
            Peer::Tcp(address) => Some(address.ip()),
        };
        if let Some(address) = address {
            let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(address).or_insert(0);
            if *count >= self.most_by_address {
                return None;
            }
            *count += 1;
        }
        Some(Place { _one: one, address, room: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            let mut counts = self.room.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = counts.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&address);
                }
            }
        }
    }
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// An accepted connection.
pub(super) struct Accepted {
    socket: Socket,
    peer: Peer,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: Place,
}

impl Accepted {
    pub(super) fn tcp(stream: TcpStream, peer: Peer, place: Place, cut: CancellationToken) -> Self {
        Self { socket: Socket::Tcp(stream), peer, cut: Box::pin(cut.cancelled_owned()), _place: place }
    }

    pub(super) fn unix(stream: UnixStream, peer: Peer, place: Place, cut: CancellationToken) -> Self {
        Self { socket: Socket::Unix(stream), peer, cut: Box::pin(cut.cancelled_owned()), _place: place }
    }
}

impl Connected for Accepted {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Every connection always has a read waiting, so this is where it learns that its time is over.
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Socket::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }
}
