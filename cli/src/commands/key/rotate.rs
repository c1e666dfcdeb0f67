//! `aqctl key rotate`.

use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1::{ApiKey, CreateApiKeyRequest, GetServerInfoRequest, RevokeApiKeyRequest, Role};

use super::secret::Place;
use super::show::find;
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;

/// Replace an API key by a new one that may do the same; the old one is revoked when the new one has been tried
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The key's public part
    #[arg(value_name = "KEY", add = candidates::keys())]
    kid: String,
    /// How long the new one is accepted, at most 366d [default: as long as the old one was made for]
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<humantime::Duration>,
    /// Write the new key to a new file that only you can read, instead of showing it
    #[arg(long, value_name = "FILE")]
    out: Option<String>,
    /// Leave the old one as it is; revoke it when everybody who uses it has the new one
    #[arg(long)]
    keep: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let options = context.options(false)?;
    let connection = Connection::connect(&options).await?;
    let old = find(&connection, &args.kid).await?;
    if old.role() == Role::Run {
        return Err(CliError::usage(format!("key {} is that of a run; it ends with its run", old.kid)));
    }
    if old.revoked_at.is_some() {
        return Err(CliError::usage(format!("key {} was revoked", old.kid)).hint("make a new one with: aqctl key create"));
    }
    if !args.keep {
        context.ui.confirm(&format!("Replace key {} and revoke it?", old.kid))?;
    }
    let place = Place::open(args.out.as_deref())?;
    let lifetime = args.lifetime.map(Duration::from).or_else(|| lifetime(&old)).map(aq_proto::time::duration);
    let (role, project_ids, description) = (old.role, old.project_ids.clone(), old.description.clone());
    let request = CreateApiKeyRequest { role, project_ids, description, lifetime, request_id: request_id() };
    let made = match connection.admin().create_api_key(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            place.abandon();
            return Err(status.into());
        }
    };
    place.keep(context, &made)?;
    // Tried before the old one goes. An administrator's may be the very one that this command came with, and a key cannot revoke itself.
    let key = made.secret.parse::<aq_proto::client::ApiKey>().map_err(|error| CliError::failure(error.to_string()))?;
    let fresh = aq_proto::client::Options { api_key: Some(key), ..options.clone() };
    let fresh = Connection::connect(&fresh).await?;
    fresh.admin().get_server_info(GetServerInfoRequest {}).await?;
    if args.keep {
        context.ui.talk(format!("key {} works on; when nobody uses it any more: aqctl key revoke {}", old.kid, old.kid));
        return Ok(());
    }
    let with = if old.role() == Role::Admin { &fresh } else { &connection };
    with.admin().revoke_api_key(RevokeApiKeyRequest { kid: old.kid.clone(), request_id: request_id() }).await?;
    context.ui.talk(format!("key {} is worthless now", old.kid));
    if options.api_key.is_some_and(|key| key.kid() == old.kid) {
        context.ui.warn("that was the key of this command: put the new one into the file that it comes from");
    }
    Ok(())
}

/// How long the key was made for; `None`: it does not expire, and the server's usual time is meant.
fn lifetime(key: &ApiKey) -> Option<Duration> {
    let (from, to) = (key.created_at.as_ref()?, key.expires_at.as_ref()?);
    u64::try_from(to.seconds.saturating_sub(from.seconds)).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// commands R15: a new key is made for as long as the old one was.
    #[test]
    fn a_new_key_lasts_as_long() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 5 });
        let key = ApiKey { created_at: at(1000), expires_at: at(4600), ..ApiKey::default() };
        assert_eq!(lifetime(&key), Some(Duration::from_secs(3600)));
        assert_eq!(lifetime(&ApiKey { expires_at: None, ..key }), None);
    }
}
