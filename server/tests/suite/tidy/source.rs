//! The files of the repository, and Rust text without its comments and strings.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A Rust file: its path from the top of the repository, its text, and the text with comments and literals blanked.
pub(super) struct RustFile {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) code: String,
}

/// The top of the repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every Rust file of the workspace, sorted by path.
pub(super) fn rust_files() -> Vec<RustFile> {
    let mut paths = Vec::new();
    for folder in ["proto", "server", "cli", "discord-gateway"] {
        collect(&root().join(folder), ".rs", &mut paths);
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = code_only(&text);
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            RustFile { path, text, code }
        })
        .collect()
}

/// Every spec, sorted by path.
pub(super) fn specs() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    collect(&root().join("specs"), ".md", &mut paths);
    paths.sort();
    paths
}

fn collect(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, ending, into);
            }
        } else if name.ends_with(ending) {
            into.push(path);
        }
    }
}

impl RustFile {
    /// The places (1-based lines) where a whole word starts in the code.
    pub(super) fn word_lines(&self, word: &str) -> Vec<usize> {
        self.code.lines().enumerate().filter(|(_, line)| has_word(line, word)).map(|(index, _)| index + 1).collect()
    }
}

/// Whether `word` stands in `line` with no identifier character on either side.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// Fails with all offences at once.
pub(super) fn report(rule: &str, offences: &[String]) {
    let mut text = String::new();
    for offence in offences {
        writeln!(text, "  {offence}").unwrap();
    }
    assert!(offences.is_empty(), "{rule}\n{} offences:\n{text}", offences.len());
}

/// The text with comments, strings and character literals replaced by spaces; line breaks stay where they are.
pub(super) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none starts there.
fn literal_end(chars: &[char], at: usize) -> usize {
    let get = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (get(at), get(at + 1)) {
        ('/', '/') => (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len()),
        ('/', '*') => block_comment_end(chars, at),
        ('"', _) => quoted_end(chars, at, '"'),
        ('b', '"') if !in_word => quoted_end(chars, at + 1, '"'),
        ('r', '"' | '#') if !in_word => raw_end(chars, at + 1).unwrap_or(at),
        ('b', 'r') if !in_word && matches!(get(at + 2), '"' | '#') => raw_end(chars, at + 2).unwrap_or(at),
        // A quote is a character literal when it is closed right behind one character or an escape; else it is a lifetime.
        ('\'', '\\') => quoted_end(chars, at, '\''),
        ('\'', _) if get(at + 2) == '\'' => at + 3,
        _ => at,
    }
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = at;
    while index < chars.len() {
        match (chars[index], chars.get(index + 1)) {
            ('/', Some('*')) => (depth, index) = (depth + 1, index + 2),
            ('*', Some('/')) => {
                (depth, index) = (depth - 1, index + 2);
                if depth == 0 {
                    return index;
                }
            }
            _ => index += 1,
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut index = at + 1;
    while index < chars.len() {
        match chars[index] {
            '\\' => index += 2,
            c if c == quote => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at..].iter().take_while(|&&c| c == '#').count();
    if chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    let closes = |index: usize| chars[index] == '"' && chars[index + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
    let end = (at + hashes + 1..chars.len()).find(|&index| closes(index));
    Some(end.map_or(chars.len(), |index| index + 1 + hashes))
}

/// The blanking keeps code and line numbers, and takes comments and literals out.
#[test]
fn code_only_blanks_comments_and_literals() {
    let text = "a /* x /* y */ z */ b // c\n\"d \\\" e\" f r#\"g\"h\"# i 'j' k '\\'' l &'m n b\"o\" br\"p\" for\"q\"\nx";
    let code = code_only(text);
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "b", "f", "i", "k", "l", "&'m", "n", "for", "x"]);
    assert_eq!(code.lines().count(), text.lines().count());
}
