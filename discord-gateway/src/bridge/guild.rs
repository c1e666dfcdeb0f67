//! The guild at the start: who we are, the main channel, the channels of the projects (F-187, F-190).

use serde_json::Value;

use super::Bridge;
use crate::outbound::{Call, CallError, Method};

/// Why the guild cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuildError {
    /// The token is not valid.
    #[error("Discord does not accept the bot token; make a new one in the developer portal (Bot, Reset Token) and write it to bot_token")]
    Token,
    /// The bot is not in the guild.
    #[error("the bot is not in the guild {0}; `aq-discord setup` shows the link that invites it, and guild_id must be that of your server")]
    NotThere(u64),
    /// Anything else.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The server refuses.
    #[error("the server refuses: {0}")]
    Server(#[from] tonic::Status),
}

fn id(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_str)?.parse().ok()
}

/// A channel of the guild.
#[derive(Clone, Debug)]
struct Found {
    id: u64,
    name: String,
    text: bool,
}

impl Bridge {
    /// Learns who we are and which channels there are. Tried until Discord and the server answer; a refusal ends it.
    pub(crate) async fn arrive(&self) -> Result<(), GuildError> {
        let me = self.out.call(Call::new(Method::Get, "/users/@me", None).lasting()).await.map_err(|error| match error {
            CallError::Refused { status: 401, .. } => GuildError::Token,
            other => other.into(),
        })?;
        let bot = id(&me, "id").unwrap_or(0);
        self.is(bot, bot);
        let name = me.get("username").and_then(Value::as_str).unwrap_or_default();
        tracing::info!(bot, name, "Discord knows us");
        self.resolve().await
    }

    /// Finds the channels: the main one by its name, those of projects by their ids. A dead id is told and left to its owner.
    pub(crate) async fn resolve(&self) -> Result<(), GuildError> {
        let guild = self.config.guild_id;
        let found = self.out.call(Call::new(Method::Get, format!("/guilds/{guild}/channels"), None).lasting()).await;
        let found = found.map_err(|error| match error {
            CallError::Refused { status: 403 | 404, .. } => GuildError::NotThere(guild),
            other => other.into(),
        })?;
        let channels: Vec<Found> = found
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|channel| {
                let name = channel.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                let kind = channel.get("type").and_then(Value::as_u64);
                Some(Found { id: id(channel, "id")?, name, text: matches!(kind, Some(0 | 5)) })
            })
            .collect();
        let wanted = self.config.channel.trim_start_matches('#');
        let global = channels.iter().find(|channel| channel.text && self.config.is_main(&channel.name)).map(|channel| channel.id);
        match global {
            Some(id) => tracing::info!(channel = wanted, id, "main channel"),
            None => {
                tracing::warn!(channel = wanted, "the main channel does not exist; make it, or name another in discord.channels.channel");
            }
        }
        self.channels(|known| known.global = global);
        for project in self.server.projects().await? {
            let own = project.discord_channel_id.parse::<u64>().ok();
            let usable = own.filter(|id| channels.iter().any(|channel| channel.text && channel.id == *id));
            if own.is_some() && usable.is_none() {
                tracing::warn!(
                    project = project.id,
                    channel = project.discord_channel_id,
                    "the project's channel is gone; notices go to the main one"
                );
                self.forget_channel(&project.id).await?;
            }
            self.channels(|known| known.link(&project.id, usable));
        }
        for (key, value) in self.server.records("control:").await? {
            if let (Some(project), Ok(channel)) = (key.strip_prefix("control:"), value.parse()) {
                self.channels(|known| known.link_control(project, Some(channel)));
            }
        }
        Ok(())
    }

    /// Clears the channel that the server keeps for a project.
    pub(crate) async fn forget_channel(&self, project: &str) -> Result<(), GuildError> {
        let itself =
            self.server.own().acting_as("discord:gateway", "admin").ok_or_else(|| tonic::Status::internal("a name that cannot travel"))?;
        let request = aq_proto::v1::UpdateProjectRequest {
            project: Some(aq_proto::v1::Project { id: project.to_owned(), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["discord_channel_id".to_owned()] }),
            request_id: uuid::Uuid::new_v4().to_string(),
        };
        itself.projects().update_project(request).await?;
        Ok(())
    }
}
