//! Events that Discord would not send.

use std::collections::BTreeSet;

use serenity::model::event::Event;

use super::properties::{event, read};
use crate::mutate::{corpus, mutants, tell};

const SPICES: [&str; 16] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "0",
    "-1",
    "18446744073709551615",
    "\"aq1:",
    "\\ud800",
    "\"type\":",
    "\"guild_id\":\"7\"",
    "🦀",
];

/// Routing R9, trust R1, R3, actions R2: whatever comes as an event.
#[test]
fn any_event_is_read_or_passed_over() {
    let seeds = corpus("events");
    seeds.iter().for_each(|bytes| event(bytes));
    mutants(&seeds, &SPICES, 3_000).for_each(|bytes| event(&bytes));
    tell("events of any shape", 3_000);
}

/// Fuzzing R1: the corpus holds events that are read, of every kind that the gateway handles; else the mutants would be refused at the door.
#[test]
fn the_corpus_holds_events_of_every_kind() {
    let mut kinds = BTreeSet::new();
    for bytes in corpus("events") {
        match read(&bytes) {
            None | Some(Event::Unknown(_)) => {}
            Some(Event::InteractionCreate(told)) => drop(kinds.insert(format!("{:?}", told.interaction.kind()))),
            Some(_) => {
                let whole: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                kinds.insert(whole["t"].as_str().unwrap().to_owned());
            }
        }
    }
    for kind in [
        "Autocomplete",
        "CHANNEL_CREATE",
        "CHANNEL_DELETE",
        "CHANNEL_UPDATE",
        "Command",
        "Component",
        "MESSAGE_CREATE",
        "Modal",
        "READY",
        "RESUMED",
        "THREAD_DELETE",
    ] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
}
