//! The comments of the contract by place, and as sentences for a model: short, and naming tools instead of calls.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// Longest description of a tool, in bytes.
pub(super) const LONGEST_TOOL: usize = 480;
/// Longest description of an argument, in bytes.
pub(super) const LONGEST_ARGUMENT: usize = 320;

/// Every comment of the contract.
pub(super) struct Comments {
    texts: BTreeMap<(String, Vec<i32>), String>,
    /// The calls that are tools: `CreateTask` → `create_task`.
    tools: BTreeMap<String, String>,
}

impl Comments {
    pub(super) fn of(pool: &DescriptorPool, tools: BTreeMap<String, String>) -> Self {
        let mut texts = BTreeMap::new();
        for file in pool.files() {
            let Some(info) = &file.file_descriptor_proto().source_code_info else { continue };
            for location in &info.location {
                if let Some(comment) = &location.leading_comments {
                    let text = comment.split_whitespace().collect::<Vec<_>>().join(" ");
                    texts.insert((file.name().to_owned(), location.path.clone()), text);
                }
            }
        }
        Self { texts, tools }
    }

    /// The comment at a place as it stands, on one line; empty: none.
    pub(super) fn raw(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.texts.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }

    /// The comment at a place for a model.
    pub(super) fn told(&self, file: &FileDescriptor, path: &[i32], longest: usize) -> String {
        shorten(&self.translate(self.raw(file, path)), longest)
    }

    /// Names tools by their own names, and leaves out where else something is described.
    fn translate(&self, text: &str) -> String {
        let mut told = String::with_capacity(text.len());
        for word in text.split(' ') {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let call = bare.rsplit('.').next().unwrap_or(bare);
            let refers = camel(bare) && (bare.ends_with("Request") || bare.ends_with("Response"));
            if refers && (told.ends_with(" see") || told.ends_with(" See")) {
                let kept = told.len() - " see".len();
                told.truncate(kept);
                let trimmed = told.trim_end_matches(',').len();
                told.truncate(trimmed);
                told.push_str(word.rsplit(|c: char| c.is_ascii_alphanumeric()).next().unwrap_or_default());
                continue;
            }
            if !told.is_empty() {
                told.push(' ');
            }
            match self.tools.get(call).filter(|_| camel(call)) {
                Some(tool) => told.push_str(&word.replacen(bare, &format!("`{tool}`"), 1)),
                None => told.push_str(word),
            }
        }
        told
    }
}

/// True for a word like `CreateTask`: more than one capital, beginning with one.
fn camel(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().filter(char::is_ascii_uppercase).count() > 1
        && word.chars().any(|c| c.is_ascii_lowercase())
}

/// Whole sentences up to `longest` bytes; a first sentence that is longer is cut visibly.
pub(super) fn shorten(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let fits = |end: &usize| *end <= longest;
    let ends = text.match_indices(". ").map(|(at, _)| at + 1);
    if let Some(whole) = ends.take_while(fits).last().and_then(|end| text.get(..end)) {
        return whole.to_owned();
    }
    let end = (0..=longest.saturating_sub(4)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{} …", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments() -> Comments {
        let tools = ["ApproveTask", "CreateTask"].map(|call| (call.to_owned(), super::super::groups::snake(call)));
        Comments { texts: BTreeMap::new(), tools: BTreeMap::from(tools) }
    }

    /// tools R3: a model is told names that it can use, and nothing that it cannot look up.
    #[test]
    fn comments_name_tools() {
        let told = |text: &str| comments().translate(text);
        assert_eq!(told("until ApproveTask."), "until `approve_task`.");
        assert_eq!(told("lands, or with TaskService.ApproveTask."), "lands, or with `approve_task`.");
        assert_eq!(told("The workspace, see GetGitStatusRequest. Empty: none."), "The workspace. Empty: none.");
        assert_eq!(told("Needs AWAITING_APPROVAL and NO_FORGE."), "Needs AWAITING_APPROVAL and NO_FORGE.");
    }

    /// tools R3: long comments end with a whole sentence where they can.
    #[test]
    fn long_comments_are_cut_at_a_sentence() {
        assert_eq!(shorten("One. Two. Three.", 10), "One. Two.");
        assert_eq!(shorten("ääääääää", 10), "äää …");
        assert_eq!(shorten("Short.", 10), "Short.");
    }
}
