//! What holds of any event that Discord may send. It takes any bytes, from the mutants beside it, from the corpus or from a fuzzer.
//!
//! How the bytes are made is not here.

use serenity::model::event::{Event, GatewayEvent};

use super::incoming::{Incoming, Interaction, Kind, Written, named, translated, written};
use crate::custom_id;
use crate::trust::{Access, List, Role};

/// Who has rights in the one guild: one person, and whoever has one role.
fn access() -> Access {
    let only = |id| List { users: [id].into(), roles: [id + 1].into() };
    Access { guild: 7, admins: only(1), viewers: only(100), ..Access::default() }
}

/// Routing R9, trust R1, R3, actions R2: an event is read or passed over; what is read says what the event says; nobody gets a right by what an event
/// claims in another guild or about somebody who has none; and a click means what its id says or nothing.
pub(crate) fn event(bytes: &[u8]) {
    match read(bytes) {
        Some(Event::MessageCreate(told)) => message(&told.message.content.clone(), &written(told.message)),
        Some(Event::InteractionCreate(told)) => {
            if let Some(interaction) = translated(told.interaction) {
                used(&interaction);
            }
        }
        Some(Event::ChannelCreate(told)) => channel(named(told.channel)),
        Some(Event::ChannelUpdate(told)) => channel(named(told.channel)),
        _ => {}
    }
}

/// The event that the library reads in these bytes; none where it dies of them, which the gateway survives (routing R10).
pub(super) fn read(bytes: &[u8]) -> Option<Event> {
    let text = std::str::from_utf8(bytes).ok()?;
    match std::panic::catch_unwind(|| serde_json::from_str(text)).ok()?.ok()? {
        GatewayEvent::Dispatch(_, event) => Some(event),
        _ => None,
    }
}

fn message(content: &str, written: &Written) {
    assert_eq!(written.content, content, "words are kept as they are");
    assert_ne!((written.id, written.place.channel, written.author.id), (0, 0, 0));
    assert_eq!(written.place.parent, None, "a message does not say it");
    assert_eq!(written.created % 1_000, 0);
    rights(&written.author, written.place);
}

fn used(interaction: &Interaction) {
    rights(&interaction.person, interaction.place);
    match &interaction.kind {
        Kind::Command { words, .. } => assert!(!words.is_empty()),
        Kind::Complete { words, options, option, .. } => {
            assert!(!words.is_empty());
            assert!(option.is_empty() || options.contains_key(option), "{option:?} is one of {options:?}");
        }
        Kind::Click { id, .. } | Kind::Form { id, .. } => {
            if let Ok(action) = custom_id::read(id) {
                assert_eq!(custom_id::write(&action).as_deref(), Some(id.as_str()), "{action:?}");
            }
        }
    }
}

fn channel(told: Option<Incoming>) {
    if let Some(told) = told {
        assert!(matches!(told, Incoming::Named { id, .. } if id != 0), "{told:?}");
    }
}

fn rights(person: &crate::trust::Person, place: crate::trust::Where) {
    let has = |id: u64| person.id == id || person.roles.contains(&(id + 1));
    let expected = match place.guild {
        Some(7) if has(1) => Some(Role::Admin),
        Some(7) if has(100) => Some(Role::Viewer),
        _ => None,
    };
    assert_eq!(access().role(person, place), expected, "{person:?} {place:?}");
}
