//! Where a server listens, as text and as a value. Connecting is `connection`'s.
//!
//! Spec: specs/proto/client.md

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// It begins with none of the known schemes.
    #[error("endpoint `{0}` must begin with unix:, http:// or https://")]
    Scheme(String),
    /// The socket's path is not absolute.
    #[error("endpoint `{0}`: the path after unix: must be absolute")]
    RelativePath(String),
    /// Host or port are missing, or there is more than those.
    #[error("endpoint `{0}` must be scheme://host:port and nothing more")]
    Authority(String),
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket: `unix:/abs/path`.
    Unix(PathBuf),
    /// A TCP port: `http://host:port`, or `https://host:port` with TLS.
    Tcp {
        /// True for `https`.
        tls: bool,
        /// The host: a name or an address; IPv6 in brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Endpoint {
    /// True when what is sent cannot leave the machine: a Unix socket, or a loopback address.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            // `unix:///abs` is the spelling of gRPC's name resolution for the same thing.
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.starts_with('/') || path.contains('\0') {
                return Err(InvalidEndpoint::RelativePath(text.to_owned()));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let tls = if text.starts_with("https://") {
            true
        } else if text.starts_with("http://") {
            false
        } else {
            return Err(InvalidEndpoint::Scheme(text.to_owned()));
        };
        let wrong = || InvalidEndpoint::Authority(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        let bare = uri.path().trim_matches('/').is_empty() && uri.query().is_none();
        let port = authority.port_u16().filter(|port| *port > 0).ok_or_else(wrong)?;
        if !bare || authority.host().is_empty() {
            return Err(wrong());
        }
        Ok(Self::Tcp { tls, host: authority.host().to_ascii_lowercase(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { tls: true, host, port } => write!(f, "https://{host}:{port}"),
            Self::Tcp { tls: false, host, port } => write!(f, "http://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Client R1: every spelling is read, and told back in one.
    #[test]
    fn endpoints_are_read_and_told_back() {
        for (text, canonical) in [
            ("unix:/run/aqd.sock", "unix:/run/aqd.sock"),
            ("unix:///run/aqd.sock\n", "unix:/run/aqd.sock"),
            ("http://127.0.0.1:7717", "http://127.0.0.1:7717"),
            ("http://[::1]:7717/", "http://[::1]:7717"),
            ("https://Queue.example.org:443", "https://queue.example.org:443"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), canonical);
        }
    }

    /// Client R1: anything else is refused with what would be right.
    #[test]
    fn other_texts_are_refused() {
        assert!(matches!("/run/aqd.sock".parse::<Endpoint>(), Err(InvalidEndpoint::Scheme(_))));
        assert!(matches!("unix:aqd.sock".parse::<Endpoint>(), Err(InvalidEndpoint::RelativePath(_))));
        for text in ["http://", "http://host", "http://host:0", "http://host:1/x", "https://me@host:1", "http://host:99999"] {
            assert!(matches!(text.parse::<Endpoint>(), Err(InvalidEndpoint::Authority(_))), "{text}");
        }
    }

    /// Client R3: only these stay on the machine.
    #[test]
    fn local_endpoints_are_known() {
        for (text, local) in [
            ("unix:/a", true),
            ("http://localhost:1", true),
            ("http://127.9.9.9:1", true),
            ("http://[::1]:1", true),
            ("http://192.168.0.1:1", false),
            ("http://localhost.example.org:1", false),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().is_local(), local, "{text}");
        }
    }
}
