//! The exporter of figures: its listener before anything runs, its sources once the parts are there.

use std::convert::Infallible;
use std::sync::Arc;

use super::error::AppError;
use super::started::Started;
use crate::api;
use crate::background::{Background, OnExit};
use crate::config::ServerConfig;
use crate::loopback::{self, Listener};
use crate::metrics::{self, CallMeters, Meters, Sources};

/// The figures and, where a monitoring program shall read them, the listener.
pub(super) struct Exporter {
    meters: Arc<Meters>,
    listener: Option<Listener>,
}

impl Exporter {
    /// Opens the listener, if there shall be one. Nobody is served before [`Exporter::spawn`].
    pub(super) async fn open(config: &ServerConfig) -> Result<Self, AppError> {
        let listener = match config.metrics.listen {
            Some(address) => Some(loopback::open(address).await.map_err(|source| AppError::Local { of: "metrics", source })?),
            None => None,
        };
        Ok(Self { meters: Meters::new(), listener })
    }

    /// Counts calls, when somebody may read the count.
    pub(super) fn calls(&self) -> Option<CallMeters> {
        self.listener.as_ref().map(|_| CallMeters::new(Arc::clone(&self.meters), api::PERMISSIONS.iter().map(|(path, _)| *path)))
    }

    /// Watches the loop; counts and serves when there is a listener.
    pub(super) fn spawn(self, background: &Background, started: &Started) {
        let (meters, activity) = (Arc::clone(&self.meters), started.activity());
        background.spawn("loop lag", OnExit::Restart, move |shutdown| {
            let (meters, activity) = (Arc::clone(&meters), activity.clone());
            async move {
                metrics::watch_lag(&meters, activity, shutdown.drain().clone()).await;
                Ok::<(), Infallible>(())
            }
        });
        let Some(listener) = self.listener else { return };
        tracing::info!(url = %format_args!("http://{}/metrics", listener.address()), "figures are served");
        let (meters, bus, reader) = (Arc::clone(&self.meters), started.bus.clone(), started.reader.clone());
        background.spawn("metrics", OnExit::Restart, move |shutdown| {
            let (meters, bus, reader) = (Arc::clone(&meters), bus.clone(), reader.clone());
            async move { metrics::follow(&meters, bus, reader, shutdown.drain().clone()).await }
        });
        let sources = Sources {
            engine: started.engine.clone(),
            bus: started.bus.clone(),
            hub: started.hub.clone(),
            clock: Arc::clone(&started.clock),
        };
        let mut listener = Some(listener);
        background.spawn("metrics listener", OnExit::Log, move |shutdown| {
            let (listener, meters, sources) = (listener.take(), Arc::clone(&self.meters), sources.clone());
            async move {
                if let Some(listener) = listener {
                    metrics::serve(listener, meters, sources, shutdown.drain().clone()).await;
                }
                Ok::<(), Infallible>(())
            }
        });
    }
}
