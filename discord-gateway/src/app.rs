//! Puts the gateway together: configuration, server, health, events; ends on SIGTERM or SIGINT.
//!
//! Spec: specs/discord-gateway/README.md

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::Arguments;
use crate::config::{DiscordSection, Environment, Problems, load};
use crate::{discord, events, health, server};

/// Why the gateway ends with an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Problems),
    /// No configuration file is known.
    #[error("which configuration? give --config with a file that has a section `discord`")]
    NoConfig,
    /// There is no way to the server.
    #[error(transparent)]
    Server(#[from] server::ServerError),
    /// Following events ended.
    #[error(transparent)]
    Follow(#[from] events::FollowError),
    /// Health checks cannot be answered.
    #[error(transparent)]
    Health(#[from] health::HealthError),
    /// The system refuses a thread, a socket or a signal handler.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// Runs the gateway to its end.
pub(crate) fn run(arguments: Arguments) -> Result<(), AppError> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let environment = Environment::of_process();
    let path = environment.config_path(arguments.config.as_deref()).ok_or(AppError::NoConfig)?;
    let (section, warnings) = load(&path, environment.clone())?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    announce(&section);
    if arguments.check_config {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(follow(arguments, environment))
}

fn announce(section: &DiscordSection) {
    let client = discord::client(section);
    tracing::info!(
        guild = section.guild_id,
        users = section.authorized_users.len(),
        roles = section.authorized_roles.len(),
        everyone = section.allow_everyone_in_guild,
        channel = section.channel,
        client = ?client,
        "configuration is fine; this version does not log in to Discord, it follows the server's events only"
    );
}

async fn follow(arguments: Arguments, environment: Environment) -> Result<(), AppError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let connection = server::connection(&arguments, &environment)?;
    let (sender, receiver) = watch::channel(false);
    let answers = async {
        match arguments.health {
            Some(address) => health::serve(address, receiver).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = events::follow(&connection, Arc::new(sender), std::io::stdout()) => Ok(ended?),
        ended = answers => Ok(ended?),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}
