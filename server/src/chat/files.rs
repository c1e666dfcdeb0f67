//! The tools of the machine: one file read, many searched. Nothing is written, and no program is started.

use std::fs::File;
use std::sync::Arc;

use aq_core::chat::ToolSpec;
use aq_core::principal::Principal;
use aq_runner::redact::Redactor;
use serde_json::{Map, Value, json};

use super::content::content;
use super::rooms::{Roots, open, place};
use super::search::{self, Mode, Search};

/// Reads a file.
const READ: &str = "read_file";
/// Searches files.
const SEARCH: &str = "search_files";
/// Lines that are shown when nothing is said, and at most.
const LINES: (u64, u64) = (200, 2000);

/// True for a tool of this module.
pub(super) fn is_ours(tool: &str) -> bool {
    matches!(tool, READ | SEARCH)
}

/// The tools.
pub(super) fn specs() -> Vec<ToolSpec> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let spec = |name: &str, description: &str, properties: Value, required: &[&str]| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        schema: json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false }),
    };
    vec![
        spec(
            READ,
            "Reads a text file of a workspace. `list_workspaces` tells the paths of workspaces.",
            json!({
                "path": text("The file, absolute."),
                "from_line": { "type": "integer", "minimum": 1, "description": "The first line to show. Default: 1." },
                "max_lines": { "type": "integer", "minimum": 1, "maximum": LINES.1, "description": "Most lines to show. Default: 200." },
            }),
            &["path"],
        ),
        spec(
            SEARCH,
            "Searches below a folder of a workspace: lines that contain a text, or files by name.",
            json!({
                "pattern": text("For `grep`: the text that a line contains, literally. For `find`: the name of the file, with `*` and `?`."),
                "path": text("The folder or file to search, absolute."),
                "mode": { "type": "string", "enum": ["grep", "find"], "description": "What to search for. Default: grep." },
                "ignore_case": { "type": "boolean", "description": "Upper and lower case are the same. Default: false." },
            }),
            &["pattern", "path"],
        ),
    ]
}

fn text(input: &Map<String, Value>, key: &str) -> Result<String, String> {
    let found = input.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty() && !text.contains('\0'));
    found.map(str::to_owned).ok_or_else(|| format!("`{key}` is required and must be a text"))
}

fn count(input: &Map<String, Value>, key: &str, default: u64, most: u64) -> Result<u64, String> {
    match input.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => {
            let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
            number.filter(|number| (1..=most).contains(number)).ok_or_else(|| format!("`{key}` must be a whole number from 1 to {most}"))
        }
    }
}

/// Runs a tool.
///
/// # Errors
/// A sentence that says what was wrong and what helps.
pub(super) async fn run(roots: Arc<dyn Roots>, caller: &Principal, tool: &str, input: &Map<String, Value>) -> Result<String, String> {
    let path = text(input, "path")?;
    let place = place(&roots.of(caller).await, &path)?;
    tracing::info!(actor = %caller.actor(), tool, path = %path.chars().take(300).collect::<String>(), "files are read for the chat");
    let work: Box<dyn FnOnce() -> Result<Value, String> + Send> = if tool == READ {
        let (from, most) = (count(input, "from_line", 1, u64::MAX)?, count(input, "max_lines", LINES.0, LINES.1)?);
        Box::new(move || read(&place, &path, from, most))
    } else {
        let mode = match input.get("mode").and_then(Value::as_str).unwrap_or("grep") {
            "grep" => Mode::Lines,
            "find" => Mode::Names,
            _ => return Err("`mode` must be grep or find".to_owned()),
        };
        let ignore_case = input.get("ignore_case").and_then(Value::as_bool).unwrap_or(false);
        let search = Search { mode, pattern: text(input, "pattern")?, ignore_case };
        Box::new(move || search::run(&place, &search))
    };
    let found = tokio::task::spawn_blocking(work).await.map_err(|_| "reading failed".to_owned())??;
    let none: [&str; 0] = [];
    // A credential in a file stays there.
    let redactor = Redactor::new(&none).map_err(|error| error.to_string())?;
    Ok(redactor.redact(&found.to_string()).into_owned())
}

fn read(place: &super::rooms::Place, path: &str, from: u64, most: u64) -> Result<Value, String> {
    let refused = |error: String| format!("`{path}` cannot be read: {error}");
    let opened = open(place, false).map_err(|error| refused(error.to_string()))?;
    let text = content(File::from(opened)).map_err(refused)?;
    let (skip, most) = (usize::try_from(from - 1).unwrap_or(usize::MAX), usize::try_from(most).unwrap_or(usize::MAX));
    let total = text.lines().count();
    let shown: Vec<&str> = text.lines().skip(skip).take(most).collect();
    let mut answer = json!({ "path": path, "first_line": from, "lines": total, "content": shown.join("\n") });
    if skip.saturating_add(shown.len()) < total {
        answer["more"] = json!(format!("call again with from_line {}", skip + shown.len() + 1));
    }
    Ok(answer)
}
