//! Searching below a folder: bounded in files, time and results; links are not followed, `.git` and binary files are left out.

use std::fs::File;
use std::time::{Duration, Instant};

use rustix::fs::{Dir, FileType};
use serde_json::{Value, json};

use super::content::content;
use super::rooms::{Place, open};

/// Most files and folders that are looked at.
const MOST_ENTRIES: usize = 50_000;
/// Most hits of one file.
const MOST_OF_FILE: usize = 50;
/// Most hits.
const MOST: usize = 200;
/// Longest line that is shown, in characters.
const LONGEST_LINE: usize = 300;
/// Longest search.
const LONGEST: Duration = Duration::from_secs(20);
/// Deepest folder.
const DEEPEST: usize = 64;

/// What to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Lines that contain a text.
    Lines,
    /// Files by name.
    Names,
}

/// A search.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) mode: Mode,
    pub(super) pattern: String,
    pub(super) ignore_case: bool,
}

struct Found {
    hits: Vec<Value>,
    entries: usize,
    cut: Option<&'static str>,
    begun: Instant,
}

/// Searches at `place`.
///
/// # Errors
/// When it cannot be opened.
#[expect(clippy::disallowed_methods, reason = "how long the work takes, not what time it is")]
pub(super) fn run(place: &Place, search: &Search) -> Result<Value, String> {
    let mut found = Found { hits: Vec::new(), entries: 0, cut: None, begun: Instant::now() };
    let search = Search { pattern: folded(&search.pattern, search.ignore_case), ..search.clone() };
    if open(place, true).is_ok() {
        walk(place, &search, &mut found, 0);
    } else {
        let opened = open(place, false).map_err(|error| format!("`path` cannot be searched: {error}"))?;
        look(place, opened, &search, &mut found);
    }
    let mut answer = json!({ "hits": found.hits, "looked_at": found.entries });
    if let Some(why) = found.cut {
        answer["cut"] = json!(format!("{why}; search a smaller folder or something rarer"));
    }
    Ok(answer)
}

fn folded(text: &str, ignore_case: bool) -> String {
    if ignore_case { text.to_lowercase() } else { text.to_owned() }
}

impl Found {
    fn is_full(&mut self) -> bool {
        let why = if self.hits.len() >= MOST {
            Some("there are more hits")
        } else if self.entries >= MOST_ENTRIES {
            Some("there are too many files")
        } else if self.begun.elapsed() > LONGEST {
            Some("it took too long")
        } else {
            None
        };
        self.cut = self.cut.or(why);
        self.cut.is_some()
    }
}

fn walk(place: &Place, search: &Search, found: &mut Found, depth: usize) {
    let Ok(folder) = open(place, true) else { return };
    let Ok(entries) = Dir::read_from(&folder) else { return };
    let mut names: Vec<(String, FileType)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str().ok()?.to_owned(), entry.file_type())))
        .filter(|(name, _)| !matches!(name.as_str(), "." | ".." | ".git"))
        .collect();
    names.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, kind) in names {
        if found.is_full() {
            return;
        }
        found.entries += 1;
        let mut inner = place.clone();
        inner.way.push(name.clone());
        if search.mode == Mode::Names && fits(&search.pattern, &folded(&name, search.ignore_case)) {
            found.hits.push(json!({ "path": shown(&inner) }));
        }
        match kind {
            FileType::Directory if depth < DEEPEST => walk(&inner, search, found, depth + 1),
            FileType::RegularFile if search.mode == Mode::Lines => {
                if let Ok(opened) = open(&inner, false) {
                    look(&inner, opened, search, found);
                }
            }
            _ => {}
        }
    }
}

fn look(place: &Place, opened: std::os::fd::OwnedFd, search: &Search, found: &mut Found) {
    let Ok(text) = content(File::from(opened)) else { return };
    let fitting = text.lines().enumerate().filter(|(_, line)| folded(line, search.ignore_case).contains(&search.pattern));
    for (index, line) in fitting.take(MOST_OF_FILE) {
        let line: String = line.chars().take(LONGEST_LINE).collect();
        found.hits.push(json!({ "path": shown(place), "line": index + 1, "text": line }));
        if found.is_full() {
            return;
        }
    }
}

fn shown(place: &Place) -> String {
    place.root.join(place.way.join("/")).display().to_string()
}

/// True when `name` is what `pattern` describes; `*` stands for anything, `?` for one character. Takes no more steps than the product of the lengths.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut here, mut star) = (0, 0, None);
    while here < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(char) if *char == '?' || name.get(here) == Some(char) => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                at = back + 1;
                here = taken + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|char| *char == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(root: &std::path::Path, mode: Mode, pattern: &str, ignore_case: bool) -> Vec<String> {
        let place = Place { root: root.to_owned(), way: Vec::new() };
        let answer = run(&place, &Search { mode, pattern: pattern.into(), ignore_case }).unwrap();
        let shown = |hit: &Value| format!("{}:{}", hit["path"].as_str().unwrap().rsplit('/').next().unwrap(), hit["line"]);
        answer["hits"].as_array().unwrap().iter().map(shown).collect()
    }

    /// F-171, D-86: lines and names are found; links, `.git` and binary files are left out; a pattern is never an option.
    #[test]
    fn lines_and_names_are_found() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("work");
        std::fs::create_dir_all(root.join(".git")).unwrap();
        std::fs::create_dir_all(root.join("src")).unwrap();
        std::fs::write(home.path().join("outside.rs"), "needle").unwrap();
        std::fs::write(root.join(".git/config"), "needle").unwrap();
        std::fs::write(root.join("src/main.rs"), "a\nNeedle -r\n").unwrap();
        std::fs::write(root.join("data.bin"), b"needle\0").unwrap();
        std::fs::write(root.join("many"), "needle\n".repeat(80)).unwrap();
        std::os::unix::fs::symlink("../outside.rs", root.join("link.rs")).unwrap();
        assert_eq!(searched(&root, Mode::Lines, "Needle", false), ["main.rs:2"]);
        assert_eq!(searched(&root, Mode::Lines, "-r", false), ["main.rs:2"]);
        assert_eq!(searched(&root, Mode::Lines, "needle", true).len(), MOST_OF_FILE + 1);
        assert_eq!(searched(&root, Mode::Names, "*.RS", true), ["link.rs:null", "main.rs:null"]);
        assert!(fits("a*b?c", "axxbbxbyc") && !fits("a?", "a") && fits("**", "") && !fits("", "a"));
    }
}
