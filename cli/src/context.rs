//! What every command is given: arguments, environment, terminal, and the way to the server.
//!
//! Spec: specs/cli/commands.md

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use aq_proto::client::{ApiKey, ClientIdentity, Connection, Endpoint, Options, default_home, discover, read_identity, read_key_file};
use aq_proto::resume::{Interruption, ResumeOptions};

use crate::environment::Environment;
use crate::error::{CliError, Kind};
use crate::globals::Globals;
use crate::ui::Ui;

/// The deadline of calls that answer once when `--timeout` is not given.
const USUAL_DEADLINE: Duration = Duration::from_secs(30);

/// What every command is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The arguments before the noun.
    pub(crate) globals: Globals,
    /// The environment.
    pub(crate) environment: Environment,
    /// The terminal.
    pub(crate) ui: Ui,
}

impl Context {
    /// The server's data directory, absolute (commands R2).
    ///
    /// # Errors
    /// Usage when nothing names one.
    pub(crate) fn home(&self) -> Result<PathBuf, CliError> {
        let given = self.globals.home.as_deref().filter(|text| !text.is_empty());
        match given {
            Some(text) => Ok(std::path::absolute(text)?),
            None => default_home(self.environment.state_home.as_deref(), self.environment.home.as_deref())
                .ok_or_else(|| CliError::usage("neither HOME nor XDG_STATE_HOME names a data directory").hint("give one with --home")),
        }
    }

    /// True when the server is named by its endpoint instead of its home.
    #[must_use]
    pub(crate) fn has_endpoint(&self) -> bool {
        self.given_endpoint().is_some()
    }

    fn given_endpoint(&self) -> Option<&str> {
        self.globals.server.as_deref().filter(|text| !text.is_empty())
    }

    /// Where the server listens.
    ///
    /// # Errors
    /// Usage when the given text is no endpoint; unavailable when no server has used the home.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, CliError> {
        if let Some(text) = self.given_endpoint() {
            return Ok(text.parse()?);
        }
        let named = self.globals.home.as_deref().is_some_and(|home| !home.is_empty());
        match self.environment.socket.as_deref().filter(|_| !named) {
            Some(socket) => Ok(Endpoint::Unix(PathBuf::from(socket))),
            None => Ok(discover(&self.home()?)?.endpoint),
        }
    }

    fn api_key(&self) -> Result<Option<ApiKey>, CliError> {
        if let Some(path) = self.globals.key_file.as_deref().filter(|text| !text.is_empty()) {
            let read = read_key_file(std::path::Path::new(path));
            return read.map(Some).map_err(|error| {
                // Whoever set the variable long ago does not think of it now.
                let hint = "--key-file or AQ_KEY_FILE names this file; without both, admin.key of the server's home is used";
                CliError::new(Kind::Auth, error.to_string()).hint(hint)
            });
        }
        if let Some(key) = &self.environment.api_key {
            return key.clone().map(Some).map_err(|error| CliError::new(Kind::Auth, format!("AQ_API_KEY: {error}")));
        }
        let path = match self.home() {
            Ok(home) => home.join("admin.key"),
            // With an endpoint given, no home is needed; the server will say that it wants a key.
            Err(_) => return Ok(None),
        };
        if path.exists() { Ok(Some(read_key_file(&path)?)) } else { Ok(None) }
    }

    /// How to connect, with the key unless `keyless`.
    ///
    /// # Errors
    /// As [`Context::endpoint`]; auth when the key cannot be used.
    pub(crate) fn options(&self, keyless: bool) -> Result<Options, CliError> {
        let key = if keyless { None } else { self.api_key()? };
        let mut options = Options::new(self.endpoint()?, key);
        options.deadline = self.globals.timeout.map_or(USUAL_DEADLINE, Duration::from);
        options.connect_timeout = options.connect_timeout.min(options.deadline);
        options.user_agent = concat!("aqctl/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(path) = self.globals.ca_file.as_deref().filter(|text| !text.is_empty()) {
            let pem = fs::read(path).map_err(|error| CliError::usage(format!("cannot read {path}: {error}")))?;
            options.ca_certificate = Some(pem);
        }
        options.client_identity = self.identity()?;
        Ok(options)
    }

    /// What this client proves itself by.
    fn identity(&self) -> Result<Option<ClientIdentity>, CliError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty()).map(PathBuf::from);
        match (given(&self.globals.tls_cert_file), given(&self.globals.tls_key_file)) {
            (Some(certificate), Some(key)) => Ok(Some(read_identity(&certificate, &key)?)),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(CliError::usage("the key of the certificate is missing").hint("name it with --tls-key-file or AQ_TLS_KEY_FILE"))
            }
            (None, Some(_)) => {
                Err(CliError::usage("the certificate of the key is missing").hint("name it with --tls-cert-file or AQ_TLS_CERT_FILE"))
            }
        }
    }

    /// Connects to the server.
    ///
    /// # Errors
    /// As [`Context::options`]; unavailable when nothing answers.
    pub(crate) async fn connect(&self) -> Result<Connection, CliError> {
        Ok(Connection::connect(&self.options(false)?).await?)
    }

    /// How followed streams are resumed: for as long as it takes, an outage told once (commands R11).
    #[must_use]
    pub(crate) fn resume_options(&self) -> ResumeOptions {
        let ui = self.ui.clone();
        let tell = move |interruption: &Interruption| {
            if interruption.attempt == 1 {
                ui.warn(format!("the stream is interrupted ({}); trying again", interruption.status.message()));
            }
        };
        ResumeOptions { on_interruption: Some(std::sync::Arc::new(tell)), ..ResumeOptions::default() }
    }
}

/// A fresh id that makes repeating a mutation safe (commands R8).
#[must_use]
pub(crate) fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
