//! Where people read what the server tells: the project's channel, or the main one with the reason when Discord refuses the first.

use crate::bridge::Bridge;
use crate::message::Message;
use crate::outbound::{CallError, Known};
use crate::text::{clean, cut};

/// Posts something about a project. Returns the channel and the message; `None`: there is no channel at all.
pub(super) async fn post(
    bridge: &Bridge,
    project: &str,
    mut message: Message,
    known: Known<'_>,
    again: bool,
) -> Result<Option<(u64, u64)>, CallError> {
    let Some((channel, foreign)) = bridge.channels(|channels| channels.notices(project)) else { return Ok(None) };
    if foreign {
        head(&mut message, project);
    }
    let reason = match bridge.out.post(channel, &message, known, again).await {
        Ok(id) => return Ok(Some((channel, id))),
        Err(CallError::Refused { status: 403 | 404, message, .. }) if !foreign => message,
        Err(error) => return Err(error),
    };
    // Nobody would ever read it there: the main channel gets it, with the reason.
    let Some(main) = bridge.channels(|channels| channels.global).filter(|main| *main != channel) else { return Ok(None) };
    tracing::warn!(project, channel, reason, "the project's channel refuses a message; the main one gets it");
    head(&mut message, project);
    message.reply_to = None;
    if let Some(embed) = message.embeds.first_mut() {
        let why = format!("Discord does not let the bot write in <#{channel}>: {}", cut(&clean(&reason), 300));
        embed.fields.truncate(24);
        *embed =
            std::mem::take(embed).below("Why here", format!("{why}\nGive it the right to, or link another channel with `/channel set`."));
    }
    Ok(Some((main, bridge.out.post(main, &message, known, again).await?)))
}

/// Puts the project's name in front.
fn head(message: &mut Message, project: &str) {
    if let Some(embed) = message.embeds.first_mut().filter(|_| !project.is_empty()) {
        embed.title = format!("[{project}] {}", embed.title);
    }
}
