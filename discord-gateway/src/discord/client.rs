//! The client of Discord's HTTP interface, built from the configuration. Building it sends nothing.

use serenity::all::{CreateAllowedMentions, GuildId, Http, HttpBuilder};

use crate::config::DiscordSection;

/// Discord as the gateway uses it: one guild, and no message of ours ever notifies anyone by itself.
pub(crate) struct Client {
    /// The HTTP client, with the library's own rate limiter.
    http: Http,
    /// The one guild served.
    guild: GuildId,
}

/// Builds the client.
pub(crate) fn client(section: &DiscordSection) -> Client {
    // No mention is ever resolved: text of agents must not be able to ring anyone.
    let http = HttpBuilder::new(section.bot_token.expose()).default_allowed_mentions(CreateAllowedMentions::new()).build();
    Client { http, guild: GuildId::new(section.guild_id) }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("guild", &self.guild).field("rate_limited", &self.http.ratelimiter.is_some()).finish_non_exhaustive()
    }
}
