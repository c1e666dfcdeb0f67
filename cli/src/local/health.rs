//! The standard health service (server-control R8).

use aq_proto::client::{Connection, Options};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::error::CliError;

/// What health says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serving {
    /// SERVING.
    Yes,
    /// Anything else: starting, recovering, ending.
    No,
}

/// Asks about a service; the empty name is the whole server.
///
/// # Errors
/// Unavailable when nothing answers; not found when the server has no such service.
pub(crate) async fn ask(options: &Options, service: &str) -> Result<Serving, CliError> {
    let connection = Connection::connect(options).await?;
    let mut client = HealthClient::new(connection.channel());
    let answer = client.check(HealthCheckRequest { service: service.to_owned() }).await?.into_inner();
    Ok(if answer.status == i32::from(ServingStatus::Serving) { Serving::Yes } else { Serving::No })
}
