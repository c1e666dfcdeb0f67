//! The library's connection to Discord, and what it tells, given on; nothing else.
//!
//! What its events mean to us is the business of `incoming`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serenity::all::{
    ClientBuilder, Context, EventHandler, GatewayIntents, GuildChannel, HttpBuilder, Interaction as Theirs, Message, PartialGuildChannel,
    Ready, ResumedEvent, ShardId, ShardManager,
};
use serenity::cache::Settings as CacheSettings;
use serenity::gateway::GatewayError as Closed;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::incoming::{self, Incoming};
use crate::config::BotToken;

/// Why listening ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    /// The token is not valid.
    #[error("Discord does not accept the bot token; make a new one in the developer portal (Bot, Reset Token) and write it to bot_token")]
    Token,
    /// The message content intent is not switched on.
    #[error("the bot may not read messages; switch on `Message Content Intent` in the developer portal (Bot, Privileged Gateway Intents)")]
    Intent,
    /// Anything else; worth another try.
    #[error("the connection to Discord ended: {0}")]
    Ended(String),
}

/// Discord splits what it sends among connections only for bots in thousands of guilds; ours has one.
const SHARD: ShardId = ShardId(0);

struct Handler {
    to: mpsc::Sender<Incoming>,
}

impl Handler {
    async fn tell(&self, incoming: Incoming) {
        // Nobody listens any more only when the program ends.
        drop(self.to.send(incoming).await);
    }

    async fn named(&self, channel: GuildChannel) {
        if let Some(named) = incoming::named(channel) {
            self.tell(named).await;
        }
    }
}

#[serenity::async_trait]
impl EventHandler for Handler {
    async fn ready(&self, _: Context, ready: Ready) {
        self.tell(Incoming::Ready { bot: ready.user.id.get(), application: ready.application.id.get() }).await;
    }

    async fn resume(&self, _: Context, _: ResumedEvent) {
        self.tell(Incoming::Resumed).await;
    }

    async fn message(&self, _: Context, message: Message) {
        self.tell(Incoming::Message(Box::new(incoming::written(message)))).await;
    }

    async fn interaction_create(&self, _: Context, interaction: Theirs) {
        if let Some(interaction) = incoming::translated(interaction) {
            self.tell(Incoming::Interaction(Box::new(interaction))).await;
        }
    }

    async fn channel_create(&self, _: Context, channel: GuildChannel) {
        self.named(channel).await;
    }

    async fn channel_update(&self, _: Context, _: Option<GuildChannel>, channel: GuildChannel) {
        self.named(channel).await;
    }

    async fn channel_delete(&self, _: Context, channel: GuildChannel, _: Option<Vec<Message>>) {
        self.tell(Incoming::Gone(channel.id.get())).await;
    }

    async fn thread_delete(&self, _: Context, thread: PartialGuildChannel, _: Option<GuildChannel>) {
        self.tell(Incoming::Gone(thread.id.get())).await;
    }
}

/// Listens until the connection cannot be kept. `base` is where Discord's interface is.
pub(crate) async fn listen(base: &str, token: &BotToken, to: mpsc::Sender<Incoming>) -> Result<(), GatewayError> {
    // Only the address of the connection is asked for over this; everything else goes through `outbound`.
    let http = HttpBuilder::new(token.expose()).proxy(base.trim_end_matches('/')).ratelimiter_disabled(true).build();
    // The library would fall back to an address of its own.
    http.get_gateway().await.map_err(|error| GatewayError::Ended(error.to_string()))?;
    let intents = GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGES | GatewayIntents::MESSAGE_CONTENT;
    let mut cache = CacheSettings::default();
    (cache.max_messages, cache.cache_guilds, cache.cache_channels, cache.cache_users) = (0, false, false, false);
    let handler = Arc::new(Handler { to });
    let client = ClientBuilder::new_with_http(http, intents).cache_settings(cache).event_handler_arc(Arc::clone(&handler)).await;
    let mut client = client.map_err(|error| GatewayError::Ended(error.to_string()))?;
    let manager = Arc::clone(&client.shard_manager);
    // This function and what starts connections.
    let holders = Arc::strong_count(&handler);
    let ended = tokio::select! {
        ended = client.start() => ended,
        never = revive(&manager, &handler, holders) => match never {},
    };
    match ended {
        Ok(()) => Err(GatewayError::Ended("it was closed".to_owned())),
        Err(serenity::Error::Gateway(Closed::InvalidAuthentication)) => Err(GatewayError::Token),
        Err(serenity::Error::Gateway(Closed::DisallowedGatewayIntents | Closed::InvalidGatewayIntents)) => Err(GatewayError::Intent),
        Err(error) => Err(GatewayError::Ended(error.to_string())),
    }
}

/// Sets the connection up again when what keeps it has died (routing R10): the library reads events with code that can panic, its task is gone then, and
/// nothing of it notices, so that the bot would be deaf until somebody restarts it.
///
/// A connection that the library knows is held by a task, which holds the handler. One that the library takes down itself is not known to it any more
/// before its task ends, so that both never happen at once while it is alive.
///
/// `holders` is how many hold the handler while there is no connection.
async fn revive(manager: &ShardManager, handler: &Arc<Handler>, holders: usize) -> Infallible {
    loop {
        sleep(Duration::from_secs(1)).await;
        if manager.has(SHARD).await && Arc::strong_count(handler) <= holders {
            tracing::error!("the connection to Discord died of an event that could not be read; connecting anew");
            manager.restart(SHARD).await;
        }
    }
}
