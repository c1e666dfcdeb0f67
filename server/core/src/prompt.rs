//! Prompt templates: reading a header that is already a value, and filling values in. Files are the server's.
//!
//! Spec: specs/server/notes.md

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::note::{NameRefused, note_name};

/// Category of a template that names none and lies in no folder.
pub const CUSTOM: &str = "custom";
/// Most parts of a name.
pub const MAX_PARTS: usize = 3;
/// Largest text that filling in makes, in bytes.
pub const MAX_RENDERED_BYTES: usize = 1024 * 1024;

/// A value that a template takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// True when the text makes no sense without it.
    pub required: bool,
    /// What stands in its place when nothing is given.
    pub default: Option<String>,
}

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The title.
    pub title: Option<String>,
    /// What it is for.
    pub description: String,
    /// The category.
    pub category: Option<String>,
    /// The values.
    pub variables: Vec<Variable>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Its version.
    pub version: Option<u32>,
    /// Who wrote it.
    pub author: String,
}

/// The name of a template, from up to [`MAX_PARTS`] parts separated by `/`.
///
/// # Errors
/// [`NameRefused`] of the first bad part.
pub fn prompt_name(text: &str) -> Result<String, NameRefused> {
    let parts = text.split('/').map(note_name).collect::<Result<Vec<_>, _>>()?;
    if parts.len() > MAX_PARTS {
        return Err(NameRefused::TooLong);
    }
    Ok(parts.join("/"))
}

/// The header and the text behind it; no header: all of it is text.
#[must_use]
pub fn split(file: &str) -> (Option<&str>, &str) {
    let file = file.strip_prefix('\u{feff}').unwrap_or(file);
    let Some(rest) = file.strip_prefix("---\n").or_else(|| file.strip_prefix("---\r\n")) else { return (None, file) };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            let body = rest.get(at + line.len()..).unwrap_or_default();
            return (rest.get(..at), body.trim_start_matches(['\r', '\n']));
        }
        at += line.len();
    }
    (None, file)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

/// Reads a header.
///
/// # Errors
/// One sentence that names the key at fault.
pub fn header(value: &Value) -> Result<Header, String> {
    let Value::Object(fields) = value else {
        return if value.is_null() { Ok(Header::default()) } else { Err("the header is no mapping of keys".to_owned()) };
    };
    let one = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => text(value).map(Some).ok_or_else(|| format!("`{key}` must be text")),
    };
    let list = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(&[][..]),
        Some(Value::Array(items)) => Ok(items.as_slice()),
        Some(_) => Err(format!("`{key}` must be a list")),
    };
    let version = match fields.get("version") {
        None | Some(Value::Null) => None,
        Some(value) => Some(text(value).and_then(|text| text.parse().ok()).ok_or("`version` must be a whole number")?),
    };
    Ok(Header {
        title: one("name")?.filter(|title| !title.trim().is_empty()),
        description: one("description")?.unwrap_or_default(),
        category: one("category")?.filter(|category| !category.trim().is_empty()),
        variables: list("variables")?.iter().map(variable).collect::<Result<_, _>>()?,
        tags: list("tags")?.iter().map(|tag| text(tag).ok_or("`tags` must be a list of texts")).collect::<Result<_, _>>()?,
        version,
        author: one("author")?.unwrap_or_default(),
    })
}

fn variable(value: &Value) -> Result<Variable, String> {
    if let Value::String(name) = value {
        return Ok(Variable { name: name.clone(), ..Variable::default() });
    }
    let wrong = || "`variables` must be a list of mappings with a `name` each".to_owned();
    let fields = value.as_object().ok_or_else(wrong)?;
    let name = fields.get("name").and_then(text).ok_or_else(wrong)?;
    let required = fields.get("required").is_some_and(|value| *value == Value::Bool(true));
    let description = fields.get("description").and_then(text).unwrap_or_default();
    Ok(Variable { name, description, required, default: fields.get("default").and_then(text) })
}

/// The category of a template: the header's, else the innermost folder's, else [`CUSTOM`].
#[must_use]
pub fn category(name: &str, header: &Header) -> String {
    let folder = || name.rsplit('/').nth(1).unwrap_or(CUSTOM).to_owned();
    header.category.clone().unwrap_or_else(folder)
}

/// A template with values in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Variables that got a value.
    pub used: BTreeSet<String>,
    /// Placeholders that stayed.
    pub missing: BTreeSet<String>,
    /// True when the text was cut at [`MAX_RENDERED_BYTES`].
    pub cut: bool,
}

