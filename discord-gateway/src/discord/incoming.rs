//! What Discord tells, turned into what the gateway works with. Anything may come: what cannot be read is passed over by the library, and nothing that
//! is read is trusted here.
//!
//! How it comes is the business of `inbound`; what is done with it, of `inbox`.

use std::collections::BTreeMap;

use serenity::all::{
    ActionRowComponent, ChannelType, CommandDataOption, CommandDataOptionValue, ComponentInteractionDataKind, GuildChannel,
    Interaction as Theirs, Member, Message, MessageType, PartialChannel, User,
};

use crate::trust::{Person, Where};

/// What Discord tells us.
#[derive(Clone, Debug)]
pub(crate) enum Incoming {
    /// A session began: what was missed between is not told again.
    Ready {
        /// Our user.
        bot: u64,
        /// Our application.
        application: u64,
    },
    /// A broken session goes on; nothing was missed.
    Resumed,
    /// Somebody wrote.
    Message(Box<Written>),
    /// Somebody used a command, a button, a select or a form.
    Interaction(Box<Interaction>),
    /// A channel or a thread was deleted.
    Gone(u64),
    /// A channel is new, or has a new name.
    Named {
        /// Its id.
        id: u64,
        /// Its name.
        name: String,
    },
}

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// Its id.
    pub(crate) id: u64,
    /// Where; the parent is not told.
    pub(crate) place: Where,
    /// Who.
    pub(crate) author: Person,
    /// A person's or a bot's own words, not a notice of Discord.
    pub(crate) ordinary: bool,
    /// A bot wrote it.
    pub(crate) by_bot: bool,
    /// The text.
    pub(crate) content: String,
    /// Who is named in it.
    pub(crate) mentions: Vec<u64>,
    /// When, in milliseconds since 1970.
    pub(crate) created: i64,
    /// Names and addresses of its files.
    pub(crate) files: Vec<(String, String)>,
}

/// Something that wants an answer within three seconds.
#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    /// Its id.
    pub(crate) id: u64,
    /// The right to answer it.
    pub(crate) token: String,
    /// Our application.
    pub(crate) application: u64,
    /// Where.
    pub(crate) place: Where,
    /// Who.
    pub(crate) person: Person,
    /// The message with the button, for clicks.
    pub(crate) message: Option<u64>,
    /// What.
    pub(crate) kind: Kind,
}

/// What was used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A command, as its words, and its options.
    Command {
        /// `["task", "show"]`.
        words: Vec<String>,
        /// The options.
        options: BTreeMap<String, String>,
    },
    /// Choices are wanted for an option that is being written.
    Complete {
        /// The command.
        words: Vec<String>,
        /// The options so far.
        options: BTreeMap<String, String>,
        /// The option that is being written.
        option: String,
        /// What stands there.
        text: String,
    },
    /// A button or a select.
    Click {
        /// Its id.
        id: String,
        /// What was chosen.
        values: Vec<String>,
    },
    /// A form.
    Form {
        /// Its id.
        id: String,
        /// Its fields.
        values: BTreeMap<String, String>,
    },
}

/// A channel that is new or has a new name; `None`: one in which nobody writes.
pub(crate) fn named(channel: GuildChannel) -> Option<Incoming> {
    let text = matches!(channel.kind, ChannelType::Text | ChannelType::News);
    text.then(|| Incoming::Named { id: channel.id.get(), name: channel.name })
}

fn person(user: &User, member: Option<&Member>) -> Person {
    let name = member.and_then(|member| member.nick.clone()).or_else(|| user.global_name.clone()).unwrap_or_else(|| user.name.clone());
    Person { id: user.id.get(), name, roles: member.map(|member| member.roles.iter().map(|role| role.get()).collect()).unwrap_or_default() }
}

/// A message.
pub(crate) fn written(message: Message) -> Written {
    let mut author = person(&message.author, None);
    if let Some(member) = &message.member {
        author.roles = member.roles.iter().map(|role| role.get()).collect();
        author.name = member.nick.clone().unwrap_or(author.name);
    }
    Written {
        id: message.id.get(),
        place: Where { guild: message.guild_id.map(|id| id.get()), channel: message.channel_id.get(), parent: None },
        author,
        ordinary: matches!(message.kind, MessageType::Regular | MessageType::InlineReply) && message.webhook_id.is_none(),
        by_bot: message.author.bot,
        mentions: message.mentions.iter().map(|user| user.id.get()).collect(),
        created: message.timestamp.unix_timestamp().saturating_mul(1000),
        files: message.attachments.iter().map(|file| (file.filename.clone(), file.url.clone())).collect(),
        content: message.content,
    }
}

