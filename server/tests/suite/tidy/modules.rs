//! How files hang together: every file is part of a crate, and a folder's `mod.rs` is a table of contents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::source::{RustFile, has_word, report, root, rust_files};

/// Style R5: a file that no `mod` declares is never compiled, so its tests never run.
#[test]
fn every_file_is_reached_by_a_mod() {
    let files = rust_files();
    let mut reached = BTreeSet::new();
    for file in files.iter().filter(|file| is_crate_root(&file.path)) {
        follow(Path::new(&file.path), &files, &mut reached);
    }
    let offences: Vec<String> = files
        .iter()
        .filter(|file| !reached.contains(Path::new(&file.path)))
        .map(|file| format!("{}:1: no `mod` declares this file", file.path))
        .collect();
    report("every file is part of a crate (style R5)", &offences);
}

/// Style R6: a `mod.rs` is a table of contents.
#[test]
fn a_mod_file_holds_no_logic() {
    let mut offences = Vec::new();
    for file in rust_files().iter().filter(|file| file.path.ends_with("/mod.rs") && !file.path.contains("/tests/")) {
        for (index, line) in file.code.lines().enumerate() {
            if ["fn", "impl"].iter().any(|word| has_word(line, word)) {
                offences.push(format!("{}:{}: a mod.rs holds `mod` and `pub use` only", file.path, index + 1));
            }
        }
    }
    report("a mod.rs is a table of contents (style R6)", &offences);
}

fn is_crate_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [.., "src", "lib.rs" | "main.rs"] | [.., "build.rs"] | [.., "src", "bin", _] | [.., "fuzz_targets", _] => true,
        [.., folder, "tests" | "benches" | "examples", _] => root().join(path).parent().is_some() && *folder != "src",
        [.., "tests" | "benches" | "examples", _, "main.rs"] | [.., "src", "bin", _, "main.rs"] => true,
        _ => false,
    }
}

fn follow(path: &Path, files: &[RustFile], reached: &mut BTreeSet<PathBuf>) {
    let Some(file) = files.iter().find(|file| Path::new(&file.path) == path) else { return };
    if !reached.insert(path.to_path_buf()) {
        return;
    }
    let folder = path.parent().unwrap();
    let stem = path.file_stem().unwrap().to_string_lossy();
    let beside = is_crate_root(&file.path) || stem == "mod";
    let base = if beside { folder.to_path_buf() } else { folder.join(stem.as_ref()) };
    for name in declared(&file.code) {
        follow(&base.join(format!("{name}.rs")), files, reached);
        follow(&base.join(&name).join("mod.rs"), files, reached);
    }
}

/// The names of `mod name;` declarations.
fn declared(code: &str) -> Vec<String> {
    let lines = code.lines().map(str::trim).filter_map(|line| line.strip_suffix(';'));
    lines
        .filter_map(|line| line.split_once("mod ").filter(|(before, _)| before.is_empty() || before.starts_with("pub")))
        .map(|(_, name)| name.trim().to_owned())
        .collect()
}
