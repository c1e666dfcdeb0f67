//! Placeholders in texts of hooks (F-144).

use serde_json::Value;

/// Longest text that filling in makes, in bytes.
pub const MAX_FILLED_BYTES: usize = 1024 * 1024;

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What a placeholder stands for; `None`: it is none of ours and stays.
fn value_of(name: &str, steps: &[Value], event: Option<&Value>) -> Option<String> {
    if name == "event" {
        return Some(event.map(Value::to_string).unwrap_or_default());
    }
    if let Some(field) = name.strip_prefix("event.") {
        return Some(event.and_then(|event| event.get(field)).map(text).unwrap_or_default());
    }
    let rest = name.strip_prefix("step_")?;
    let (number, field) = rest.split_once('.').map_or((rest, None), |(number, field)| (number, Some(field)));
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    // A number too large to read is out of range like any other.
    let Some(result) = number.parse::<usize>().ok().and_then(|index| steps.get(index)) else { return Some(String::new()) };
    if let Some(field) = field {
        return Some(result.get(field).map(text).unwrap_or_default());
    }
    let filled = ["stdout", "content", "body", "diff"]
        .into_iter()
        .filter_map(|field| result.get(field).and_then(Value::as_str))
        .find(|text| !text.is_empty());
    Some(filled.map_or_else(|| result.to_string(), str::to_owned))
}

/// Fills the placeholders of `template` in; what is filled in is not looked into again. At most [`MAX_FILLED_BYTES`].
#[must_use]
pub fn fill(template: &str, steps: &[Value], event: Option<&Value>) -> String {
    let mut done = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        done.push_str(before);
        let found = behind.split_once("}}").and_then(|(name, after)| Some((value_of(name.trim(), steps, event)?, after)));
        match found {
            Some((value, after)) => {
                done.push_str(&value);
                rest = after;
            }
            None => {
                done.push_str("{{");
                rest = behind;
            }
        }
        if done.len() > MAX_FILLED_BYTES {
            break;
        }
    }
    done.push_str(rest);
    if done.len() > MAX_FILLED_BYTES {
        let end = (0..=MAX_FILLED_BYTES).rev().find(|end| done.is_char_boundary(*end)).unwrap_or(0);
        done.truncate(end);
    }
    done
}

/// Fills placeholders into every text of a value; keys and numbers stay as they are, so that nothing filled in changes the value's shape.
#[must_use]
pub fn fill_json(template: &Value, steps: &[Value], event: Option<&Value>) -> Value {
    match template {
        Value::String(text) => Value::String(fill(text, steps, event)),
        Value::Array(items) => Value::Array(items.iter().map(|item| fill_json(item, steps, event)).collect()),
        Value::Object(fields) => Value::Object(fields.iter().map(|(key, value)| (key.clone(), fill_json(value, steps, event))).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// F-144: every form of the table, out of range, unknown.
    #[test]
    fn every_form_is_filled_in() {
        let steps = [json!({ "stdout": "all tests pass", "exit_code": 1 }), json!({ "stdout": "", "body": "B" }), json!({ "rows": [1] })];
        let event = json!({ "task_id": "abc123", "count": 3, "inner": { "a": 1 } });
        for (template, expected) in [
            ("Results: {{step_0}}", "Results: all tests pass"),
            ("Exit: {{step_0.exit_code}}", "Exit: 1"),
            ("Task: {{event.task_id}}", "Task: abc123"),
            ("{{step_1}}", "B"),
            ("{{step_2}}", "{\"rows\":[1]}"),
            ("{{ event.count }}", "3"),
            ("{{event.inner}}", "{\"a\":1}"),
            ("{{event.missing}}|{{step_0.missing}}|{{step_9}}|{{step_99999999999999999999.x}}", "|||"),
            ("{{other}} {{step_x}} {{step_}} {{", "{{other}} {{step_x}} {{step_}} {{"),
            ("{{a {{step_1}}", "{{a B"),
        ] {
            assert_eq!(fill(template, &steps, Some(&event)), expected, "{template}");
        }
        assert_eq!(fill("{{event}}|{{event.x}}", &steps, None), "|");
        assert_eq!(fill("{{event}}", &[], Some(&json!({ "a": "{{event}}" }))), "{\"a\":\"{{event}}\"}");
        let filled = fill_json(&json!({ "{{event}}": ["{{event.count}}", 7] }), &steps, Some(&event));
        assert_eq!(filled, json!({ "{{event}}": ["3", 7] }));
    }

    /// Hook R9: a text grows to 1 MiB at most, and is cut between two characters.
    #[test]
    fn a_text_that_grows_too_long_is_cut() {
        let filled = |piece: &str| fill(&"{{step_0}}".repeat(50), &[json!({ "stdout": piece })], None);
        assert_eq!((filled(&"x".repeat(64 * 1024)).len(), filled(&"€".repeat(32 * 1024)).len()), (MAX_FILLED_BYTES, MAX_FILLED_BYTES - 1));
    }

    proptest! {
        /// F-144: any template is filled in without panic and within bounds; without braces it stays.
        #[test]
        fn any_template_is_safe(template in "(\\PC|\\{\\{|\\}\\}|step_[0-9]|event\\.){0,60}") {
            let steps = [json!({ "stdout": "x" })];
            let filled = fill(&template, &steps, None);
            prop_assert!(filled.len() <= MAX_FILLED_BYTES);
            if !template.contains("{{") {
                prop_assert_eq!(filled, template);
            }
        }
    }
}
