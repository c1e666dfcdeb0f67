//! The gateway's own health service: serving while it follows the server's events.
//!
//! Spec: specs/discord-gateway/README.md

use std::net::SocketAddr;

use tokio::sync::watch;
use tonic::transport::Server;
use tonic_health::ServingStatus;

/// Why health checks cannot be answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthError {
    /// The address can be reached from other machines.
    #[error("--health {0} is not a loopback address; health checks are answered on this machine only")]
    NotLoopback(SocketAddr),
    /// The listener failed.
    #[error("cannot answer health checks on {address}: {source}")]
    Listener {
        /// The address.
        address: SocketAddr,
        /// What the transport said.
        source: tonic::transport::Error,
    },
}

/// Answers health checks until dropped. `following` says whether the server's events are followed at the moment.
pub(crate) async fn serve(address: SocketAddr, mut following: watch::Receiver<bool>) -> Result<(), HealthError> {
    if !address.ip().is_loopback() {
        return Err(HealthError::NotLoopback(address));
    }
    let (reporter, service) = tonic_health::server::health_reporter();
    let report = async move {
        loop {
            let status = if *following.borrow_and_update() { ServingStatus::Serving } else { ServingStatus::NotServing };
            reporter.set_service_status("", status).await;
            if following.changed().await.is_err() {
                // The sender lives as long as the gateway; without it there is nothing more to report.
                return std::future::pending().await;
            }
        }
    };
    tokio::select! {
        served = Server::builder().add_service(service).serve(address) => {
            served.map_err(|source| HealthError::Listener { address, source })
        }
        () = report => Ok(()),
    }
}
