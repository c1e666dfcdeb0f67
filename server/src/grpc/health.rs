//! The standard health service: whether the server takes calls, as a whole and for each service.

use aq_proto::methods::methods;
use std::collections::BTreeSet;

use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Says whether the server is ready. Not ready at first: readiness comes after recovery. F-240, gRPC R10.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
}

impl Health {
    /// A server that is not ready yet.
    pub async fn starting() -> Self {
        let health = Self { reporter: HealthReporter::new() };
        health.set(ServingStatus::NotServing).await;
        health
    }

    /// Recovery is over; work is taken.
    pub async fn ready(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// No new work: the server ends, or something it needs is gone.
    pub async fn not_ready(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    pub(super) fn reporter(&self) -> HealthReporter {
        self.reporter.clone()
    }

    async fn set(&self, status: ServingStatus) {
        let services: BTreeSet<&str> = methods().values().map(|method| method.service.as_str()).collect();
        for service in services {
            self.reporter.set_service_status(service, status).await;
        }
        self.reporter.set_service_status("", status).await;
    }
}
