//! Reads typed values out of a document and reports everything that does not fit, with its place.
//!
//! A reader never stops at a problem: it reports it, returns the default, and goes on, so that one run tells all (config R6).
//! Which keys exist is the business of the sections.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::document::Node;
use super::problem::Sink;

/// Longest piece of a user's text quoted in a message, in characters.
const QUOTED_CHARS: usize = 40;

/// One mapping of the document while it is being read.
pub(super) struct Reader<'a> {
    sink: &'a Sink,
    home: Option<PathBuf>,
    section: String,
    prefix: String,
    entries: BTreeMap<String, Node>,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// A reader of the whole document; `home` is what `~` stands for.
    pub(super) const fn document(entries: BTreeMap<String, Node>, home: Option<PathBuf>, sink: &'a Sink) -> Self {
        Self { sink, home, section: String::new(), prefix: String::new(), entries, known: Vec::new() }
    }

    /// A reader of the mapping under `key`; an absent key reads as an empty mapping, anything else than a mapping is an error.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        let node = self.take(key);
        let (section, prefix) = self.inside(key);
        self.child(node, section, prefix)
    }

    /// Readers of the mappings in the list under `key`.
    pub(super) fn items(&mut self, key: &'static str) -> Vec<Self> {
        let items = self.list(key);
        items
            .into_iter()
            .enumerate()
            .filter_map(|(index, node)| {
                let (section, prefix) = self.inside(&format!("{key}[{index}]"));
                let whole = matches!(node, Node::Map(_));
                let reader = self.child(Some(node), section, prefix);
                // An entry that is no mapping has been reported; its missing keys are not worth a word each.
                whole.then_some(reader)
            })
            .collect()
    }

    /// Readers of the mappings under the mapping `key`, each with its name.
    pub(super) fn named_items(&mut self, key: &'static str) -> Vec<(String, Self)> {
        let mut outer = self.section(key);
        std::mem::take(&mut outer.entries)
            .into_iter()
            .map(|(name, node)| {
                let (section, prefix) = outer.inside(&name);
                let reader = outer.child(Some(node), section, prefix);
                (name, reader)
            })
            .collect()
    }

    fn child(&self, node: Option<Node>, section: String, prefix: String) -> Self {
        let entries = match node {
            None | Some(Node::Null) => BTreeMap::new(),
            Some(Node::Map(entries)) => entries,
            Some(other) => {
                self.sink.error((&section, &prefix), format!("must be a mapping, not {}", other.kind()), None);
                BTreeMap::new()
            }
        };
        Self { sink: self.sink, home: self.home.clone(), section, prefix, entries, known: Vec::new() }
    }

    fn inside(&self, key: &str) -> (String, String) {
        if self.section.is_empty() && self.prefix.is_empty() {
            match key.split_once('[') {
                Some((section, index)) => (section.to_owned(), format!("[{index}")),
                None => (key.to_owned(), String::new()),
            }
        } else {
            (self.section.clone(), self.field(key))
        }
    }

    fn field(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}.{key}", self.prefix) }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.entries.remove(key)
    }

    /// Whether the document writes this key, with any value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Refuses a key that a document may have from elsewhere; one that is not there is no error.
    pub(super) fn refused(&mut self, key: &'static str, message: &str, remedy: &str) {
        if self.take(key).is_some() {
            self.error(key, message, Some(remedy.to_owned()));
        }
    }

    /// Reports an error at `key`.
    pub(super) fn error(&self, key: &str, message: impl Into<String>, suggestion: Option<String>) {
        self.sink.error((&self.section, &self.field(key)), message, suggestion);
    }

    /// Reports a warning at `key`.
    pub(super) fn warning(&self, key: &str, message: impl Into<String>, suggestion: Option<String>) {
        self.sink.warning((&self.section, &self.field(key)), message, suggestion);
    }

    fn mismatch(&self, key: &str, wanted: &str, node: &Node) {
        self.error(key, format!("must be {wanted}, not {}", shown(node)), None);
    }

    /// A key of the original system that has no meaning here: accepted, with a warning that says why.
    pub(super) fn without_effect(&mut self, key: &'static str, reason: &str) {
        if self.take(key).is_some() {
            self.warning(key, format!("has no effect: {reason}"), None);
        }
    }

    /// Text, or `default` when absent.
    pub(super) fn text(&mut self, key: &'static str, default: &str) -> String {
        self.optional_text(key).unwrap_or_else(|| default.to_owned())
    }

    /// Text; `None` when absent, null or empty.
    pub(super) fn optional_text(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Node::Null => None,
            Node::Text { text, .. } => Some(text).filter(|text| !text.is_empty()),
            // A bare number where a name is meant (`id: 7`) has one obvious reading.
            Node::Integer(number) => Some(number.to_string()),
            other => {
                self.mismatch(key, "text", &other);
                None
            }
        }
    }

    /// Text read by `parse`, whose error is reported; `None` when absent or wrong.
    pub(super) fn parsed<T, E: std::fmt::Display>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        match parse(&self.optional_text(key)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(key, error.to_string(), None);
                None
            }
        }
    }

    /// As [`Reader::parsed`], where absent is an error as well.
    pub(super) fn required<T, E: std::fmt::Display>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        if matches!(self.entries.get(key), None | Some(Node::Null)) {
            self.error(key, "is required", None);
        }
        self.parsed(key, parse)
    }

    /// True or false, or `default` when absent.
    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        match self.take(key) {
            None | Some(Node::Null) => default,
            Some(Node::Bool(value)) => value,
            Some(Node::Text { text, .. }) if text == "true" => true,
            Some(Node::Text { text, .. }) if text == "false" => false,
            Some(other) => {
                self.mismatch(key, "true or false", &other);
                default
            }
        }
    }

    /// A whole number inside `range`, or `default` when absent or null.
    pub(super) fn count(&mut self, key: &'static str, range: RangeInclusive<u64>, default: u64) -> u64 {
        match self.take(key) {
            None | Some(Node::Null) => default,
            Some(node) => self.count_of(key, &node, &range).unwrap_or(default),
        }
    }

    /// A whole number inside `range`; an explicit null is `None`, an absent key is `default`.
    pub(super) fn optional_count(&mut self, key: &'static str, range: RangeInclusive<u64>, default: Option<u64>) -> Option<u64> {
        match self.take(key) {
            None => default,
            Some(Node::Null) => None,
            Some(node) => self.count_of(key, &node, &range).or(default),
        }
    }

    fn count_of(&self, key: &str, node: &Node, range: &RangeInclusive<u64>) -> Option<u64> {
        let number = match node {
            Node::Integer(number) => Some(*number),
            Node::Text { text, .. } => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.mismatch(key, "a whole number", node);
            return None;
        };
        match u64::try_from(number).ok().filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => {
                let bounds = match *range.end() {
                    end if end >= i64::MAX.unsigned_abs() => format!("at least {}", range.start()),
                    end => format!("between {} and {end}", range.start()),
                };
                self.error(key, format!("must be {bounds}, not {}", shown(node)), None);
                None
            }
        }
    }

    /// Whole seconds inside `range`, or `default` seconds when absent.
    pub(super) fn seconds(&mut self, key: &'static str, range: RangeInclusive<u64>, default: u64) -> Duration {
        Duration::from_secs(self.count(key, range, default))
    }

    /// A number of at least `least`, or `default` when absent.
    pub(super) fn number(&mut self, key: &'static str, least: f64, default: f64) -> f64 {
        let Some(node) = self.take(key).filter(|node| *node != Node::Null) else { return default };
        let number = match &node {
            Node::Integer(number) => number.to_string().parse().ok(),
            Node::Float(number) => Some(*number),
            Node::Text { text, .. } => text.trim().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if number.is_finite() && number >= least => number,
            Some(_) => {
                self.error(key, format!("must be a number of at least {least}, not {}", shown(&node)), None);
                default
            }
            None => {
                self.mismatch(key, "a number", &node);
                default
            }
        }
    }

    /// One of the named values, or the first when absent.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)], default: T) -> T {
        let Some(node) = self.take(key).filter(|node| *node != Node::Null) else { return default };
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let Node::Text { text, .. } = &node else {
            self.mismatch(key, &format!("one of {}", names.join(", ")), &node);
            return default;
        };
        match choices.iter().find(|(name, _)| name == text) {
            Some((_, value)) => *value,
            None => {
                let suggestion = closest(text, names.iter().copied()).map(|name| format!("did you mean `{name}`?"));
                self.error(key, format!("must be one of {}, not {}", names.join(", "), shown(&node)), suggestion);
                default
            }
        }
    }

    /// A path with a leading `~` resolved; `None` when absent or null.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.optional_text(key)?;
        self.resolve_path(key, &text)
    }

    /// Resolves a leading `~` and asks for an absolute path, because the server's working directory means nothing to its owner.
    pub(super) fn resolve_path(&self, key: &str, text: &str) -> Option<PathBuf> {
        let path = match (text.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
            (Some(rest), None) if rest.is_empty() || rest.starts_with('/') => {
                self.error(key, "starts with `~`, but HOME is not set", Some("write the whole path".to_owned()));
                return None;
            }
            _ => PathBuf::from(text),
        };
        if path.is_absolute() {
            return Some(path);
        }
        self.error(key, "must be an absolute path", Some("start it with `/` or `~/`".to_owned()));
        None
    }

    /// A list; empty when absent. A single text stands for a list of one.
    pub(super) fn list(&mut self, key: &'static str) -> Vec<Node> {
        match self.take(key) {
            None | Some(Node::Null) => Vec::new(),
            Some(Node::List(items)) => items,
            Some(text @ Node::Text { .. }) => vec![text],
            Some(other) => {
                self.mismatch(key, "a list", &other);
                Vec::new()
            }
        }
    }

    /// A list of texts, or `default` when absent.
    pub(super) fn texts(&mut self, key: &'static str, default: &[&str]) -> Vec<String> {
        if !self.has(key) {
            self.known.push(key);
            return default.iter().map(|&text| text.to_owned()).collect();
        }
        let items = self.list(key);
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Node::Text { text, .. } => texts.push(text),
                Node::Integer(number) => texts.push(number.to_string()),
                other => self.mismatch(&format!("{key}[{index}]"), "text", &other),
            }
        }
        texts
    }

    /// A mapping of names to texts; empty when absent. The flag of each value says whether it must be kept private.
    pub(super) fn text_map(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let mut inner = self.section(key);
        let mut texts = BTreeMap::new();
        for (name, node) in std::mem::take(&mut inner.entries) {
            match node {
                Node::Text { text, .. } => drop(texts.insert(name, text)),
                Node::Integer(number) => drop(texts.insert(name, number.to_string())),
                Node::Bool(value) => drop(texts.insert(name, value.to_string())),
                other => inner.mismatch(&name, "text", &other),
            }
        }
        texts
    }

    /// Ends the reading of this mapping: every key nobody asked for is named, with the nearest known one (F-038).
    pub(super) fn finish(self) {
        for key in self.entries.keys() {
            let suggestion = closest(key, self.known.iter().copied()).map(|name| format!("did you mean `{name}`?"));
            self.warning(&printable(key), "is not a known key and has no effect", suggestion);
        }
    }
}

/// The known word nearest to `word`, when it is near enough to be meant.
pub(super) fn closest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // Comparing costs the product of the lengths, and nobody mistypes a word into a page.
    if word.len() > 80 {
        return None;
    }
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 3 && distance * 2 < candidate.chars().count().max(2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A value as a message may show it: nothing from the environment, nothing long, no control characters.
fn shown(node: &Node) -> String {
    match node {
        Node::Bool(value) => format!("`{value}`"),
        Node::Integer(number) => format!("{number}"),
        Node::Float(number) => format!("{number}"),
        Node::Text { private: true, .. } => "the text from the environment".to_owned(),
        Node::Text { text, .. } => format!("`{}`", printable(text)),
        Node::Null | Node::List(_) | Node::Map(_) => node.kind().to_owned(),
    }
}

/// Text cut to a quotable length, control characters escaped.
pub(super) fn printable(text: &str) -> String {
    let mut out: String =
        text.chars().take(QUOTED_CHARS).flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
    if text.chars().nth(QUOTED_CHARS).is_some() {
        out.push('…');
    }
    out
}
