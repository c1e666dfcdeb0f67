//! Connecting, and the typed clients over the connection.
//!
//! Spec: specs/proto/client.md

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint as TonicEndpoint, Identity};

use super::channel::{AqChannel, CallHeaders};
use super::{ApiKey, Endpoint};
use crate::v1;

/// How to connect.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where.
    pub endpoint: Endpoint,
    /// The credential. `None`: only health is answered.
    pub api_key: Option<ApiKey>,
    /// The certificate (PEM) that a server with TLS is proven by. Required for `https`.
    pub ca_certificate: Option<Vec<u8>>,
    /// What the client proves itself by, where the server asks for it.
    pub client_identity: Option<ClientIdentity>,
    /// For gateways: the person it acts for when a call names nobody else.
    pub on_behalf_of: Option<String>,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Deadline of calls that answer once and bring none of their own.
    pub deadline: Duration,
    /// Names the client in the server's log, for example `aqctl/0.1.0`.
    pub user_agent: String,
}

impl Options {
    /// The usual: 5 seconds to connect, 30 seconds to answer.
    #[must_use]
    pub fn new(endpoint: Endpoint, api_key: Option<ApiKey>) -> Self {
        Self {
            endpoint,
            api_key,
            ca_certificate: None,
            client_identity: None,
            on_behalf_of: None,
            connect_timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
            user_agent: concat!("aq-proto/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A client's certificate and its key, as PEM texts.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The certificate chain.
    pub certificate_pem: Vec<u8>,
    /// The private key.
    pub key_pem: Vec<u8>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Without TLS the key could be read on its way.
    #[error("{0} is beyond this machine and has no TLS; use https:// with the server's certificate")]
    Plaintext(Endpoint),
    /// TLS was asked for without a certificate to trust.
    #[error("{0} needs the certificate that proves the server; name its PEM file")]
    NoCertificate(Endpoint),
    /// A value cannot be put on the wire.
    #[error("{field} holds characters that a header cannot carry")]
    Header {
        /// Which value.
        field: &'static str,
    },
    /// The endpoint or the certificate is not usable.
    #[error("{endpoint} is not usable: {message}")]
    Unusable {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        message: String,
    },
    /// Nothing answers there.
    #[error("cannot reach the server at {endpoint}: {message}")]
    Unreachable {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        message: String,
    },
}

/// A connection to a server. It reconnects by itself; cloning is cheap and shares it.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: AqChannel,
}

impl Connection {
    /// Connects now, so that a server that is not there is told at once.
    ///
    /// # Errors
    /// [`ConnectError`] says what is wrong with the options, or why the server cannot be reached.
    pub async fn connect(options: &Options) -> Result<Self, ConnectError> {
        let (endpoint, headers) = prepare(options)?;
        let reach = async {
            match unix_path(&options.endpoint) {
                Some(path) => endpoint.connect_with_connector(unix_connector(path)).await,
                None => endpoint.connect().await,
            }
        };
        let unreachable = |message: String| ConnectError::Unreachable { endpoint: options.endpoint.clone(), message };
        match tokio::time::timeout(options.connect_timeout, reach).await {
            Ok(Ok(channel)) => Ok(Self { channel: AqChannel::new(channel, headers) }),
            Ok(Err(error)) => Err(unreachable(root_cause(&error))),
            Err(_) => Err(unreachable(format!("no answer within {:?}", options.connect_timeout))),
        }
    }

    /// Connects with the first call. For clients that live longer than the server, such as the gateway.
    ///
    /// # Errors
    /// [`ConnectError`] says what is wrong with the options. Must be called inside a tokio runtime.
    pub fn connect_lazy(options: &Options) -> Result<Self, ConnectError> {
        let (endpoint, headers) = prepare(options)?;
        let channel = match unix_path(&options.endpoint) {
            Some(path) => endpoint.connect_with_connector_lazy(unix_connector(path)),
            None => endpoint.connect_lazy(),
        };
        Ok(Self { channel: AqChannel::new(channel, headers) })
    }

    /// The same connection acting for `person`; `None` when the text cannot travel in a header.
    #[must_use]
    pub fn on_behalf_of(&self, person: &str) -> Option<Self> {
        Some(Self { channel: self.channel.on_behalf_of(person)? })
    }

    /// The same connection acting for `person`, who may do no more than `role`: `viewer`, `operator` or `admin`. `None` when a text cannot
    /// travel in a header.
    #[must_use]
    pub fn acting_as(&self, person: &str, role: &str) -> Option<Self> {
        Some(Self { channel: self.channel.acting_as(person, role)? })
    }

    /// The transport, for clients of other contracts (health, reflection).
    #[must_use]
    pub fn channel(&self) -> AqChannel {
        self.channel.clone()
    }

    /// Calls about projects.
    #[must_use]
    pub fn projects(&self) -> v1::project_service_client::ProjectServiceClient<AqChannel> {
        v1::project_service_client::ProjectServiceClient::new(self.channel())
    }

    /// Calls about workspaces.
    #[must_use]
    pub fn workspaces(&self) -> v1::workspace_service_client::WorkspaceServiceClient<AqChannel> {
        v1::workspace_service_client::WorkspaceServiceClient::new(self.channel())
    }

    /// Calls about tasks.
    #[must_use]
    pub fn tasks(&self) -> v1::task_service_client::TaskServiceClient<AqChannel> {
        v1::task_service_client::TaskServiceClient::new(self.channel())
    }

    /// Calls about runs and their output.
    #[must_use]
    pub fn runs(&self) -> v1::run_service_client::RunServiceClient<AqChannel> {
        v1::run_service_client::RunServiceClient::new(self.channel())
    }

    /// Calls about agents.
    #[must_use]
    pub fn agents(&self) -> v1::agent_service_client::AgentServiceClient<AqChannel> {
        v1::agent_service_client::AgentServiceClient::new(self.channel())
    }

    /// Calls about hooks.
    #[must_use]
    pub fn hooks(&self) -> v1::hook_service_client::HookServiceClient<AqChannel> {
        v1::hook_service_client::HookServiceClient::new(self.channel())
    }

    /// Calls about notes.
    #[must_use]
    pub fn notes(&self) -> v1::note_service_client::NoteServiceClient<AqChannel> {
        v1::note_service_client::NoteServiceClient::new(self.channel())
    }

    /// Calls about prompt templates.
    #[must_use]
    pub fn prompts(&self) -> v1::prompt_service_client::PromptServiceClient<AqChannel> {
        v1::prompt_service_client::PromptServiceClient::new(self.channel())
    }

    /// Calls about the chat.
    #[must_use]
    pub fn chat(&self) -> v1::chat_service_client::ChatServiceClient<AqChannel> {
        v1::chat_service_client::ChatServiceClient::new(self.channel())
    }

    /// Calls about plans.
    #[must_use]
    pub fn plans(&self) -> v1::plan_service_client::PlanServiceClient<AqChannel> {
        v1::plan_service_client::PlanServiceClient::new(self.channel())
    }

    /// Calls about accounts.
    #[must_use]
    pub fn accounts(&self) -> v1::account_service_client::AccountServiceClient<AqChannel> {
        v1::account_service_client::AccountServiceClient::new(self.channel())
    }

    /// Calls about repositories.
    #[must_use]
    pub fn git(&self) -> v1::git_service_client::GitServiceClient<AqChannel> {
        v1::git_service_client::GitServiceClient::new(self.channel())
    }

    /// Calls about events.
    #[must_use]
    pub fn events(&self) -> v1::event_service_client::EventServiceClient<AqChannel> {
        v1::event_service_client::EventServiceClient::new(self.channel())
    }

    /// Calls that carry the Model Context Protocol.
    #[must_use]
    pub fn mcp(&self) -> v1::mcp_service_client::McpServiceClient<AqChannel> {
        v1::mcp_service_client::McpServiceClient::new(self.channel())
    }

    /// Calls about the server itself.
    #[must_use]
    pub fn admin(&self) -> v1::admin_service_client::AdminServiceClient<AqChannel> {
        v1::admin_service_client::AdminServiceClient::new(self.channel())
    }
}

fn prepare(options: &Options) -> Result<(TonicEndpoint, CallHeaders), ConnectError> {
    let unusable =
        |error: tonic::transport::Error| ConnectError::Unusable { endpoint: options.endpoint.clone(), message: root_cause(&error) };
    // A Unix socket has no authority of its own; the name only fills the `:authority` header.
    let uri = match &options.endpoint {
        Endpoint::Unix(_) => "http://localhost".to_owned(),
        tcp @ Endpoint::Tcp { .. } => tcp.to_string(),
    };
    let mut endpoint = TonicEndpoint::from_shared(uri)
        .and_then(|endpoint| endpoint.user_agent(options.user_agent.clone()))
        .map_err(unusable)?
        .connect_timeout(options.connect_timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(false);
    match &options.endpoint {
        Endpoint::Tcp { tls: true, host, .. } => {
            let pem = options.ca_certificate.as_ref().ok_or_else(|| ConnectError::NoCertificate(options.endpoint.clone()))?;
            let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)).domain_name(name);
            if let Some(own) = &options.client_identity {
                tls = tls.identity(Identity::from_pem(&own.certificate_pem, &own.key_pem));
            }
            endpoint = endpoint.tls_config(tls).map_err(unusable)?;
        }
        plain if !plain.is_local() => return Err(ConnectError::Plaintext(options.endpoint.clone())),
        _ => {}
    }
    let authorization = options.api_key.as_ref().map(|key| secret_header(&format!("Bearer {}", key.reveal()))).transpose()?;
    let on_behalf_of = match &options.on_behalf_of {
        Some(person) => Some(HeaderValue::from_str(person).map_err(|_| ConnectError::Header { field: "on_behalf_of" })?),
        None => None,
    };
    let headers =
        CallHeaders { authorization, on_behalf_of, acting_role: None, deadline: options.deadline, endpoint: options.endpoint.to_string() };
    Ok((endpoint, headers))
}

fn secret_header(text: &str) -> Result<HeaderValue, ConnectError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ConnectError::Header { field: "api_key" })?;
    value.set_sensitive(true);
    Ok(value)
}

fn unix_path(endpoint: &Endpoint) -> Option<PathBuf> {
    match endpoint {
        Endpoint::Unix(path) => Some(path.clone()),
        Endpoint::Tcp { .. } => None,
    }
}

fn unix_connector(
    path: PathBuf,
) -> impl tower::Service<
    http::Uri,
    Response = TokioIo<UnixStream>,
    Error = std::io::Error,
    Future = impl Future<Output = Result<TokioIo<UnixStream>, std::io::Error>> + Send,
> + Send
+ 'static {
    tower::service_fn(move |_: http::Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    })
}

fn root_cause(error: &tonic::transport::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
