//! What a message is made of.

use super::embed::Embed;

/// The look of a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ButtonStyle {
    /// The one that is meant.
    Primary,
    /// One of several.
    Secondary,
    /// Yes.
    Success,
    /// What cannot be taken back.
    Danger,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Button {
    /// What a click means.
    pub(crate) id: String,
    /// What stands on it.
    pub(crate) label: String,
    /// An emoji before the label. Empty: none.
    pub(crate) emoji: &'static str,
    /// Its look.
    pub(crate) style: ButtonStyle,
    /// It cannot be clicked.
    pub(crate) disabled: bool,
}

impl Button {
    /// A button that can be clicked.
    pub(crate) fn new(id: String, label: impl Into<String>, emoji: &'static str, style: ButtonStyle) -> Self {
        Self { id, label: label.into(), emoji, style, disabled: false }
    }
}

/// One choice of a select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What stands there.
    pub(crate) label: String,
    /// What it means.
    pub(crate) value: String,
    /// The small print. Empty: none.
    pub(crate) description: String,
}

/// A select of one choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Select {
    /// What choosing means.
    pub(crate) id: String,
    /// What stands there before.
    pub(crate) placeholder: String,
    /// The choices.
    pub(crate) choices: Vec<Choice>,
}

/// A row below a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// At most five buttons.
    Buttons(Vec<Button>),
    /// One select.
    Select(Select),
}

/// A file beside a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Its name.
    pub(crate) name: String,
    /// Its contents; shared, because a call that is made again holds the message too.
    pub(crate) bytes: std::sync::Arc<Vec<u8>>,
    /// What somebody hears who does not see it. Empty: its name says enough.
    pub(crate) words: String,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// The text.
    pub(crate) content: String,
    /// The boxes below it.
    pub(crate) embeds: Vec<Embed>,
    /// The rows below them.
    pub(crate) rows: Vec<Row>,
    /// The files beside it.
    pub(crate) files: Vec<File>,
    /// The message that it answers.
    pub(crate) reply_to: Option<u64>,
    /// Nobody's phone rings for it.
    pub(crate) silent: bool,
}

impl Message {
    /// A message of text only.
    pub(crate) fn text(content: impl Into<String>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    /// A message of one box.
    pub(crate) fn embed(embed: Embed) -> Self {
        Self { embeds: vec![embed], ..Self::default() }
    }

    /// With a row of buttons; none adds no row.
    pub(crate) fn with_buttons(mut self, buttons: Vec<Button>) -> Self {
        for row in buttons.chunks(5) {
            self.rows.push(Row::Buttons(row.to_vec()));
        }
        self
    }

    /// With a select.
    pub(crate) fn with_select(mut self, select: Select) -> Self {
        if !select.choices.is_empty() {
            self.rows.push(Row::Select(select));
        }
        self
    }

    /// With a file.
    pub(crate) fn with_file(mut self, name: impl Into<String>, bytes: Vec<u8>) -> Self {
        self.files.push(File { name: name.into(), bytes: bytes.into(), words: String::new() });
        self
    }

    /// With a picture, shown in the first box, with words for who does not see it.
    pub(crate) fn with_picture(mut self, name: impl Into<String>, bytes: Vec<u8>, words: String) -> Self {
        let name = name.into();
        if let Some(embed) = self.embeds.first_mut() {
            embed.picture.clone_from(&name);
        }
        self.files.push(File { name, bytes: bytes.into(), words });
        self
    }

    /// As an answer to a message.
    pub(crate) fn replying(mut self, to: Option<u64>) -> Self {
        self.reply_to = to;
        self
    }
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModalField {
    /// Its name in the answer.
    pub(crate) id: &'static str,
    /// What stands above it.
    pub(crate) label: String,
    /// Whether it may stay empty.
    pub(crate) required: bool,
    /// Most characters, up to 4000.
    pub(crate) most: u16,
}

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Modal {
    /// What sending it means.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// Its fields, long texts all of them.
    pub(crate) fields: Vec<ModalField>,
}
