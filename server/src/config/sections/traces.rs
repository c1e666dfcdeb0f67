//! Section `traces`: where spans of tasks, runs and tool calls are sent.
//!
//! Keys: `endpoint`, `sample`, `service_name`, `headers`.

use std::collections::BTreeMap;

use http::Uri;
use http::header::{HeaderName, HeaderValue};
use serde::Serialize;

use crate::config::reader::{Reader, printable};
use crate::config::secret::Secret;

/// Longest name of the service, in characters.
const LONGEST_NAME: usize = 128;
/// Headers of the transport itself; who sets them breaks it.
const RESERVED: [&str; 7] = ["content-type", "content-length", "te", "user-agent", "host", "connection", "transfer-encoding"];

/// Where spans are sent, by OTLP over gRPC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traces {
    /// The collector, `http://` or `https://`. `None`: nothing is made or sent.
    pub endpoint: Option<String>,
    /// Part of the tasks that are told, 0.0 to 1.0.
    pub sample: f64,
    /// What the collector calls this server.
    pub service_name: String,
    /// Sent with every batch, by name in lower case; a key for the collector, mostly.
    pub headers: BTreeMap<String, Secret>,
}

impl Traces {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let written = ["sample", "service_name", "headers"].into_iter().find(|key| reader.has(key));
        let named = reader.has("endpoint");
        let endpoint = reader.parsed("endpoint", endpoint);
        let sample = reader.number("sample", 0.0, 1.0);
        if sample > 1.0 {
            reader.error("sample", "is a part of the tasks: at most 1.0", None);
        }
        let service_name = reader.text("service_name", "aqd");
        if service_name.chars().count() > LONGEST_NAME || service_name.chars().any(char::is_control) {
            reader.error("service_name", format!("must be one line of at most {LONGEST_NAME} characters"), None);
        }
        let headers = headers(&mut reader);
        match (&endpoint, written) {
            (Some(endpoint), _) => check(&reader, endpoint, !headers.is_empty()),
            (None, Some(key)) if !named => {
                reader.warning(key, "has no effect without `endpoint`", Some("for example `endpoint: http://127.0.0.1:4317`".to_owned()));
            }
            (None, _) => {}
        }
        reader.finish();
        Self { endpoint, sample, service_name, headers }
    }
}

/// Reads the address of a collector. The text is not quoted: what looks like a broken URL may well hold a password.
fn endpoint(text: &str) -> Result<String, &'static str> {
    let wrong = "must be the address of a collector that takes OTLP over gRPC, for example `http://127.0.0.1:4317`";
    let uri: Uri = text.parse().map_err(|_| wrong)?;
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong) };
    if authority.as_str().contains('@') {
        return Err("must not hold a name or a password; send them with `headers`");
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err("must end behind the port: gRPC needs no path, for example `http://127.0.0.1:4317`");
    }
    if authority.host().is_empty() {
        return Err(wrong);
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// What an address alone does not tell.
fn check(reader: &Reader<'_>, endpoint: &str, secret: bool) {
    let Ok(uri) = endpoint.parse::<Uri>() else { return };
    if uri.port_u16() == Some(4318) {
        let remedy = "collectors take gRPC at 4317".to_owned();
        reader.warning("endpoint", "names the port at which collectors take OTLP over HTTP; here it is sent over gRPC", Some(remedy));
    }
    if secret && uri.scheme_str() == Some("http") && !is_local(uri.host().unwrap_or_default()) {
        let remedy = "use https://, a collector on this machine, or no headers".to_owned();
        reader.error("endpoint", "would send the headers over the network unencrypted", Some(remedy));
    }
}

fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Names and values that can be sent; what cannot is named, never its value.
fn headers(reader: &mut Reader<'_>) -> BTreeMap<String, Secret> {
    let mut headers = BTreeMap::new();
    for (name, value) in reader.text_map("headers") {
        let place = format!("headers.{}", printable(&name));
        let lower = name.to_ascii_lowercase();
        if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            reader.error(&place, "is not the name of a header", Some("letters, digits and `-`, for example `x-api-key`".to_owned()));
        } else if RESERVED.contains(&lower.as_str()) || lower.starts_with("grpc-") || lower.ends_with("-bin") {
            reader.error(&place, "belongs to the transport", Some("leave it out".to_owned()));
        } else if HeaderValue::from_str(&value).is_err() || !value.is_ascii() {
            reader.error(&place, "has a value that cannot be sent", Some("one line of ASCII characters".to_owned()));
        } else if headers.insert(lower, Secret::new(value)).is_some() {
            reader.error(&place, "stands there twice, in small and in capital letters", None);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use crate::config::{ConfigFile, ConfigSource, Environment, load};

    fn told(section: &str) -> Result<Vec<String>, String> {
        let text = format!("traces: {section}\n");
        let source = ConfigSource {
            file: Some(ConfigFile { path: "/etc/agent-queue/config.yaml".into(), text }),
            environment: Environment::from_pairs([("HOME", "/home/u")]),
            ..ConfigSource::default()
        };
        let lines = |found: Vec<_>| found.iter().map(ToString::to_string).collect();
        load(&source).map(|(_, warnings)| lines(warnings)).map_err(|problems| problems.to_string())
    }

    /// traces R1, R6: addresses, parts and names that make sense are read without a word.
    #[test]
    fn what_makes_sense_is_read() {
        for fine in [
            "{endpoint: 'http://127.0.0.1:4317'}",
            "{endpoint: 'http://[::1]:4317/', headers: {x-key: abc}, sample: 0}",
            "{endpoint: 'https://collector.example.org', headers: {Authorization: Bearer x}, sample: 0.25, service_name: nights}",
            "{endpoint: 'http://collector:4317'}",
            "{}",
            "null",
        ] {
            assert_eq!(told(fine), Ok(Vec::new()), "{fine}");
        }
    }

    /// traces R1, config R6, R10: everything that is wrong is named with its remedy; no value of a header is.
    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, named) in [
            ("{endpoint: collector}", "traces.endpoint"),
            ("{endpoint: 'ftp://c:1'}", "OTLP over gRPC"),
            ("{endpoint: 'http://u:hush@c:4317'}", "must not hold a name or a password"),
            ("{endpoint: 'http://c:4317/v1/traces'}", "needs no path"),
            ("{endpoint: 'http://c:4317', headers: {x-key: hush}}", "unencrypted"),
            ("{endpoint: 'http://127.0.0.1:4317', sample: 1.5}", "at most 1.0"),
            ("{endpoint: 'http://127.0.0.1:4317', sample: -1}", "traces.sample"),
            ("{endpoint: 'http://127.0.0.1:4317', service_name: \"a\\nb\"}", "one line"),
            ("{endpoint: 'http://127.0.0.1:4317', headers: {'a b': hush}}", "not the name of a header"),
            ("{endpoint: 'http://127.0.0.1:4317', headers: {grpc-timeout: hush}}", "belongs to the transport"),
            ("{endpoint: 'http://127.0.0.1:4317', headers: {x-key: \"hush\\n\"}}", "cannot be sent"),
            ("{endpoint: 'http://127.0.0.1:4317', headers: {x-key: hush, X-Key: hush}}", "stands there twice"),
        ] {
            let problems = told(wrong).unwrap_err();
            assert!(problems.contains(named) && !problems.contains("hush"), "{wrong}: {problems}");
        }
        let warned = |section: &str| told(section).unwrap().concat();
        assert!(warned("{sample: 0.5}").contains("without `endpoint`"));
        assert!(warned("{endpoint: 'http://127.0.0.1:4318'}").contains("4317"));
    }
}
