//! Keys of the original system that have a new home: moved there, with a warning that names it (config R7).

use std::collections::BTreeMap;

use super::document::Node;
use super::problem::Sink;

/// A key that moved. `from` and `to` are (section, key); an empty section is the top level.
struct Move {
    from: (&'static str, &'static str),
    to: (&'static str, &'static str),
    /// Whether the old spelling is an accepted second name, without a warning.
    quiet: bool,
}

const MOVES: [Move; 4] = [
    Move { from: ("", "workspace_dir"), to: ("server", "workspaces"), quiet: false },
    Move { from: ("", "database_path"), to: ("database", "url"), quiet: false },
    Move { from: ("", "global_token_budget_daily"), to: ("budgets", "day_tokens"), quiet: false },
    Move { from: ("scheduling", "global_token_budget_daily"), to: ("budgets", "day_tokens"), quiet: true },
];

/// Sections of one file that belong to other programs.
const FOREIGN: [&str; 1] = ["discord"];

/// Takes out what belongs to other programs, so that their secrets are neither needed nor seen here.
pub(super) fn drop_foreign(root: &mut BTreeMap<String, Node>) {
    for section in FOREIGN {
        drop(root.remove(section));
    }
}

/// Moves old keys to their new place.
pub(super) fn map(root: &mut BTreeMap<String, Node>, sink: &Sink) {
    if root.remove("rate_limits").is_some() {
        let remedy = "remove it; limits belong to accounts and are learned from the provider".to_owned();
        sink.warning(("rate_limits", ""), "has no effect, as in the original system", Some(remedy));
    }
    if let Some(old) = root.remove("agents_default") {
        let place = ("agents_default", "");
        if root.contains_key("agents") {
            sink.error(place, "stands beside `agents`, which is the same section", Some("keep `agents`".to_owned()));
        } else {
            sink.warning(place, "is now called `agents`", None);
            drop(root.insert("agents".to_owned(), old));
        }
    }
    for entry in &MOVES {
        relocate(root, entry, sink);
    }
}

fn relocate(root: &mut BTreeMap<String, Node>, entry: &Move, sink: &Sink) {
    let (from_section, from_key) = entry.from;
    let (to_section, to_key) = entry.to;
    let taken = if from_section.is_empty() {
        root.remove(from_key)
    } else {
        match root.get_mut(from_section) {
            Some(Node::Map(section)) => section.remove(from_key),
            _ => None,
        }
    };
    let Some(value) = taken else { return };
    let place = if from_section.is_empty() { (from_key, "") } else { entry.from };
    let target = root.entry(to_section.to_owned()).or_insert(Node::Null);
    if *target == Node::Null {
        *target = Node::Map(BTreeMap::new());
    }
    // A section that is no mapping is reported when it is read.
    let Node::Map(section) = target else { return };
    match section.get(to_key) {
        None => {
            drop(section.insert(to_key.to_owned(), value));
            if !entry.quiet {
                sink.warning(place, format!("is now called `{to_section}.{to_key}`"), None);
            }
        }
        Some(present) if *present == value => {}
        Some(_) => {
            let remedy = format!("keep `{to_section}.{to_key}`");
            sink.error(place, format!("differs from `{to_section}.{to_key}`, which means the same"), Some(remedy));
        }
    }
}
