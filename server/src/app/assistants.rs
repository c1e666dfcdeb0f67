//! The tools for assistants: their listener before anything runs, their desk once there is an API.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::error::AppError;
use crate::api::{Api, KeyRing};
use crate::background::{Background, OnExit};
use crate::config::ServerConfig;
use crate::home::Home;
use crate::mcp::{self, Desk, Listener};
use crate::orchestrator::Policy;
use crate::tools::Registry;

/// The file in the home that says where assistants are served.
const FILE: &str = "mcp";
/// Calls of tools that a key may make in a second: more than any model thinks of, few enough that one that runs wild holds up nobody.
const CALLS_PER_SECOND: u32 = 20;
/// How long assistants get to finish when the server ends.
const DRAIN: Duration = Duration::from_secs(5);

/// Opens the listener, if there shall be one, and lets runs know of it. Nobody is served before [`serve`].
pub(super) async fn listen(config: &ServerConfig, home: &Home, policy: &mut Policy) -> Result<Option<Listener>, AppError> {
    if !config.mcp.enabled {
        return Ok(None);
    }
    let kept = tokio::fs::read_to_string(home.path().join(FILE)).await.ok().and_then(|text| address(&text));
    let listener = mcp::bind(config.mcp.listen, kept).await.map_err(|source| AppError::Local { of: "mcp", source })?;
    home.write(FILE, format!("{}\n", listener.url()))?;
    if let Some(keys) = &mut policy.own_keys {
        keys.mcp_url = Some(listener.url());
    }
    Ok(Some(listener))
}

/// The address in a URL that was kept.
fn address(url: &str) -> Option<SocketAddr> {
    url.trim().strip_prefix("http://")?.strip_suffix("/mcp")?.parse().ok()
}

/// Serves assistants, over `listener` where there is one, and through the API.
///
/// # Errors
/// When the configured secrets are too many to be kept out of what is written.
pub(super) fn serve(
    background: &Background,
    api: &Api,
    tools: Arc<Registry>,
    (listener, keys): (Option<Listener>, KeyRing),
    secrets: &[String],
) -> Result<(), AppError> {
    let desk = Desk::new(tools, CALLS_PER_SECOND, secrets)?;
    api.serve_assistants(Arc::new(desk.clone()));
    let Some(listener) = listener else { return Ok(()) };
    tracing::info!(url = listener.url(), "assistants are served");
    let mut listener = Some(listener);
    background.spawn("assistants", OnExit::Log, move |shutdown| {
        let (listener, desk, keys) = (listener.take(), desk.clone(), keys.clone());
        async move {
            if let Some(listener) = listener {
                listener.serve(desk, keys, DRAIN, shutdown.drain().clone()).await;
            }
            Ok::<(), std::convert::Infallible>(())
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mcp R6.
    #[test]
    fn the_kept_address_is_read() {
        assert_eq!(address("http://127.0.0.1:7821/mcp\n"), Some("127.0.0.1:7821".parse().unwrap()));
        assert_eq!(address("http://example.org/mcp"), None);
    }
}
