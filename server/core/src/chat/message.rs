//! What is said between a person, a model and tools, in a form that belongs to no provider.

use serde_json::{Map, Value};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// A person, or the results of tools.
    Person,
    /// The model.
    Model,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub speaker: Speaker,
    /// What it consists of, in order.
    pub blocks: Vec<Block>,
}

impl Message {
    /// A message of text.
    #[must_use]
    pub fn text(speaker: Speaker, text: impl Into<String>) -> Self {
        Self { speaker, blocks: vec![Block::Text(text.into())] }
    }
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Text.
    Text(String),
    /// The model wants a tool to run.
    ToolUse(ToolUse),
    /// What came of it.
    ToolResult(ToolResult),
}

/// A tool that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    /// Names the use within the conversation.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments by name.
    pub input: Map<String, Value>,
}

/// A tool that is wanted, as the model wrote it: anything may be wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawToolUse {
    /// Empty where the provider gives none.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, as text that should be a JSON object. Empty: none.
    pub arguments: String,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The use that it answers.
    pub id: String,
    /// The answer, JSON text.
    pub content: String,
    /// True when the tool refused or failed.
    pub failed: bool,
}

/// A tool as it is offered to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_`.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON schema of its arguments; an object.
    pub schema: Value,
}