/// Fills values in: the given one, else the default, else the placeholder stays. Values are not looked into (notes R11).
#[must_use]
pub fn render(body: &str, variables: &[Variable], given: &BTreeMap<String, String>) -> Rendered {
    let mut done = Rendered::default();
    let mut rest = body;
    while let Some((before, behind)) = rest.split_once("{{") {
        done.text.push_str(before);
        let found = behind.split_once("}}").filter(|(inner, _)| is_word(inner.trim()));
        let Some((inner, after)) = found else {
            done.text.push_str("{{");
            rest = behind;
            continue;
        };
        let name = inner.trim();
        let default = || variables.iter().find(|variable| variable.name == name).and_then(|variable| variable.default.as_ref());
        if let Some(value) = given.get(name).or_else(default) {
            done.used.insert(name.to_owned());
            done.text.push_str(value);
        } else {
            done.missing.insert(name.to_owned());
            done.text.push_str("{{");
            done.text.push_str(inner);
            done.text.push_str("}}");
        }
        rest = after;
        if done.text.len() > MAX_RENDERED_BYTES {
            break;
        }
    }
    done.text.push_str(rest);
    if done.text.len() > MAX_RENDERED_BYTES {
        let end = (0..=MAX_RENDERED_BYTES).rev().find(|end| done.text.is_char_boundary(*end)).unwrap_or(0);
        done.text.truncate(end);
        done.cut = true;
    }
    done
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// F-170: given, then default, then left as it is.
    #[test]
    fn values_are_filled_in_by_rank() {
        let variables = [Variable { name: "lang".into(), default: Some("Rust".into()), ..Variable::default() }];
        let done = render("Write {{ lang }} for {{who}}: {{what}} {{}} {{ a b }} {{", &variables, &values(&[("who", "{{lang}}")]));
        assert_eq!(done.text, "Write Rust for {{lang}}: {{what}} {{}} {{ a b }} {{");
        assert_eq!(done.used.into_iter().collect::<Vec<_>>(), ["lang", "who"]);
        assert_eq!(done.missing.into_iter().collect::<Vec<_>>(), ["what"]);
        let given = render("{{lang}}", &variables, &values(&[("lang", "C")]));
        assert_eq!(given.text, "C");
    }

    /// Notes R11: filling in is bounded.
    #[test]
    fn a_text_that_grows_too_long_is_cut() {
        let done = render(&"{{x}}".repeat(50), &[], &values(&[("x", &"y".repeat(64 * 1024))]));
        assert!(done.cut && done.text.len() == MAX_RENDERED_BYTES);
        let full = |length: usize| render("{{x}}{{y}}", &[], &values(&[("x", &"z".repeat(length)), ("y", "")]));
        let (whole, longer) = (full(1024 * 1024), full(1024 * 1024 + 1));
        assert_eq!((whole.cut, whole.text.len(), whole.used.len()), (false, MAX_RENDERED_BYTES, 2));
        assert_eq!(
            (longer.cut, longer.text.len(), longer.used.len()),
            (true, MAX_RENDERED_BYTES, 1),
            "nothing is filled in behind the cut"
        );
    }

    /// F-170: headers, and what is wrong with them.
    #[test]
    fn headers_are_read() {
        let (head, body) = split("---\nname: A\n---\n\nText\n---\n");
        assert_eq!((head, body), (Some("name: A\n"), "Text\n---\n"));
        assert_eq!(split("no header"), (None, "no header"));
        assert_eq!(split("---\nnever closed"), (None, "---\nnever closed"));
        let read = header(&json!({
            "name": "Watcher", "tags": ["ci", 7], "version": 2, "author": "me",
            "variables": [{ "name": "x", "required": true, "default": 5 }, "y", { "name": "z", "required": false, "default": true }],
        }))
        .unwrap();
        assert_eq!((read.title.as_deref(), read.version, read.tags.len()), (Some("Watcher"), Some(2), 2));
        let variables: Vec<_> = read.variables.iter().map(|one| (one.name.as_str(), one.required, one.default.as_deref())).collect();
        assert_eq!(variables, [("x", true, Some("5")), ("y", false, None), ("z", false, Some("true"))]);
        for (bad, key) in [
            (json!([]), "header"),
            (json!({ "name": {} }), "name"),
            (json!({ "tags": "x" }), "tags"),
            (json!({ "version": "new" }), "version"),
            (json!({ "variables": [{}] }), "variables"),
        ] {
            assert!(header(&bad).unwrap_err().contains(key), "{bad}");
        }
    }

    /// F-170: the category.
    #[test]
    fn categories_come_from_header_or_folder() {
        let none = Header::default();
        for (given, read) in [(json!("task"), Some("task")), (json!(" "), None), (json!(null), None)] {
            assert_eq!(header(&json!({ "category": given })).unwrap().category.as_deref(), read, "{given}");
        }
        assert_eq!((category("a", &none).as_str(), category("hooks/a", &none).as_str()), ("custom", "hooks"));
        assert_eq!(category("hooks/a", &Header { category: Some("task".into()), ..none }), "task");
        assert_eq!(prompt_name("Hooks/Test Watcher.md").as_deref(), Ok("hooks/test-watcher"));
        assert_eq!(prompt_name("a/b/c").as_deref(), Ok("a/b/c"));
        for bad in ["", "a//b", "../a", "a/../b", "a/b/c/d", "/a"] {
            assert!(prompt_name(bad).is_err(), "{bad}");
        }
    }
}
