//! Replaces `${NAME}` in every text of a document, at any depth (F-036).

use super::document::Node;
use super::environment::Environment;
use super::problem::Sink;

/// Replaces every `${NAME}` below `node`; `section` and `field` name the place for messages. An unset name is an error.
pub(super) fn substitute(node: &mut Node, environment: &Environment, sink: &Sink, section: &str, field: &str) {
    match node {
        Node::Text { text, private } => {
            let mut complete = true;
            let (replaced, any) = replace(text, &mut |name| {
                let value = environment.get(name);
                if let Some(value) = value {
                    if !is_public(name) {
                        sink.hide(value);
                    }
                } else {
                    complete = false;
                    let remedy = format!("set {name} in the environment or in the .env file beside the configuration");
                    sink.error((section, field), format!("environment variable {name} is not set"), Some(remedy));
                }
                value
            });
            *text = replaced;
            *private |= any;
            if !complete {
                // The missing name has been reported; reading on as if the key were absent keeps the report free of echoes.
                *node = Node::Null;
            }
        }
        Node::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                substitute(item, environment, sink, section, &format!("{field}[{index}]"));
            }
        }
        Node::Map(entries) => {
            for (key, value) in entries {
                let inner = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
                substitute(value, environment, sink, section, &inner);
            }
        }
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) => {}
    }
}

/// The text with its `${NAME}`s replaced, and whether there was any. Names are word characters; other braces stay as they are.
fn replace<'a>(text: &str, value: &mut dyn FnMut(&str) -> Option<&'a str>) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut any = false;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, tail)) if is_name(name) => {
                any = true;
                out.push_str(value(name).unwrap_or_default());
                rest = tail;
            }
            _ => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    (out, any)
}

/// Variables that say where things are, and hold no secrets.
fn is_public(name: &str) -> bool {
    matches!(name, "HOME" | "USER" | "LOGNAME" | "PWD" | "TMPDIR") || name.starts_with("XDG_")
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-036: several names in one text, values are not substituted again, other braces stay.
    #[test]
    fn replaces_names_and_leaves_other_braces() {
        let environment = Environment::from_pairs([("A", "1"), ("B", "${A}")]);
        let mut missing = Vec::new();
        let mut value = |name: &str| {
            environment.get(name).or_else(|| {
                missing.push(name.to_owned());
                None
            })
        };
        let (text, any) = replace("x${A}y${B}z${not a name}${", &mut value);
        assert_eq!(text, "x1y${A}z${not a name}${");
        assert!(any);
        let (_, any) = replace("${GONE} ${GONE_TOO}", &mut value);
        assert!(any);
        assert_eq!(missing, ["GONE", "GONE_TOO"]);
    }
}
