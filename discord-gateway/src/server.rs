//! Finding the server and holding its key.
//!
//! Spec: specs/discord-gateway/README.md

use std::path::PathBuf;

use aq_proto::client::{
    ConnectError, Connection, DiscoverError, Endpoint, InvalidEndpoint, Options, default_home, discover, read_identity, read_key_file,
};

use crate::args::Arguments;
use crate::config::Environment;

/// Why there is no way to the server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// The endpoint is not one.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// The server's traces or a key file cannot be read.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The endpoint cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Neither an endpoint nor a data directory is known.
    #[error("where is the server? give --endpoint, or --home of a server on this machine")]
    Nowhere,
    /// No key is known.
    #[error("no API key: give --api-key-file with a key of role gateway")]
    NoKey,
    /// The certificate cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A connection that is made when it is first used, so that the gateway may start before the server. Needs a tokio runtime.
pub(crate) fn connection(arguments: &Arguments, environment: &Environment) -> Result<Connection, ServerError> {
    let given = arguments.endpoint.as_deref().or_else(|| environment.filled("AQ_ENDPOINT"));
    let key_file = arguments.api_key_file.clone().or_else(|| environment.filled("AQ_API_KEY_FILE").map(PathBuf::from));
    let mut key = key_file.as_deref().map(read_key_file).transpose()?;
    let endpoint: Endpoint = match given {
        Some(text) => text.parse()?,
        None => {
            let home = arguments.home.clone().or_else(|| environment.filled("AQ_HOME").map(PathBuf::from));
            let home = home.or_else(|| default_home(environment.filled("XDG_STATE_HOME"), environment.filled("HOME")));
            let address = discover(&home.ok_or(ServerError::Nowhere)?)?;
            key = key.or(address.api_key);
            address.endpoint
        }
    };
    let mut options = Options::new(endpoint, Some(key.ok_or(ServerError::NoKey)?));
    options.user_agent = concat!("aq-discord/", env!("CARGO_PKG_VERSION")).to_owned();
    if let Some(path) = &arguments.ca_file {
        let pem = std::fs::read(path).map_err(|source| ServerError::Certificate { path: path.clone(), source })?;
        options.ca_certificate = Some(pem);
    }
    if let (Some(certificate), Some(key)) = (&arguments.tls_cert_file, &arguments.tls_key_file) {
        options.client_identity = Some(read_identity(certificate, key)?);
    }
    Ok(Connection::connect_lazy(&options)?)
}
