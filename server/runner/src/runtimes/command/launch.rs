//! How a plain command is started.
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::runtime::RuntimeKind;

use super::lines::PlainLines;
use crate::runtimes::normalizer::{Frame, Normalizer};
use crate::runtimes::port::{LaunchOrder, LaunchPlan, LaunchRefused, Runtime};
use crate::shim::StdinMode;

/// Any program.
#[derive(Clone, Copy, Debug)]
pub struct Command;

impl Runtime for Command {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Command
    }

    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused> {
        let start = order.start;
        let command = &start.profile.command;
        if command.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(LaunchRefused::NoCommand);
        }
        let prompt_file = order.home.join(format!(".aq-prompt-{}.md", start.run.folder()));
        let by_file = command.iter().any(|argument| argument.contains("{prompt_file}"));
        let by_argument = command.iter().any(|argument| argument.contains("{prompt}"));
        let values = [
            ("{prompt_file}", prompt_file.to_string_lossy().into_owned()),
            ("{prompt}", start.prompt.clone()),
            ("{title}", start.title.clone()),
            ("{task}", start.run.task.to_string()),
            ("{model}", start.profile.model.clone()),
        ];
        let argv = command.iter().map(|argument| fill(argument, &values)).collect();
        let piped = !by_file && !by_argument;
        let mut text = start.prompt.clone();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let frames = if piped { vec![Frame { id: "prompt".to_owned(), bytes: text.into_bytes() }] } else { Vec::new() };
        Ok(LaunchPlan {
            argv,
            native: Vec::new(),
            env: start.profile.env.clone(),
            stdin: if piped { StdinMode::Held } else { StdinMode::Closed },
            frames,
            close_stdin: piped,
            files: if by_file { vec![(prompt_file, start.prompt.clone())] } else { Vec::new() },
            secrets: start.profile.secrets(),
            writable: (!start.profile.login_dir.is_empty()).then(|| start.profile.login_dir.clone().into()).into_iter().collect(),
        })
    }

    fn normalizer(&self, _order: &LaunchOrder<'_>) -> Box<dyn Normalizer> {
        Box::new(PlainLines::default())
    }

    fn restore(&self, state: &serde_json::Value) -> Option<Box<dyn Normalizer>> {
        let lines: PlainLines = serde_json::from_value(state.clone()).ok()?;
        Some(Box::new(lines))
    }
}

/// Replaces the placeholders of `template` in one pass, so that a value which holds a placeholder is not touched.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (head, tail) = rest.split_at(at);
        filled.push_str(head);
        match values.iter().find(|(name, _)| tail.starts_with(name)) {
            Some((name, value)) => {
                filled.push_str(value);
                rest = tail.get(name.len()..).unwrap_or_default();
            }
            None => {
                filled.push('{');
                rest = tail.get(1..).unwrap_or_default();
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;

    /// Runtimes, `command`: placeholders anywhere in an argument, braces of others untouched, values never read as templates.
    #[test]
    fn placeholders_are_filled_once() {
        let values = [("{prompt}", "say {title}".to_owned()), ("{title}", "T".to_owned())];
        assert_eq!(fill("--p={prompt};{title};{x}{", &values), "--p=say {title};T;{x}{");
    }
}
