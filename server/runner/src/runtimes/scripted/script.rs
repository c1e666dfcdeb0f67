//! Scripts: found in a prompt, read line by line.
//!
//! Spec: specs/server/runner/scripted.md

use serde::{Deserialize, Serialize};

/// The fence that opens a script.
const FENCE: &str = "```aq-script";

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ScriptStep {
    Say(String),
    Think(String),
    Error(String),
    Tool { name: String, input: String },
    Write { path: String, text: String },
    Append { path: String, text: String },
    Delete { path: String },
    Shell(String),
    Commit(String),
    Sleep { ms: u64 },
    WaitFile { path: String },
    Ask { text: String, options: Vec<String> },
    Permission { tool: String, input: String },
    Plan(String),
    Usage { input: u64, output: u64 },
    Limit { window: String, seconds: u64 },
    Warn { window: String, percent: u64, seconds: u64 },
    Fail { class: String, text: String },
    Exit { code: u8 },
    Crash,
    Hang,
    Flood { bytes: u64 },
    Garbage,
    Done(String),
}

/// Why a script cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("script line {line}: {why} in `{text}`")]
pub(super) struct ScriptError {
    line: usize,
    text: String,
    why: &'static str,
}

/// The text of the last script in a prompt.
pub(super) fn find(prompt: &str) -> Option<&str> {
    let (_, rest) = prompt.rsplit_once(FENCE)?;
    let (_, body) = rest.split_once('\n')?;
    // The closing fence stands at the start of a line; a script that is never closed goes to the end.
    let end = if body.starts_with("```") { Some(0) } else { body.find("\n```") };
    Some(end.map_or(body, |end| body.get(..end).unwrap_or(body)))
}

/// Reads a script.
pub(super) fn parse(text: &str) -> Result<Vec<ScriptStep>, ScriptError> {
    let mut steps = Vec::new();
    for (at, raw) in text.lines().enumerate() {
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let step = parse_line(line).map_err(|why| ScriptError { line: at + 1, text: line.to_owned(), why })?;
        steps.push(step);
    }
    Ok(steps)
}

fn parse_line(line: &str) -> Result<ScriptStep, &'static str> {
    let (word, rest) = cut(line);
    let text = || unescape(rest);
    let some = |what: &str| if what.is_empty() { Err("an argument is missing") } else { Ok(what.to_owned()) };
    let number = |what: &str| what.parse::<u64>().map_err(|_| "a whole number is missing");
    Ok(match word {
        "say" => ScriptStep::Say(text()),
        "think" => ScriptStep::Think(text()),
        "error" => ScriptStep::Error(text()),
        "tool" => ScriptStep::Tool { name: some(cut(rest).0)?, input: unescape(cut(rest).1) },
        "write" => ScriptStep::Write { path: some(cut(rest).0)?, text: unescape(cut(rest).1) },
        "append" => ScriptStep::Append { path: some(cut(rest).0)?, text: unescape(cut(rest).1) },
        "delete" => ScriptStep::Delete { path: some(rest)? },
        "shell" => ScriptStep::Shell(some(rest)?),
        "commit" => ScriptStep::Commit(some(rest)?),
        "sleep" => ScriptStep::Sleep { ms: number(rest)? },
        "wait-file" => ScriptStep::WaitFile { path: some(rest)? },
        "ask" => {
            let mut parts = rest.split('|').map(str::trim);
            let text = some(parts.next().unwrap_or_default())?;
            ScriptStep::Ask { text, options: parts.filter(|part| !part.is_empty()).map(str::to_owned).collect() }
        }
        "permission" => ScriptStep::Permission { tool: some(cut(rest).0)?, input: unescape(cut(rest).1) },
        "plan" => ScriptStep::Plan(text()),
        "usage" => ScriptStep::Usage { input: number(cut(rest).0)?, output: number(cut(rest).1)? },
        "limit" => ScriptStep::Limit { window: some(cut(rest).0)?, seconds: number(cut(rest).1)? },
        "warn" => {
            let (window, rest) = cut(rest);
            ScriptStep::Warn { window: some(window)?, percent: number(cut(rest).0)?, seconds: number(cut(rest).1)? }
        }
        "fail" => {
            let classed = rest.split_once(':').filter(|(class, _)| aq_core::output::FailureClass::parse(class.trim()).is_some());
            let (class, text) = classed.unwrap_or(("agent", rest));
            ScriptStep::Fail { class: class.trim().to_owned(), text: unescape(text.trim()) }
        }
        "exit" => ScriptStep::Exit { code: rest.parse().map_err(|_| "an exit code from 0 to 255 is missing")? },
        "crash" => ScriptStep::Crash,
        "hang" => ScriptStep::Hang,
        "flood" => ScriptStep::Flood { bytes: number(rest)? },
        "garbage" => ScriptStep::Garbage,
        "done" => ScriptStep::Done(text()),
        _ => return Err("unknown step"),
    })
}

/// The first word and the rest.
fn cut(line: &str) -> (&str, &str) {
    line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()))
}

/// `\n` and `\\`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, if char == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('\\')) | ('\\', None) => out.push('\\'),
            ('\\', Some(other)) => out.extend(['\\', other]),
            (char, _) => out.push(char),
        }
    }
    out
}

/// The script of a prompt that holds none (scripted R1).
pub(super) fn default_script(task: &str, title: &str) -> Vec<ScriptStep> {
    let path = format!("{task}.md");
    vec![
        ScriptStep::Think(format!("The task is “{title}”. A short note in {path} will do.")),
        ScriptStep::Say(format!("I will write {path}.")),
        ScriptStep::Write { path: path.clone(), text: format!("# {title}\n") },
        ScriptStep::Usage { input: 120, output: 40 },
        ScriptStep::Done(format!("Wrote {path} with the task's title.")),
    ]
}

#[cfg(test)]
mod tests {
    use super::{ScriptStep, find, parse};

    /// Scripted R1: the last fenced block counts; comments and blank lines do not.
    #[test]
    fn finds_the_last_script() {
        let prompt = "Before\n```aq-script\nsay old\n```\nMore\n```aq-script\n# c\n\nsay new\\nline\n```\nAfter";
        assert_eq!(parse(find(prompt).unwrap()).unwrap(), [ScriptStep::Say("new\nline".to_owned())]);
        assert_eq!(find("no script here"), None);
        assert_eq!(parse(find("```aq-script\n```").unwrap()).unwrap(), []);
    }

    /// Scripted, steps: each is read with its arguments; what cannot be read names its line.
    #[test]
    fn reads_every_step() {
        let text = "ask Which? | a | b\npermission Bash rm -rf x\nfail auth: no key\nfail at: all\nwarn five_hour 91 60\nusage 1 2\nexit 3";
        let steps = parse(text).unwrap();
        assert_eq!(steps[0], ScriptStep::Ask { text: "Which?".to_owned(), options: vec!["a".to_owned(), "b".to_owned()] });
        assert_eq!(steps[2], ScriptStep::Fail { class: "auth".to_owned(), text: "no key".to_owned() });
        assert_eq!(steps[3], ScriptStep::Fail { class: "agent".to_owned(), text: "at: all".to_owned() });
        assert_eq!(steps[4], ScriptStep::Warn { window: "five_hour".to_owned(), percent: 91, seconds: 60 });
        for broken in ["sing a song", "sleep soon", "usage 1", "write", "exit 999"] {
            let error = parse(&format!("say ok\n{broken}")).unwrap_err().to_string();
            assert!(error.starts_with("script line 2: "), "{error}");
        }
    }
}
