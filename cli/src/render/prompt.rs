//! Prompt templates.

use aq_proto::v1::{ListPromptsResponse, PromptTemplate, PromptVariable, RenderPromptResponse};

use super::sheet::Sheet;
use super::table::{Cell, table};
use crate::clean;
use crate::look::{Look, Tone};

/// A page of templates.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListPromptsResponse) -> String {
    table(
        look,
        &["CATEGORY", "NAME", "TAGS", "TITLE"],
        page.prompts.iter().map(|prompt| {
            let problem = !prompt.problem.is_empty();
            let title = if problem { &prompt.problem } else { &prompt.title };
            vec![
                Cell::new(&prompt.category),
                Cell::new(&prompt.name),
                Cell::new(prompt.tags.join(", ")),
                Cell::new(title).tone(if problem { Tone::Warn } else { Tone::Plain }),
            ]
        }),
    )
}

fn variable(variable: &PromptVariable) -> String {
    let required = if variable.required { ", required" } else { "" };
    let default = variable.default_value.as_ref().map(|value| format!(", default `{value}`")).unwrap_or_default();
    let what = if variable.description.is_empty() { String::new() } else { format!(": {}", variable.description) };
    format!("{}{required}{default}{what}", variable.name)
}

/// One template with its text.
#[must_use]
pub(crate) fn show(look: &Look, prompt: &PromptTemplate) -> String {
    let mut sheet = Sheet::new(look, &format!("{}  {}", prompt.name, prompt.title));
    sheet.field("project", &prompt.project_id).field("category", &prompt.category);
    sheet.field("tags", prompt.tags.join(", "));
    sheet.field("version", prompt.version.to_string()).field("author", &prompt.author);
    sheet.field("file", &prompt.path);
    sheet.field("problem", &prompt.problem);
    sheet.text("About", &prompt.description);
    sheet.list("Values", prompt.variables.iter().map(variable));
    sheet.text("Text", &prompt.content);
    sheet.finish()
}

/// The text alone, so that it can be piped on.
#[must_use]
pub(crate) fn rendered(_: &Look, answer: &RenderPromptResponse) -> String {
    clean::block(&answer.rendered)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Templates in a list, in detail, and filled in.
    #[test]
    fn prompts() {
        let look = Look::plain();
        let prompt = PromptTemplate {
            project_id: "web".into(),
            name: "hooks/watch".into(),
            title: "Test watcher".into(),
            description: "Looks after the tests.".into(),
            category: "hooks".into(),
            tags: vec!["ci".into(), "tests".into()],
            variables: vec![
                PromptVariable { name: "command".into(), required: true, description: "What to run".into(), default_value: None },
                PromptVariable { name: "branch".into(), default_value: Some("main".into()), ..Default::default() },
            ],
            version: 2,
            content: "Run {{command}} on {{branch}}.".into(),
            ..Default::default()
        };
        let broken = PromptTemplate { name: "broken".into(), problem: "`tags` must be a list".into(), ..Default::default() };
        insta::assert_snapshot!("list", list(&look, &ListPromptsResponse { prompts: vec![prompt.clone(), broken], ..Default::default() }));
        insta::assert_snapshot!("show", show(&look, &prompt));
        let answer = RenderPromptResponse { rendered: "Run it \u{1b}[8mon main.\nNow.".into(), ..Default::default() };
        assert_eq!(rendered(&look, &answer).lines().count(), 2);
    }
}
