//! Where the server listens: the Unix socket for its own user, TCP on demand. Accepting is here, serving is `server`'s.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::io::{Accepted, Peer, Room};
use super::line::Patience;
use super::options::{GrpcOptions, TlsIdentity};
use super::sparing::Sparing;

/// Longest path of a Unix socket that every client can connect to, in bytes.
const MAX_SOCKET_PATH: usize = 100;

/// Wait after a failed accept (no file descriptors left, for example), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Neither a Unix socket nor a TCP address is configured.
    #[error("nothing to listen on: configure a Unix socket or a TCP address")]
    Nowhere,
    /// The API would be open to the network in the clear.
    #[error("{0} is not loopback and has no TLS: configure a certificate and key, or listen on 127.0.0.1")]
    Plaintext(SocketAddr),
    /// The path does not fit into a socket address.
    #[error("the socket path {path} is longer than {MAX_SOCKET_PATH} bytes")]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// Another server answers there.
    #[error("another server listens on {0}")]
    InUse(PathBuf),
    /// Something that is not a socket is in the way.
    #[error("{0} exists and is not a socket; move it away")]
    NotASocket(PathBuf),
    /// The operating system refuses.
    #[error("cannot listen on {place}: {source}")]
    Os {
        /// Where.
        place: String,
        /// Why.
        source: io::Error,
    },
}

/// Bound listeners that do not answer yet. Dropping them gives the addresses back and removes the socket file.
#[derive(Debug)]
pub struct Listeners {
    pub(super) unix: Option<(UnixListener, SocketFile)>,
    pub(super) tcp: Option<(TcpListener, Option<TlsIdentity>)>,
}

/// The socket's file; removed when the server ends.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that cannot be removed is found dead and replaced by the next start.
        let _gone = fs::remove_file(&self.0);
    }
}

impl Listeners {
    /// The address of the TCP listener, with the port it got.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// The endpoint in words that a client of this machine should use: the Unix socket first.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        if let Some((_, file)) = &self.unix {
            return Some(format!("unix:{}", file.0.display()));
        }
        let scheme = if self.tcp.as_ref()?.1.is_some() { "https" } else { "http" };
        Some(format!("{scheme}://{}", self.tcp_address()?))
    }
}

/// Binds what `options` name. gRPC R1. Must be called inside a tokio runtime.
///
/// # Errors
/// [`ListenError`] says which address is at fault and what helps.
pub async fn bind(options: &GrpcOptions) -> Result<Listeners, ListenError> {
    if options.unix_socket.is_none() && options.tcp.is_none() {
        return Err(ListenError::Nowhere);
    }
    let tcp = match &options.tcp {
        Some(tcp) => {
            if !tcp.address.ip().is_loopback() && tcp.tls.is_none() {
                return Err(ListenError::Plaintext(tcp.address));
            }
            let failed = |source| ListenError::Os { place: tcp.address.to_string(), source };
            Some((TcpListener::bind(tcp.address).await.map_err(failed)?, tcp.tls.clone()))
        }
        None => None,
    };
    let unix = match &options.unix_socket {
        Some(path) => Some(bind_unix(path).await?),
        None => None,
    };
    Ok(Listeners { unix, tcp })
}

async fn bind_unix(path: &Path) -> Result<(UnixListener, SocketFile), ListenError> {
    if path.as_os_str().len() > MAX_SOCKET_PATH {
        return Err(ListenError::PathTooLong { path: path.to_owned() });
    }
    let failed = |source| ListenError::Os { place: path.display().to_string(), source };
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(ListenError::NotASocket(path.to_owned())),
        Ok(_) => {
            // A socket that nobody answers on is left over from a server that was killed.
            if UnixStream::connect(path).await.is_ok() {
                return Err(ListenError::InUse(path.to_owned()));
            }
            fs::remove_file(path).map_err(failed)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    // The directory is 0700, so that nobody else reaches the socket in the instant before its own mode is set.
    let listener = UnixListener::bind(path).map_err(failed)?;
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok((listener, file))
}

/// Connections of the Unix socket, from this server's own user and root only.
pub(super) fn accept_unix(
    listener: UnixListener,
    room: Room,
    cut: CancellationToken,
    patience: Patience,
) -> impl Stream<Item = Result<Accepted, io::Error>> + Send {
    stream::unfold((listener, room, cut, Sparing::default()), move |(listener, room, cut, sparing)| async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            };
            let Ok(credentials) = stream.peer_cred() else { continue };
            let peer = Peer::Unix { uid: credentials.uid(), pid: credentials.pid() };
            if credentials.uid() != rustix::process::geteuid().as_raw() && credentials.uid() != 0 {
                refused(&sparing, &peer, "it is of another user");
                continue;
            }
            let Some(place) = room.enter(&peer) else {
                refused(&sparing, &peer, "there are too many connections");
                continue;
            };
            let accepted = Accepted::unix(stream, peer, place, cut.clone(), patience);
            return Some((Ok(accepted), (listener, room, cut, sparing)));
        }
    })
}

/// Connections of the TCP listener.
pub(super) fn accept_tcp(
    listener: TcpListener,
    room: Room,
    cut: CancellationToken,
    patience: Patience,
) -> impl Stream<Item = Result<Accepted, io::Error>> + Send {
    stream::unfold((listener, room, cut, Sparing::default()), move |(listener, room, cut, sparing)| async move {
        loop {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            };
            let peer = Peer::Tcp(address);
            let Some(place) = room.enter(&peer) else {
                refused(&sparing, &peer, "there are too many connections");
                continue;
            };
            // Without it the first message of a stream waits for the peer's delayed acknowledgement.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
            }
            let accepted = Accepted::tcp(stream, peer, place, cut.clone(), patience);
            return Some((Ok(accepted), (listener, room, cut, sparing)));
        }
    })
}

fn refused(sparing: &Sparing, peer: &Peer, why: &str) {
    if let Some(untold) = sparing.tell(Instant::now()) {
        tracing::warn!(%peer, why, untold, "a connection was refused");
    }
}

async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
