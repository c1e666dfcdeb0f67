//! The tools at hand: a core that is always offered, and groups that are loaded when they are needed, so that the prompt stays small.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::message::ToolSpec;

/// The tool that loads groups.
pub const LOAD_TOOLS: &str = "load_tools";

/// Tools that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What its tools are for, one line.
    pub description: String,
    /// True: always offered.
    pub core: bool,
    /// The tools.
    pub tools: Vec<ToolSpec>,
}

/// The tools at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Belt {
    groups: Vec<Group>,
    loaded: BTreeSet<String>,
}

/// Where a tool is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Offered.
    Offered,
    /// In a group that is not loaded.
    Waiting(String),
    /// Nowhere.
    Unknown,
}

impl Belt {
    /// A belt whose core groups are loaded.
    #[must_use]
    pub fn new(groups: Vec<Group>) -> Self {
        let loaded = groups.iter().filter(|group| group.core).map(|group| group.name.clone()).collect();
        Self { groups, loaded }
    }

    /// The groups with their state.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, bool)> {
        self.groups.iter().map(|group| (group, self.loaded.contains(&group.name)))
    }

    /// What is offered now, in order; last the tool that loads more, while there is more.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        let mut specs: Vec<ToolSpec> =
            self.groups().filter(|(_, loaded)| *loaded).flat_map(|(group, _)| group.tools.iter().cloned()).collect();
        let waiting: Vec<&Group> = self.groups().filter(|(_, loaded)| !loaded).map(|(group, _)| group).collect();
        if !waiting.is_empty() {
            let names: Vec<&str> = waiting.iter().map(|group| group.name.as_str()).collect();
            let lines: Vec<String> = waiting.iter().map(|group| format!("{}: {}", group.name, group.description)).collect();
            specs.push(ToolSpec {
                name: LOAD_TOOLS.to_owned(),
                description: format!("Loads more tools by group. They can be used from the next step on.\n{}", lines.join("\n")),
                schema: json!({
                    "type": "object",
                    "properties": {
                        "groups": { "type": "array", "items": { "type": "string", "enum": names }, "description": "The groups to load." }
                    },
                    "required": ["groups"],
                    "additionalProperties": false,
                }),
            });
        }
        specs
    }

    pub(super) fn place(&self, tool: &str) -> Place {
        let has = |group: &&Group| group.tools.iter().any(|spec| spec.name == tool);
        match self.groups.iter().find(has) {
            Some(group) if self.loaded.contains(&group.name) => Place::Offered,
            Some(group) => Place::Waiting(group.name.clone()),
            None if tool == LOAD_TOOLS => Place::Offered,
            None => Place::Unknown,
        }
    }

    /// Loads the group.
    pub(super) fn load(&mut self, group: &str) {
        if self.groups.iter().any(|known| known.name == group) {
            self.loaded.insert(group.to_owned());
        }
    }

    /// Does what [`LOAD_TOOLS`] is asked to; the answer is the tool's, `Err` when it refuses.
    pub(super) fn load_asked(&mut self, input: &Map<String, Value>) -> Result<String, String> {
        let wanted: Vec<&str> = match input.get("groups") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(name)) => vec![name.as_str()],
            _ => Vec::new(),
        };
        let known: Vec<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
        let unknown: Vec<&str> = wanted.iter().filter(|name| !known.contains(name)).copied().collect();
        if wanted.is_empty() || !unknown.is_empty() {
            let text = format!("groups: name some of {}; not known: {}", known.join(", "), unknown.join(", "));
            return Err(text.trim_end_matches("; not known: ").to_owned());
        }
        let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
        self.loaded.extend(wanted.iter().cloned());
        let tools: Vec<&str> = self
            .groups
            .iter()
            .filter(|group| wanted.contains(&group.name))
            .flat_map(|group| group.tools.iter().map(|spec| spec.name.as_str()))
            .collect();
        Ok(json!({ "loaded": wanted, "tools": tools }).to_string())
    }

    /// Names that look like `tool`, at most five: they share a word with it.
    pub(super) fn alike(&self, tool: &str) -> Vec<&str> {
        let stem = |word: &str| word.trim_end_matches('s').to_owned();
        let words: Vec<String> = tool.split('_').filter(|word| word.len() > 2).map(stem).collect();
        let all = self.groups.iter().flat_map(|group| group.tools.iter().map(|spec| spec.name.as_str()));
        let mut alike: Vec<(usize, &str)> = all
            .map(|name| (name.split('_').filter(|word| words.contains(&stem(word))).count(), name))
            .filter(|(shared, _)| *shared > 0)
            .collect();
        alike.sort_by_key(|(shared, name)| (std::cmp::Reverse(*shared), *name));
        alike.into_iter().take(5).map(|(_, name)| name).collect()
    }
}
