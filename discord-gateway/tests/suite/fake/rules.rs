//! What Discord refuses of a message, and what would ring somebody.

use std::collections::BTreeSet;

use serde_json::Value;

fn chars(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn embed(embed: &Value, problems: &mut Vec<String>) -> usize {
    let mut total = 0;
    let mut text = |name: &str, value: &Value, most: usize, problems: &mut Vec<String>| {
        let size = chars(value);
        total += size;
        if size > most {
            problems.push(format!("embed {name} has {size} characters, at most {most}"));
        }
    };
    text("title", &embed["title"], 256, problems);
    text("description", &embed["description"], 4096, problems);
    text("footer", &embed["footer"]["text"], 2048, problems);
    if list(&embed["fields"]).count() > 25 {
        problems.push("embed has more than 25 fields".to_owned());
    }
    for field in list(&embed["fields"]) {
        text("field name", &field["name"], 256, problems);
        text("field value", &field["value"], 1024, problems);
        if chars(&field["name"]) == 0 || chars(&field["value"]) == 0 {
            problems.push("embed field is empty".to_owned());
        }
    }
    total
}

fn components(rows: &Value, problems: &mut Vec<String>) {
    if list(rows).count() > 5 {
        problems.push("more than five rows".to_owned());
    }
    let mut ids = BTreeSet::new();
    for row in list(rows) {
        let parts: Vec<&Value> = list(&row["components"]).collect();
        if row["type"] != 1 || parts.is_empty() || parts.len() > 5 {
            problems.push("a row has one to five parts".to_owned());
        }
        for part in parts {
            let id = part["custom_id"].as_str().unwrap_or_default();
            if id.is_empty() || id.len() > 100 || !ids.insert(id) {
                problems.push(format!("custom_id `{id}` is empty, too long or there twice"));
            }
            match part["type"].as_u64() {
                Some(2) => {
                    let size = chars(&part["label"]);
                    if size > 80 || (size == 0 && part["emoji"].is_null()) || !matches!(part["style"].as_u64(), Some(1..=4)) {
                        problems.push("a button has a label of at most 80 characters and a style".to_owned());
                    }
                }
                Some(3) => {
                    let options: Vec<&Value> = list(&part["options"]).collect();
                    if options.is_empty()
                        || options.len() > 25
                        || options.iter().any(|option| !(1..=100).contains(&chars(&option["label"])))
                    {
                        problems.push("a select has 1 to 25 options with labels".to_owned());
                    }
                    let values: BTreeSet<_> = options.iter().map(|option| option["value"].to_string()).collect();
                    if values.len() != options.len() {
                        problems.push("the values of a select are there twice".to_owned());
                    }
                }
                Some(4) => {
                    if !(1..=45).contains(&chars(&part["label"])) || part["max_length"].as_u64().is_some_and(|most| most > 4000) {
                        problems.push("a text input has a label of at most 45 characters and takes at most 4000".to_owned());
                    }
                }
                _ => problems.push("an unknown part".to_owned()),
            }
        }
    }
}

/// What is wrong with a message that is sent (`fresh`) or edited.
pub(super) fn message(body: &Value, files: usize, fresh: bool) -> Vec<String> {
    let mut problems = Vec::new();
    let content = chars(&body["content"]);
    if content > 2000 {
        problems.push(format!("content has {content} characters, at most 2000"));
    }
    if fresh && content == 0 && files == 0 && list(&body["embeds"]).count() == 0 && list(&body["components"]).count() == 0 {
        problems.push("an empty message".to_owned());
    }
    let total: usize = list(&body["embeds"]).map(|one| embed(one, &mut problems)).sum();
    if total > 6000 || list(&body["embeds"]).count() > 10 {
        problems.push(format!("embeds have {total} characters, at most 6000"));
    }
    for url in list(&body["embeds"]).filter_map(|embed| embed["image"]["url"].as_str()) {
        let named = |name: &str| list(&body["attachments"]).any(|file| file["filename"] == name);
        if url.strip_prefix("attachment://").is_some_and(|name| !named(name)) {
            problems.push(format!("a box shows {url}, which is not beside the message"));
        }
    }
    if list(&body["attachments"]).any(|file| chars(&file["description"]) > 1024) || list(&body["attachments"]).count() != files {
        problems.push("each file has an entry, with at most 1024 characters about it".to_owned());
    }
    components(&body["components"], &mut problems);
    if chars(&body["nonce"]) > 25 {
        problems.push("nonce has more than 25 characters".to_owned());
    }
    problems
}

/// What a person would dislike: somebody is rung, or a code block swallows the rest.
pub(super) fn manners(body: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let mentions = &body["allowed_mentions"];
    if (body["content"].is_string() || !body["embeds"].is_null()) && (!mentions["parse"].is_array() || list(&mentions["parse"]).count() > 0)
    {
        problems.push("mentions are not off".to_owned());
    }
    if body["content"].as_str().is_some_and(|text| text.matches("```").count() % 2 == 1) {
        problems.push("a code block is not closed".to_owned());
    }
    problems
}

/// What is wrong with a form.
pub(super) fn modal(data: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if !(1..=45).contains(&chars(&data["title"])) || !(1..=100).contains(&chars(&data["custom_id"])) {
        problems.push("a form has a title of at most 45 characters and an id".to_owned());
    }
    components(&data["components"], &mut problems);
    problems
}

/// What is wrong with a set of commands.
pub(super) fn commands(body: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if list(body).count() > 100 {
        problems.push("more than 100 commands".to_owned());
    }
    fn check(command: &Value, problems: &mut Vec<String>) {
        let name = command["name"].as_str().unwrap_or_default();
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if name.is_empty() || name.len() > 32 || !plain || !(1..=100).contains(&chars(&command["description"])) {
            problems.push(format!("command `{name}` has a bad name or description"));
        }
        let options: Vec<&Value> = list(&command["options"]).collect();
        let required: Vec<bool> = options.iter().map(|option| option["required"] == true).collect();
        if options.len() > 25 || !required.is_sorted_by(|a, b| a >= b) {
            problems.push(format!("command `{name}` has too many options, or required ones behind others"));
        }
        options.into_iter().for_each(|option| check(option, problems));
    }
    list(body).for_each(|command| check(command, &mut problems));
    problems
}
