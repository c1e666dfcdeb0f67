//! What the transport can be told. Values come from the configuration; the defaults are the project's.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Largest message taken from a client, in bytes. Set on every service that is plugged in. gRPC R9.
pub const MAX_DECODED_BYTES: usize = 1024 * 1024;

/// Largest message sent to a client, in bytes; what clients accept by default. gRPC R9.
pub const MAX_ENCODED_BYTES: usize = 4 * 1024 * 1024;

/// Certificate and key of a TLS listener, as PEM texts.
#[derive(Clone)]
pub struct TlsIdentity {
    /// The certificate chain.
    pub certificate_pem: Vec<u8>,
    /// The private key.
    pub key_pem: Vec<u8>,
    /// Certificates of which one must have signed a client's own; a client without is refused at the handshake. `None`: clients need none.
    pub client_ca_pem: Option<Vec<u8>>,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

/// A TCP listener.
#[derive(Clone, Debug)]
pub struct TcpOptions {
    /// Where to listen; port 0 takes any free one.
    pub address: SocketAddr,
    /// Required when the address is not loopback.
    pub tls: Option<TlsIdentity>,
}

/// How the API is served.
#[derive(Clone, Debug)]
pub struct GrpcOptions {
    /// The Unix socket, absolute; at most 100 bytes. `None`: no Unix socket.
    pub unix_socket: Option<PathBuf>,
    /// The TCP listener. `None`: no TCP.
    pub tcp: Option<TcpOptions>,
    /// Deadline of calls that answer once and bring none; also the longest that a client may ask for is ten times this.
    pub deadline: Duration,
    /// Most calls worked on at the same time; more are turned away at once.
    pub concurrent_calls: usize,
    /// Calls per second of one principal, in the long run; twice as many in a burst.
    pub calls_per_second: u32,
    /// Most open calls of one principal that answer once; of one peer without a key a quarter of it.
    pub calls_per_principal: usize,
    /// Most open streams of one principal.
    pub streams_per_principal: usize,
    /// Most connections of each listener; of one TCP address an eighth of it.
    pub connections: usize,
    /// Time that a connection gets for its first call.
    pub first_call: Duration,
    /// Time that a peer gets to take an answer, and anything that is written.
    pub taking: Duration,
    /// Wrong keys per minute and peer before further ones are turned away unread.
    pub bad_keys_per_minute: u32,
    /// How often a stream's key is looked at again.
    pub recheck: Duration,
    /// Longest time that open calls get when the server ends.
    pub drain: Duration,
}

impl Default for GrpcOptions {
    fn default() -> Self {
        Self {
            unix_socket: None,
            tcp: None,
            deadline: Duration::from_secs(30),
            concurrent_calls: 512,
            calls_per_second: 200,
            calls_per_principal: 64,
            streams_per_principal: 64,
            connections: 256,
            first_call: Duration::from_secs(10),
            taking: Duration::from_secs(30),
            bad_keys_per_minute: 10,
            recheck: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}
