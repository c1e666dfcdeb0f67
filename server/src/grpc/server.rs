//! Serving: the listeners, the stations every call passes, the services, and the way it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;
use tower::ServiceBuilder;

use super::auth::{Authentication, KeyStore};
use super::call::Calls;
use super::call_limit::CallLimit;
use super::deadline::Deadlines;
use super::health::Health;
use super::io::Room;
use super::line::Patience;
use super::listener::{Listeners, accept_tcp, accept_unix};
use super::middleware::{Middleware, Stations};
use super::options::{GrpcOptions, TlsIdentity};
use super::overload::Overload;
use super::permissions::Permissions;
use super::reflection::{self, Older};
use super::stream_limit::StreamLimit;
use super::witness::{Refusals, Witness};
use crate::metrics::CallMeters;
use crate::rates::Rate;

/// Who may do what.
#[derive(Clone)]
pub struct Gate {
    /// Knows the API keys.
    pub keys: Arc<dyn KeyStore>,
    /// Which role may make which call.
    pub permissions: Permissions,
    /// Counts the calls; `None`: nobody reads the figures.
    pub calls: Option<CallMeters>,
    /// Is told of refused calls; `None`: nobody keeps them.
    pub witness: Option<Arc<dyn Witness>>,
}

/// Why serving ended other than asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The certificate or key of the TLS listener is not usable.
    #[error("the TLS certificate or key is not usable: {0}")]
    Tls(#[source] tonic::transport::Error),
    /// The descriptions for reflection cannot be read; a defect of the build.
    #[error("the contract's descriptions cannot be read: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// A listener broke.
    #[error("a listener broke: {0}")]
    Transport(#[source] tonic::transport::Error),
}

/// Serves `services` on `listeners` until `shutdown`, then drains: says NOT_SERVING, takes no new connection, lets open calls finish for
/// `options.drain`, and cuts what is left. gRPC R13.
///
/// Plug services in with `Routes::builder()` and `add_service(XServer::new(x).max_decoding_message_size(MAX_DECODED_BYTES)
/// .max_encoding_message_size(MAX_ENCODED_BYTES))`. Health and reflection are added here.
///
/// # Errors
/// [`ServeError`]; a shutdown that was asked for is no error.
pub async fn serve(
    listeners: Listeners,
    options: &GrpcOptions,
    gate: Gate,
    services: Routes,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let described = reflection::builder().build_v1()?;
    let services = services
        .add_service(HealthServer::new(HealthService::from_health_reporter(health.reporter())))
        .add_service(described.clone())
        .add_service(Older(described))
        .prepare();
    let stations: [Box<dyn Middleware>; 9] = [
        Box::new(Calls { meters: gate.calls }),
        Box::new(Overload::new(options.concurrent_calls)),
        Box::new(Deadlines::new(options.deadline)),
        Box::new(Authentication::new(Arc::clone(&gate.keys), options.bad_keys_per_minute, gate.witness.clone())),
        Box::new(Refusals(gate.witness)),
        Box::new(gate.permissions),
        Box::new(Rate::new(options.calls_per_second)),
        Box::new(CallLimit::new(options.calls_per_principal)),
        Box::new(StreamLimit::new(gate.keys, options.streams_per_principal, options.recheck, shutdown.clone())),
    ];
    let service = ServiceBuilder::new().layer(Stations(Arc::new(stations))).service(services);

    let patience = Patience { first_call: options.first_call, answers: options.taking };
    let connections = options.connections;
    let cut = CancellationToken::new();
    let Listeners { unix, tcp } = listeners;
    let unix = {
        let (service, cut, shutdown) = (service.clone(), cut.clone(), shutdown.clone());
        Box::pin(async move {
            let Some((listener, file)) = unix else { return Ok(()) };
            let incoming = accept_unix(listener, Room::new(connections), cut, patience);
            let served = builder().serve_with_incoming_shutdown(service, incoming, shutdown.cancelled_owned()).await;
            drop(file);
            served.map_err(ServeError::Transport)
        })
    };
    let tcp = {
        let (cut, shutdown) = (cut.clone(), shutdown.clone());
        Box::pin(async move {
            let Some((listener, tls)) = tcp else { return Ok(()) };
            let mut server = builder();
            if let Some(identity) = tls {
                server = server.tls_config(tls_config(&identity)).map_err(ServeError::Tls)?;
            }
            let incoming = accept_tcp(listener, Room::new(connections), cut, patience);
            let served = server.serve_with_incoming_shutdown(service, incoming, shutdown.cancelled_owned()).await;
            served.map_err(ServeError::Transport)
        })
    };
    let drain = options.drain;
    let watch = async {
        shutdown.cancelled().await;
        health.not_ready().await;
        tokio::time::sleep(drain).await;
        tracing::warn!(drain = ?drain, "open calls did not finish in time; their connections are cut");
        cut.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = async { tokio::try_join!(unix, tcp) } => served.map(|((), ())| ()),
        () = watch => Ok(()),
    }
}

fn builder() -> Server {
    Server::builder()
        .max_concurrent_streams(256)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_pending_accept_reset_streams(Some(20))
        .http2_max_header_list_size(16 * 1024)
}

fn tls_config(identity: &TlsIdentity) -> ServerTlsConfig {
    let own = Identity::from_pem(&identity.certificate_pem, &identity.key_pem);
    let config = ServerTlsConfig::new().identity(own).timeout(Duration::from_secs(5));
    match &identity.client_ca_pem {
        Some(pem) => config.client_ca_root(Certificate::from_pem(pem)),
        None => config,
    }
}
