//! The wire form of messages and forms. Nothing that leaves here can ring anyone, and nothing is longer than Discord takes.

use serde_json::{Value, json};

use super::embed::fitted;
use super::parts::{Button, ButtonStyle, Message, Modal, Row, Select};
use crate::text::cut;

/// Longest text of a message.
const CONTENT: usize = 2000;
/// Flag: nobody's phone rings.
const SILENT: u64 = 1 << 12;
/// Flag: only the asker sees it.
const EPHEMERAL: u64 = 1 << 6;

impl Message {
    /// The body of a call that sends or edits this message. With a nonce Discord answers a repetition with the first message.
    pub(crate) fn wire(&self, nonce: Option<&str>) -> Value {
        let mut made = json!({
            "content": cut(&self.content, CONTENT),
            "allowed_mentions": { "parse": [], "replied_user": false },
            "embeds": fitted(&self.embeds).iter().map(super::Embed::wire).collect::<Vec<_>>(),
            "components": self.rows.iter().take(5).map(row).collect::<Vec<_>>(),
        });
        if let Some(nonce) = nonce {
            made["nonce"] = json!(cut(nonce, 25));
            made["enforce_nonce"] = json!(true);
        }
        if let Some(id) = self.reply_to {
            made["message_reference"] = json!({ "message_id": id.to_string(), "fail_if_not_exists": false });
        }
        if self.silent {
            made["flags"] = json!(SILENT);
        }
        if !self.files.is_empty() {
            let named = self.files.iter().enumerate().map(|(index, file)| {
                let mut made = json!({ "id": index, "filename": file.name });
                if !file.words.is_empty() {
                    made["description"] = json!(cut(&file.words, 1024));
                }
                made
            });
            made["attachments"] = named.collect();
        }
        made
    }

    /// The same for the answer to an interaction that only the asker sees, or everybody.
    pub(crate) fn answer(&self, ephemeral: bool) -> Value {
        let mut made = self.wire(None);
        if ephemeral {
            made["flags"] = json!(EPHEMERAL);
        }
        made
    }
}

fn row(row: &Row) -> Value {
    match row {
        Row::Buttons(buttons) => json!({ "type": 1, "components": buttons.iter().take(5).map(button).collect::<Vec<_>>() }),
        Row::Select(select) => json!({ "type": 1, "components": [choices(select)] }),
    }
}

fn button(button: &Button) -> Value {
    let style = match button.style {
        ButtonStyle::Primary => 1,
        ButtonStyle::Secondary => 2,
        ButtonStyle::Success => 3,
        ButtonStyle::Danger => 4,
    };
    let mut made = json!({ "type": 2, "style": style, "custom_id": button.id, "label": cut(&button.label, 38) });
    if !button.emoji.is_empty() {
        made["emoji"] = json!({ "name": button.emoji });
    }
    if button.disabled {
        made["disabled"] = json!(true);
    }
    made
}

fn choices(select: &Select) -> Value {
    let choice = |choice: &super::Choice| {
        let mut made = json!({ "label": cut(&choice.label, 95), "value": cut(&choice.value, 100) });
        if !choice.description.is_empty() {
            made["description"] = json!(cut(&choice.description, 100));
        }
        made
    };
    json!({
        "type": 3,
        "custom_id": select.id,
        "placeholder": cut(&select.placeholder, 150),
        "options": select.choices.iter().take(25).map(choice).collect::<Vec<_>>(),
    })
}

impl Modal {
    /// The body of the answer that opens this form.
    pub(crate) fn wire(&self) -> Value {
        let field = |field: &super::ModalField| {
            let input = json!({
                "type": 4, "custom_id": field.id, "style": 2, "label": cut(&field.label, 45),
                "required": field.required, "max_length": field.most,
            });
            json!({ "type": 1, "components": [input] })
        };
        json!({ "custom_id": self.id, "title": cut(&self.title, 45), "components": self.fields.iter().map(field).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Render R2: no message of ours can ring anyone, and a repetition is told by its nonce.
    #[test]
    fn nothing_rings_and_a_nonce_is_enforced() {
        let made = Message::text("@everyone").replying(Some(7)).wire(Some("aq-12-0"));
        assert_eq!(made["allowed_mentions"], json!({ "parse": [], "replied_user": false }));
        assert_eq!((made["nonce"].as_str(), made["enforce_nonce"].as_bool()), (Some("aq-12-0"), Some(true)));
        assert_eq!(made["message_reference"]["fail_if_not_exists"], false);
    }

    /// Render R3: more than five buttons become rows, more than 25 choices are cut.
    #[test]
    fn rows_stay_within_their_limits() {
        let buttons = (0..7).map(|n| Button::new(format!("b{n}"), "x".repeat(90), "", ButtonStyle::Secondary)).collect();
        let choice = |n: usize| super::super::Choice { label: "l".repeat(200), value: n.to_string(), description: String::new() };
        let select = Select { id: "s".to_owned(), placeholder: String::new(), choices: (0..40).map(choice).collect() };
        let message = Message::text("x").with_buttons(buttons).with_select(select);
        let made = message.wire(None);
        let lengths: Vec<usize> =
            made["components"].as_array().unwrap().iter().map(|row| row["components"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [5, 2, 1]);
        assert_eq!(made["components"][2]["components"][0]["options"].as_array().unwrap().len(), 25);
    }
}
