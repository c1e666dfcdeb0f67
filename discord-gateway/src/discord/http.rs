//! Calls of Discord's REST interface over HTTP. Only what travels: when a call may be made is decided in `outbound`.

use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::config::BotToken;
use crate::outbound::{Broken, Call, Method, Reply, Transport};

/// How Discord wants bots to name themselves.
const AGENT: &str = concat!("DiscordBot (https://github.com/agent-queue/agent-queue, ", env!("CARGO_PKG_VERSION"), ")");

/// The transport.
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
    token: BotToken,
}

impl Http {
    /// To `base`, for example `https://discord.com`.
    pub(crate) fn new(base: &str, token: BotToken) -> Result<Self, Broken> {
        let client = reqwest::Client::builder()
            .user_agent(AGENT)
            .timeout(std::time::Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Broken(error.to_string()))?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), token })
    }

    fn request(&self, call: &Call) -> Result<reqwest::RequestBuilder, Broken> {
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.client.request(method, format!("{}/api/v10{}", self.base, call.path));
        // Answers to interactions carry their right in the path.
        if !call.path.starts_with("/interactions/") && !call.path.starts_with("/webhooks/") {
            request = request.header("Authorization", format!("Bot {}", self.token.expose()));
        }
        let request = match (&call.body, call.files.as_slice()) {
            (None, _) => request.header("Content-Length", "0"),
            (Some(body), []) => request.json(body),
            (Some(body), files) => {
                let mut form = Form::new().text("payload_json", body.to_string());
                for (index, file) in files.iter().enumerate() {
                    let part = Part::bytes(Vec::clone(&file.bytes)).file_name(file.name.clone());
                    form = form.part(format!("files[{index}]"), part);
                }
                request.multipart(form)
            }
        };
        Ok(request)
    }
}

#[async_trait::async_trait]
impl Transport for Http {
    async fn perform(&self, call: &Call) -> Result<Reply, Broken> {
        // The address is left out of what is told: the path of an answer to an interaction holds a secret.
        let broken = |error: reqwest::Error| Broken(error.without_url().to_string());
        let answer = self.request(call)?.send().await.map_err(broken)?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let millis = |seconds: Option<String>| seconds.and_then(|text| text.parse::<f64>().ok()).map(milliseconds);
        let mut reply = Reply {
            status: answer.status().as_u16(),
            body: Value::Null,
            bucket: header("x-ratelimit-bucket"),
            limit: header("x-ratelimit-limit").and_then(|text| text.parse().ok()),
            remaining: header("x-ratelimit-remaining").and_then(|text| text.parse().ok()),
            reset_after: millis(header("x-ratelimit-reset-after")),
            retry_after: millis(header("retry-after")),
            global: header("x-ratelimit-global").is_some() || header("x-ratelimit-scope").as_deref() == Some("global"),
            shared: header("x-ratelimit-scope").as_deref() == Some("shared"),
        };
        let bytes = answer.bytes().await.map_err(broken)?;
        reply.body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        // The body is finer than the header, which has whole seconds only.
        if reply.status == 429
            && let Some(seconds) = reply.body.get("retry_after").and_then(Value::as_f64)
        {
            reply.retry_after = Some(milliseconds(seconds));
        }
        Ok(reply)
    }
}

/// Seconds as whole milliseconds, rounded up.
fn milliseconds(seconds: f64) -> u64 {
    u64::try_from(std::time::Duration::try_from_secs_f64(seconds.clamp(0.0, 86_400.0)).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
        + 1
}