fn place(guild: Option<u64>, channel: u64, described: Option<&PartialChannel>) -> Where {
    Where { guild, channel, parent: described.and_then(|channel| channel.parent_id).map(|id| id.get()) }
}

/// An interaction; `None`: one of a kind that is not ours.
pub(crate) fn translated(interaction: Theirs) -> Option<Interaction> {
    Some(match interaction {
        Theirs::Command(command) => {
            let (words, options, _) = options(&command.data.name, &command.data.options);
            Interaction {
                id: command.id.get(),
                application: command.application_id.get(),
                place: place(command.guild_id.map(|id| id.get()), command.channel_id.get(), command.channel.as_ref()),
                person: person(&command.user, command.member.as_deref()),
                message: None,
                kind: Kind::Command { words, options },
                token: command.token,
            }
        }
        Theirs::Autocomplete(command) => {
            let (words, options, focused) = options(&command.data.name, &command.data.options);
            let (option, text) = focused.unwrap_or_default();
            Interaction {
                id: command.id.get(),
                application: command.application_id.get(),
                place: place(command.guild_id.map(|id| id.get()), command.channel_id.get(), command.channel.as_ref()),
                person: person(&command.user, command.member.as_deref()),
                message: None,
                kind: Kind::Complete { words, options, option, text },
                token: command.token,
            }
        }
        Theirs::Component(click) => {
            let values = match &click.data.kind {
                ComponentInteractionDataKind::StringSelect { values } => values.clone(),
                _ => Vec::new(),
            };
            Interaction {
                id: click.id.get(),
                application: click.application_id.get(),
                place: place(click.guild_id.map(|id| id.get()), click.channel_id.get(), click.channel.as_ref()),
                person: person(&click.user, click.member.as_ref()),
                message: Some(click.message.id.get()),
                kind: Kind::Click { id: click.data.custom_id.clone(), values },
                token: click.token,
            }
        }
        Theirs::Modal(form) => {
            let texts = form.data.components.iter().flat_map(|row| &row.components).filter_map(|component| match component {
                ActionRowComponent::InputText(input) => Some((input.custom_id.clone(), input.value.clone().unwrap_or_default())),
                _ => None,
            });
            Interaction {
                id: form.id.get(),
                application: form.application_id.get(),
                place: place(form.guild_id.map(|id| id.get()), form.channel_id.get(), form.channel.as_ref()),
                person: person(&form.user, form.member.as_ref()),
                message: form.message.as_ref().map(|message| message.id.get()),
                kind: Kind::Form { id: form.data.custom_id.clone(), values: texts.collect() },
                token: form.token,
            }
        }
        _ => return None,
    })
}

/// The words of a command, its options as texts, and the option that is being written.
type Options = (Vec<String>, BTreeMap<String, String>, Option<(String, String)>);

fn options(name: &str, given: &[CommandDataOption]) -> Options {
    let (mut words, mut options, mut focused) = (vec![name.to_owned()], BTreeMap::new(), None);
    let mut level = given;
    loop {
        let mut deeper = None;
        for option in level {
            let text = match &option.value {
                CommandDataOptionValue::SubCommand(inner) | CommandDataOptionValue::SubCommandGroup(inner) => {
                    words.push(option.name.clone());
                    deeper = Some(inner.as_slice());
                    continue;
                }
                CommandDataOptionValue::Autocomplete { value, .. } => {
                    focused = Some((option.name.clone(), value.clone()));
                    value.clone()
                }
                CommandDataOptionValue::String(text) => text.clone(),
                CommandDataOptionValue::Boolean(value) => value.to_string(),
                CommandDataOptionValue::Integer(value) => value.to_string(),
                CommandDataOptionValue::Number(value) => value.to_string(),
                CommandDataOptionValue::Channel(id) => id.get().to_string(),
                CommandDataOptionValue::User(id) => id.get().to_string(),
                CommandDataOptionValue::Role(id) => id.get().to_string(),
                _ => continue,
            };
            options.insert(option.name.clone(), text);
        }
        match deeper {
            Some(inner) => level = inner,
            None => return (words, options, focused),
        }
    }
}
