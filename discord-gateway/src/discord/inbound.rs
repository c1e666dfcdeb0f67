//! The library's connection to Discord, and what it tells, given on; nothing else.
//!
//! What its events mean to us is the business of `incoming`.

use serenity::all::{
    ClientBuilder, Context, EventHandler, GatewayIntents, GuildChannel, HttpBuilder, Interaction as Theirs, Message, PartialGuildChannel,
    Ready, ResumedEvent,
};
use serenity::cache::Settings as CacheSettings;
use serenity::gateway::GatewayError as Closed;
use tokio::sync::mpsc;

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
    let client = ClientBuilder::new_with_http(http, intents).cache_settings(cache).event_handler(Handler { to }).await;
    let mut client = client.map_err(|error| GatewayError::Ended(error.to_string()))?;
    match client.start().await {
        Ok(()) => Err(GatewayError::Ended("it was closed".to_owned())),
        Err(serenity::Error::Gateway(Closed::InvalidAuthentication)) => Err(GatewayError::Token),
        Err(serenity::Error::Gateway(Closed::DisallowedGatewayIntents | Closed::InvalidGatewayIntents)) => Err(GatewayError::Intent),
        Err(error) => Err(GatewayError::Ended(error.to_string())),
    }
}
