//! Embeds and their limits (F-217): every text is cut with a mark, and the whole stays within Discord's total.

use serde_json::{Value, json};

use crate::text::{cut, length};

/// Most of each text, in UTF-16 units: title, description, field name, field value, footer, all together; and most fields.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const NAME: usize = 256;
const VALUE: usize = 1024;
const FOOTER: usize = 2048;
const TOTAL: usize = 6000;
const FIELDS: usize = 25;

/// One line of an embed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Its text.
    pub(crate) value: String,
    /// Whether it may stand beside others.
    pub(crate) inline: bool,
}

/// A box below a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Embed {
    /// The title.
    pub(crate) title: String,
    /// Where the title leads. Empty: nowhere.
    pub(crate) url: String,
    /// The text.
    pub(crate) description: String,
    /// The colour of its edge.
    pub(crate) colour: u32,
    /// The fields.
    pub(crate) fields: Vec<Field>,
    /// The small print. Empty: none.
    pub(crate) footer: String,
    /// The file beside the message that is shown in it. Empty: none.
    pub(crate) picture: String,
    /// When it happened, in RFC 3339. Empty: not said.
    pub(crate) timestamp: String,
}

impl Embed {
    /// Adds a field beside others; an empty value adds none.
    pub(crate) fn beside(mut self, name: &str, value: impl Into<String>) -> Self {
        self.push(name, value.into(), true);
        self
    }

    /// Adds a field of its own line; an empty value adds none.
    pub(crate) fn below(mut self, name: &str, value: impl Into<String>) -> Self {
        self.push(name, value.into(), false);
        self
    }

    fn push(&mut self, name: &str, value: String, inline: bool) {
        if !value.trim().is_empty() {
            self.fields.push(Field { name: name.to_owned(), value, inline });
        }
    }

    /// The embed within Discord's limits, with `left` units to spend; takes what it uses from them.
    pub(super) fn fitted(&self, left: &mut usize) -> Self {
        let mut take = |text: &str, most: usize| {
            let text = cut(text, most.min(*left));
            *left -= length(&text).min(*left);
            text
        };
        // The footer carries the key by which a message is found again; it is paid for first.
        let footer = take(&self.footer, FOOTER);
        let title = take(&self.title, TITLE);
        let description = take(&self.description, DESCRIPTION);
        let mut fields = Vec::new();
        for field in self.fields.iter().take(FIELDS) {
            let (name, value) = (take(&field.name, NAME), take(&field.value, VALUE));
            if name.is_empty() || value.is_empty() {
                break;
            }
            fields.push(Field { name, value, inline: field.inline });
        }
        Self {
            title,
            description,
            footer,
            fields,
            url: self.url.clone(),
            colour: self.colour,
            timestamp: self.timestamp.clone(),
            picture: self.picture.clone(),
        }
    }

    pub(super) fn wire(&self) -> Value {
        let mut made = json!({ "color": self.colour });
        let texts = [("title", &self.title), ("description", &self.description), ("timestamp", &self.timestamp)];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            made[name] = json!(text);
        }
        if self.url.starts_with("https://") || self.url.starts_with("http://") {
            made["url"] = json!(self.url);
        }
        if !self.picture.is_empty() {
            made["image"] = json!({ "url": format!("attachment://{}", self.picture) });
        }
        if !self.footer.is_empty() {
            made["footer"] = json!({ "text": self.footer });
        }
        if !self.fields.is_empty() {
            let field = |field: &Field| json!({ "name": field.name, "value": field.value, "inline": field.inline });
            made["fields"] = self.fields.iter().map(field).collect();
        }
        made
    }
}

/// The embeds of one message within the total of them all.
pub(super) fn fitted(embeds: &[Embed]) -> Vec<Embed> {
    let mut left = TOTAL;
    embeds.iter().take(10).map(|embed| embed.fitted(&mut left)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(embed: &Embed) -> usize {
        let fields: usize = embed.fields.iter().map(|field| length(&field.name) + length(&field.value)).sum();
        length(&embed.title) + length(&embed.description) + length(&embed.footer) + fields
    }

    proptest! {
        /// F-217, D-95: whatever is put in, every limit holds, and no empty field is left.
        #[test]
        fn every_limit_holds(title in "\\PC{0,400}", text in "\\PC{0,5000}", values in prop::collection::vec("\\PC{0,1500}", 0..30)) {
            let mut embed = Embed { title, description: text, footer: "AgentQueue · event 7".to_owned(), ..Embed::default() };
            for value in values {
                embed = embed.below("Name", value);
            }
            let fitted = fitted(&[embed.clone(), embed]);
            prop_assert!(fitted.iter().map(total).sum::<usize>() <= TOTAL);
            for embed in &fitted {
                prop_assert!(length(&embed.title) <= TITLE && length(&embed.description) <= DESCRIPTION && embed.fields.len() <= FIELDS);
                prop_assert!(embed.fields.iter().all(|field| length(&field.value) <= VALUE && !field.value.is_empty()));
            }
            prop_assert_eq!(fitted[0].footer.as_str(), "AgentQueue · event 7");
        }
    }
}
