//! What stands where: the top of the repository, the length of files, their headers and names.

use super::source::{report, root, rust_files};

/// What may stand at the top. `target` is where cargo builds when nobody tells it otherwise.
const TOP_LEVEL: [&str; 20] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "docker-compose.yml",
    "proto",
    "server",
    "discord-gateway",
    "cli",
    "specs",
    ".ci",
    ".cargo",
    ".clippy.toml",
    ".deny.toml",
    ".dockerignore",
    ".git",
    ".gitignore",
    ".rustfmt.toml",
    "target",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "manager", "misc", "imp"];

const LONGEST: usize = 500;
const LONG: usize = 400;

/// Architecture §4: the top level is fixed.
#[test]
fn the_top_level_holds_nothing_else() {
    let mut offences = Vec::new();
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if !TOP_LEVEL.contains(&name.as_str()) {
            offences.push(format!("{name}: not on the list of top-level entries"));
        }
    }
    offences.sort();
    report("the top level is fixed (architecture §4)", &offences);
}

/// Style R3: files stay readable in one sitting.
#[test]
fn no_file_is_too_long() {
    let mut offences = Vec::new();
    for file in rust_files() {
        let lines = file.text.lines().count();
        if lines > LONGEST {
            offences.push(format!("{}:{LONGEST}: has {lines} lines; split it by noun", file.path));
        } else if lines > LONG {
            println!("{}: has {lines} lines, more than {LONG}", file.path);
        }
    }
    report("a file has at most 500 lines (style R3)", &offences);
}

/// Style R1: each file says first what lives in it.
#[test]
fn every_file_has_a_header() {
    let offences: Vec<String> = rust_files()
        .iter()
        .filter(|file| !file.text.trim_start().starts_with("//!"))
        .map(|file| format!("{}:1: does not start with a //! header", file.path))
        .collect();
    report("every file starts by saying what lives in it (style R1)", &offences);
}

/// F-244, style R2: the root of a module names its spec, and the spec exists.
#[test]
fn module_roots_name_an_existing_spec() {
    let mut offences = Vec::new();
    for file in rust_files() {
        let is_root = file.path.ends_with("/mod.rs") || file.path.ends_with("/src/lib.rs");
        let spec = file.text.lines().enumerate().find_map(|(index, line)| Some((index + 1, line.strip_prefix("//! Spec: ")?)));
        match spec {
            Some((line, spec)) => {
                let spec = spec.split(|c: char| c == ',' || c.is_whitespace()).next().unwrap_or_default();
                if !root().join(spec).is_file() {
                    offences.push(format!("{}:{line}: names {spec}, which does not exist", file.path));
                }
            }
            // The folders of a test binary follow the spec of what they test.
            None if is_root && !file.path.contains("/tests/") => offences.push(format!("{}:1: has no `//! Spec:` line", file.path)),
            None => {}
        }
    }
    report("module roots name an existing spec (style R2)", &offences);
}

/// Style R4: names say what is inside.
#[test]
fn no_file_has_an_empty_name() {
    let mut offences = Vec::new();
    for file in rust_files() {
        for part in file.path.split('/').map(|part| part.trim_end_matches(".rs")) {
            if EMPTY_NAMES.contains(&part) {
                offences.push(format!("{}:1: `{part}` says nothing about what is inside", file.path));
            }
        }
        for ending in ["Manager", "Helper", "Helpers", "Utils"] {
            for (index, line) in file.code.lines().enumerate() {
                let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
                let declares = |word: &str| ["struct", "enum", "trait", "type"].contains(&word);
                if words.any(declares) && words.next().is_some_and(|name| name.ends_with(ending)) {
                    offences.push(format!("{}:{}: a type called *{ending} says nothing", file.path, index + 1));
                }
            }
        }
    }
    report("names say what is inside (style R4)", &offences);
}
