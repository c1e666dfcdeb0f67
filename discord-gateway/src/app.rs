//! Puts the gateway together: configuration, server, Discord, health; ends on SIGTERM or SIGINT.
//!
//! Spec: specs/discord-gateway/README.md

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::args::{Arguments, Command};
use crate::backend::Backend;
use crate::bridge::{Bridge, GuildError};
use crate::config::{DiscordSection, Environment, Problems, load};
use crate::discord::{GatewayError, Http, Incoming, listen};
use crate::outbound::{Broken, Outbound};
use crate::{clock, events, health, inbox, notes, runs, server, setup};

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
    /// The server refuses something at the start.
    #[error("the server refuses: {0}")]
    Refused(#[from] tonic::Status),
    /// The guild cannot be used.
    #[error(transparent)]
    Guild(#[from] GuildError),
    /// Discord does not let us in.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The notes threads of the original cannot be taken over.
    #[error(transparent)]
    Notes(#[from] notes::ImportError),
    /// No client of Discord's interface can be made.
    #[error(transparent)]
    Http(#[from] Broken),
    /// Health checks cannot be answered.
    #[error(transparent)]
    Health(#[from] health::HealthError),
    /// The set-up came to nothing.
    #[error(transparent)]
    Setup(#[from] setup::SetupError),
    /// The check found something.
    #[error("not everything is as it should be; see above")]
    Unsound,
    /// The system refuses a thread, a socket or a signal handler.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// Runs the gateway to its end.
pub(crate) fn run(arguments: Arguments) -> Result<(), AppError> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).with_env_filter(filter(&arguments)).init();
    let environment = Environment::of_process();
    let path = environment.config_path(arguments.config.as_deref()).ok_or(AppError::NoConfig)?;
    if let Some(Command::Setup { api_url }) = &arguments.command {
        let work = setup::setup(&path, api_url, std::io::stdin().lock(), std::io::stdout());
        return Ok(runtime()?.block_on(work)?);
    }
    let (section, warnings) = load(&path, environment.clone())?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(guild = section.guild_id, channel = section.channel, "configuration is fine");
    if arguments.check_config {
        return Ok(());
    }
    if arguments.command == Some(Command::Check) {
        return runtime()?.block_on(check(arguments, environment, section));
    }
    runtime()?.block_on(serve(arguments, environment, section))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

async fn check(arguments: Arguments, environment: Environment, section: DiscordSection) -> Result<(), AppError> {
    let connection = server::connection(&arguments, &environment).map_err(|error| error.to_string());
    if setup::check(&section, connection, std::io::stdout()).await? { Ok(()) } else { Err(AppError::Unsound) }
}

/// The library's own lines about headers and heartbeats are of no use to anyone.
fn filter(arguments: &Arguments) -> tracing_subscriber::EnvFilter {
    let ours = if arguments.verbose { "debug" } else { "info" };
    tracing_subscriber::EnvFilter::new(format!("warn,aq_discord={ours},serenity=error"))
}

async fn serve(arguments: Arguments, environment: Environment, section: DiscordSection) -> Result<(), AppError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let backend = Backend::new(server::connection(&arguments, &environment)?);
    let outbound = Outbound::new(Arc::new(Http::new(&section.api_url, section.bot_token.clone())?));
    let bridge = Bridge::new(backend, outbound, section, Arc::new(clock::Wall));
    let (sender, receiver) = watch::channel(false);
    let answers = async {
        match arguments.health {
            Some(address) => health::serve(address, receiver).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = work(bridge.clone(), Arc::new(sender)) => ended,
        () = bridge.out.token_refused() => Err(GatewayError::Token.into()),
        ended = answers => Ok(ended?),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Arrives in the guild, takes up what was followed, then follows the server and Discord beside each other.
async fn work(bridge: Bridge, following: Arc<watch::Sender<bool>>) -> Result<(), AppError> {
    bridge.arrive().await?;
    notes::import(&bridge).await?;
    notes::know(&bridge).await?;
    let (sender, receiver) = mpsc::channel(1024);
    runs::resume_all(&bridge).await?;
    let down = following.subscribe();
    tokio::select! {
        ended = events::follow(&bridge, following) => Ok(ended?),
        ended = connect(&bridge, sender) => Ok(ended?),
        () = inbox::serve(&bridge, receiver) => Ok(()),
        () = crate::watchdog::watch(&bridge, down) => Ok(()),
        () = crate::digest::serve(&bridge) => Ok(()),
        () = sweep(&bridge) => Ok(()),
    }
}

/// Forgets what was said in channels that nobody speaks in any more.
async fn sweep(bridge: &Bridge) {
    loop {
        sleep(Duration::from_secs(600)).await;
        bridge.buffers(|buffers| buffers.sweep(bridge.now_ms()));
    }
}

/// Keeps the connection to Discord; ends only when trying again would not help.
async fn connect(bridge: &Bridge, to: mpsc::Sender<Incoming>) -> Result<(), GatewayError> {
    let mut pause = Duration::from_secs(1);
    loop {
        let begun = tokio::time::Instant::now();
        match listen(&bridge.config.api_url, &bridge.config.bot_token, to.clone()).await {
            Ok(()) => {}
            Err(GatewayError::Ended(reason)) => tracing::warn!(reason, "not connected to Discord; trying again"),
            Err(fatal) => return Err(fatal),
        }
        if begun.elapsed() > Duration::from_secs(60) {
            pause = Duration::from_secs(1);
        }
        sleep(pause).await;
        // Discord takes a thousand new sessions a day.
        pause = Duration::from_secs(60).min(pause * 2);
    }
}
