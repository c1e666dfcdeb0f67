//! An accepted connection: who is at the other end, its place among the connections, and what ends it. What the connection has to show for itself is
//! `line`'s.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::line::{Line, Patience};
use super::shares::{Held, Shares};

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
    /// What limits per peer count by: the user, the IPv4 address, or the first 64 bits of an IPv6 address, which is what one customer of a network is given
    /// (RFC 6177).
    #[must_use]
    pub fn group(&self) -> String {
        match self {
            Self::Unix { uid, .. } => format!("uid:{uid}"),
            Self::Tcp(address) => match address.ip().to_canonical() {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
            },
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

/// The way that a request came; found in its extensions until the outermost station takes it apart.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) peer: Peer,
    pub(super) line: Arc<Line>,
}

/// How many connections there may be. gRPC R2.
#[derive(Clone, Debug)]
pub(super) struct Room {
    all: Arc<Semaphore>,
    by_address: Shares,
}

/// A connection's place; dropping it makes room.
#[derive(Debug)]
pub(super) struct Place {
    _one: OwnedSemaphorePermit,
    _share: Option<Held>,
}

impl Room {
    pub(super) fn new(connections: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(connections)), by_address: Shares::new((connections / 8).max(1)) }
    }

    /// A place for one more connection; `None` when there is none. Peers on the Unix socket are all the same user, so only the
    /// total limits them.
    pub(super) fn enter(&self, peer: &Peer) -> Option<Place> {
        let one = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let share = match peer {
            Peer::Unix { .. } => None,
            Peer::Tcp(_) => Some(self.by_address.enter(peer.group())?),
        };
        Some(Place { _one: one, _share: share })
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
    line: Arc<Line>,
    patience: Patience,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Runs until the time for a first call is over.
    first_call: Option<Pin<Box<Sleep>>>,
    /// Runs while what is written does not leave.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Accepted {
    pub(super) fn tcp(stream: TcpStream, peer: Peer, place: Place, cut: CancellationToken, patience: Patience) -> Self {
        Self::new(Socket::Tcp(stream), peer, place, cut, patience)
    }

    pub(super) fn unix(stream: UnixStream, peer: Peer, place: Place, cut: CancellationToken, patience: Patience) -> Self {
        Self::new(Socket::Unix(stream), peer, place, cut, patience)
    }

    fn new(socket: Socket, peer: Peer, place: Place, cut: CancellationToken, patience: Patience) -> Self {
        let first_call = Some(Box::pin(tokio::time::sleep(patience.first_call)));
        let (line, cut) = (Arc::default(), Box::pin(cut.cancelled_owned()));
        Self { socket, peer, line, patience, cut, first_call, stalled: None, _place: place }
    }

    /// Why the connection ends now. Asked before each reading and writing, and the clocks wake the one that waits.
    fn over(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.first_call.as_mut().is_some_and(|clock| clock.as_mut().poll(cx).is_ready()) {
            self.first_call = None;
            if !self.line.called() {
                return Err(self.late("made no call"));
            }
        }
        // No clock of its own: a peer that lives is heard of at least as often as it is pinged.
        if self.line.waits_longer_than(self.patience.answers) {
            return Err(self.late("left an answer"));
        }
        Ok(())
    }

    fn late(&self, what: &str) -> io::Error {
        tracing::debug!(peer = %self.peer, what, "a connection is cut");
        io::Error::new(io::ErrorKind::TimedOut, format!("the peer {what} in time"))
    }

    /// Watches that what is written leaves at last.
    fn watched<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let wait = self.patience.answers;
        let clock = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        if clock.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(self.late("took nothing of what was written")));
        }
        Poll::Pending
    }
}

impl Connected for Accepted {
    type ConnectInfo = Arrival;

    fn connect_info(&self) -> Arrival {
        Arrival { peer: self.peer.clone(), line: Arc::clone(&self.line) }
    }
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.over(cx)?;
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // A connection whose peer takes nothing is not read any more, so that it has to learn here as well that its time is over.
        self.over(cx)?;
        let written = match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        self.watched(cx, written)
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
        self.over(cx)?;
        let written = match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Socket::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        };
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// gRPC R2, R5: an address counts as itself, also in IPv6's clothes; of IPv6 a whole network of a customer counts as one.
    #[test]
    fn peers_are_counted_by_who_they_belong_to() {
        let group = |address: &str| Peer::Tcp(address.parse().unwrap()).group();
        assert_eq!((group("127.0.0.2:1"), group("[::ffff:127.0.0.2]:7")), ("127.0.0.2".to_owned(), "127.0.0.2".to_owned()));
        assert_eq!(group("[2001:db8:1:2::5]:9"), group("[2001:db8:1:2:ffff::9]:10"));
        assert_ne!(group("[2001:db8:1:2::5]:9"), group("[2001:db8:1:3::5]:9"));
    }

    /// gRPC R2: of eight places one address has one; what leaves makes room.
    #[test]
    fn an_address_has_its_share_of_the_places() {
        let room = Room::new(8);
        let peer = |address: &str| Peer::Tcp(address.parse().unwrap());
        let first = room.enter(&peer("127.0.0.1:1"));
        assert!(first.is_some() && room.enter(&peer("127.0.0.1:2")).is_none() && room.enter(&peer("127.0.0.2:2")).is_some());
        drop(first);
        assert!(room.enter(&peer("127.0.0.1:3")).is_some());
    }
}
