//! A message that came: the guards in their order, then to its agent, or answered.

use crate::actions::say;
use crate::bridge::Bridge;
use crate::chat::{self, Cached};
use crate::discord::Written;
use crate::message::Message;
use crate::outbound::Known;
use crate::routing::{Heard, Place, Verdict, judge, stripped};

/// What somebody reads who only names us.
const GREETING: &str = "How can I help? Ask me about status, projects, or tasks.";

/// Handles a message.
pub(super) async fn receive(bridge: &Bridge, written: Written) {
    let (bot, _) = bridge.ids();
    let channel = written.place.channel;
    let own = written.author.id == bot;
    let mentioned = written.mentions.contains(&bot);
    // Looking a thread up costs a call; it is saved for what nobody would answer anyway.
    let place = if own || !written.ordinary {
        Place::Elsewhere
    } else {
        match bridge.place(channel).await {
            Ok(place) => place,
            Err(status) => {
                tracing::warn!(error = status.message(), "a message could not be placed");
                return;
            }
        }
    };
    let role = bridge.config.access.role(&written.author, in_thread(bridge, &written, &place).await);
    let heard = Heard {
        own,
        ordinary: written.ordinary && !written.by_bot,
        authorised: role.is_some(),
        duplicate: false,
        before_boot: written.created < bridge.boot(),
        mentioned,
        mention_wanted: bridge.config.require_mention,
    };
    match (judge(heard, &place, || !bridge.note(written.id)), role) {
        (Verdict::Ignore(why), _) => tracing::trace!(message = written.id, why, "ignored"),
        (Verdict::ToAgent, Some(role)) => {
            let Place::Run { task, .. } = &place else { return };
            say(bridge, &written, task, role).await;
        }
        (Verdict::Chat, Some(role)) => {
            let text = stripped(&written.content, bot);
            if text.is_empty() {
                reply(bridge, &written, &Message::text(GREETING)).await;
                return;
            }
            match place {
                Place::Project(project) => chat::turn(bridge, &written, role, &text, Some(project)).await,
                Place::Notes(project) => {
                    let text = chat::noting(&project, &text);
                    chat::turn(bridge, &written, role, &text, Some(project)).await;
                }
                _ => chat::turn(bridge, &written, role, &text, None).await,
            }
        }
        (_, None) => {}
    }
}

/// Keeps what is said in the channels that are answered in, whoever says it (F-197).
pub(super) fn buffer(bridge: &Bridge, written: &Written) {
    let (bot, _) = bridge.ids();
    let (own, mentioned) = (written.author.id == bot, written.mentions.contains(&bot));
    let channel = written.place.channel;
    let ours = bridge.channels(|channels| channels.global == Some(channel) || channels.project(channel).is_some());
    let ours = ours || bridge.notes_of(channel).is_some();
    if !written.ordinary || !(ours || mentioned) {
        return;
    }
    let author = if own { "AgentQueue".to_owned() } else { written.author.name.clone() };
    let message = Cached { id: written.id, author, by_bot: own, content: written.content.clone() };
    let now = bridge.now_ms();
    bridge.buffers(|buffers| buffers.keep(channel, message, now));
}

/// Where a message was written, with the channel that its thread belongs to.
async fn in_thread(bridge: &Bridge, written: &Written, place: &Place) -> crate::trust::Where {
    let mut found = written.place;
    if let Some((_, channel)) = bridge.notes_of(found.channel) {
        found.parent = Some(channel);
    }
    if let Place::Run { task, run } = place
        && !bridge.config.access.channels.is_empty()
        && let Ok(Some(record)) = bridge.server.run_record(task, *run).await
    {
        found.parent = Some(record.channel);
    }
    found
}

async fn reply(bridge: &Bridge, written: &Written, message: &Message) {
    let message = message.clone().replying(Some(written.id));
    let name = format!("reply to {}", written.id);
    if let Err(error) = bridge.out.post(written.place.channel, &message, Known::Behind(written.id, &name), false).await {
        tracing::debug!(%error, "a reply could not be posted");
    }
}
