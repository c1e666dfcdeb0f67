//! Whom a request believes to speak to.

use http::{HeaderMap, header, uri::Authority};

/// True when the request names this machine as its host. A page of a browser whose name was turned to this machine's address still names its own
/// (loopback R3).
#[must_use]
pub fn is_local(headers: &HeaderMap) -> bool {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<Authority>().ok());
    let Some(authority) = named else { return false };
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// loopback R3.
    #[test]
    fn only_names_of_this_machine_are_local() {
        let local = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            is_local(&headers)
        };
        for host in ["localhost", "LOCALHOST:9100", "127.0.0.1", "127.0.0.1:9100", "127.8.8.8", "[::1]:9100"] {
            assert!(local(host), "{host}");
        }
        for host in ["example.org", "127.0.0.1.example.org", "10.0.0.1:9100", "localhost.example.org", "", "::1:"] {
            assert!(!local(host), "{host}");
        }
        assert!(!is_local(&HeaderMap::new()));
    }
}
