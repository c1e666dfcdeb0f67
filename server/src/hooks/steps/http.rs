//! Reads an address (F-142): GET only, bounded, and nothing of this machine or its neighbours unless that is allowed.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::address::is_public;
use super::outcome::{LONG, beginning};

/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Most bytes that are read.
const BYTES: usize = LONG * 4;

/// The outcome of reading `url`.
pub(super) async fn get(url: &str, timeout_ms: u64, private: bool) -> Value {
    let wait = Duration::from_millis(timeout_ms);
    let read = tokio::time::timeout(wait, follow(url, wait, private)).await;
    match read.unwrap_or_else(|_| Err(format!("no answer within {} s", wait.as_secs()))) {
        Ok((status, body)) => json!({ "body": body, "status_code": status }),
        Err(error) => json!({ "body": "", "status_code": 0, "error": error }),
    }
}

async fn follow(url: &str, wait: Duration, private: bool) -> Result<(u16, String), String> {
    let mut url = Url::parse(url).map_err(|error| format!("is no address: {error}"))?;
    for _ in 0..=REDIRECTS {
        let mut response = client(&url, wait, private).await?.get(url.clone()).send().await.map_err(|error| told(&error))?;
        let next = response.headers().get("location").and_then(|to| to.to_str().ok()).map(str::to_owned);
        if let Some(next) = next.filter(|_| response.status().is_redirection()) {
            url = url.join(&next).map_err(|error| format!("is redirected to what is no address: {error}"))?;
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() >= BYTES {
                break;
            }
        }
        let status = response.status().as_u16();
        return Ok((status, beginning(&String::from_utf8_lossy(&bytes), LONG)));
    }
    Err(format!("is redirected more than {REDIRECTS} times"))
}

/// The cause behind a failure, without the address, which may hold a secret.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    beginning(&cause.to_string(), 500)
}

/// A client that can reach nothing but the addresses that the name has now, looked at before: a name that changes between the look and the call
/// leads nowhere else.
async fn client(url: &Url, wait: Duration, private: bool) -> Result<Client, String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("only http and https are read".to_owned());
    }
    let host = url.host_str().ok_or("names no host")?;
    let port = url.port_or_known_default().ok_or("names no port")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((bare, port)).await.map_err(|error| format!("`{bare}` is not known: {error}"))?.collect();
    if found.is_empty() {
        return Err(format!("`{bare}` is not known"));
    }
    if !private && let Some(inside) = found.iter().find(|address| !is_public(address.ip())) {
        let inside = inside.ip();
        return Err(format!("`{bare}` is {inside}, an address of this machine or a private network; see `hook_engine.private_addresses`"));
    }
    let builder = Client::builder().redirect(Policy::none()).no_proxy().timeout(wait).user_agent("agent-queue-hook");
    builder.resolve_to_addrs(bare, &found).build().map_err(|error| told(&error))
}
