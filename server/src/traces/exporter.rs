//! The way to the collector: OTLP over gRPC, by the configuration alone.
//!
//! The library also reads variables of the environment (`OTEL_EXPORTER_OTLP_…`). Operators set those for agents, so what it would take from them is set
//! here: the channel, the time, the compression, and every header.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Compression, ExporterBuildError, SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::outbox::PATIENCE;
use crate::config::sections::Traces;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Why there is no way to the collector.
#[derive(Debug, thiserror::Error)]
pub enum ExporterError {
    /// The address, or the certificates of this machine.
    #[error("a connection cannot be prepared: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The library refuses.
    #[error("{0}")]
    Refused(#[from] ExporterBuildError),
    /// A header cannot be sent; which one is not secret, its value is.
    #[error("the header `{0}` cannot be sent")]
    Header(String),
}

/// The exporter to `endpoint`, for the server on the store with this identity. Nothing is connected before the first batch; call it within the runtime.
///
/// # Errors
/// [`ExporterError`].
pub fn exporter(config: &Traces, endpoint: &str, identity: &str) -> Result<SpanExporter, ExporterError> {
    let metadata = metadata(config)?;
    let mut exporter = SpanExporter::builder()
        .with_tonic()
        .with_channel(channel(endpoint)?)
        .with_timeout(PATIENCE)
        .with_compression(Compression::Gzip)
        .with_interceptor(move |mut request: tonic::Request<()>| {
            request.metadata_mut().clone_from(&metadata);
            Ok(request)
        })
        .build()?;
    let resource = Resource::builder_empty().with_service_name(config.service_name.clone()).with_attributes([
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", identity.to_owned()),
    ]);
    exporter.set_resource(&resource.build());
    Ok(exporter)
}

fn channel(endpoint: &str) -> Result<Channel, tonic::transport::Error> {
    let target = Endpoint::from_shared(endpoint.to_owned())?
        .user_agent(concat!("aqd/", env!("CARGO_PKG_VERSION")))?
        .timeout(PATIENCE)
        .connect_timeout(CONNECT);
    if !endpoint.starts_with("https://") {
        return Ok(target.connect_lazy());
    }
    let roots = ClientTlsConfig::new().with_webpki_roots();
    // A machine without certificates of its own, a small container for example, has those of Mozilla.
    let secured = target.clone().tls_config(roots.clone().with_native_roots()).or_else(|_| target.tls_config(roots))?;
    Ok(secured.connect_lazy())
}

/// The configured headers, and no others.
fn metadata(config: &Traces) -> Result<MetadataMap, ExporterError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let refused = || ExporterError::Header(name.clone());
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(MetadataMap::from_headers(headers))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Secret;

    /// traces R1: addresses with and without TLS are prepared without anybody there, and secrets are not shown.
    #[tokio::test]
    async fn addresses_are_prepared() {
        let headers = BTreeMap::from([("x-key".to_owned(), Secret::new("hush".to_owned()))]);
        let config = Traces { endpoint: None, sample: 1.0, service_name: "aqd".into(), headers };
        for endpoint in ["http://127.0.0.1:9", "https://localhost:9"] {
            let exporter = exporter(&config, endpoint, "store").unwrap();
            assert!(!format!("{exporter:?}").contains("hush"));
        }
        assert!(!format!("{:?}", metadata(&config).unwrap()).contains("hush"));
        let broken = BTreeMap::from([("x-key".to_owned(), Secret::new("hush\n".to_owned()))]);
        let refused = exporter(&Traces { headers: broken, ..config }, "http://127.0.0.1:9", "store").unwrap_err().to_string();
        assert_eq!(refused, "the header `x-key` cannot be sent");
    }
}
