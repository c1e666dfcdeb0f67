//! The fuzz targets are a workspace of their own, which no other check builds: what they share with the tests has to be built there as well.

use super::source::{RustFile, has_word, report, root, rust_files};

const TARGETS: &str = "server/fuzz/fuzz_targets/";

/// Fuzz R4: the manifest of the targets names every crate that the shared files use.
#[test]
fn targets_know_the_crates_of_what_they_share() {
    let crates = names(&root().join("Cargo.toml"), "[workspace.dependencies]");
    let known = names(&root().join("server/fuzz/Cargo.toml"), "[dependencies]");
    let files = rust_files();
    let mut shared: Vec<&RustFile> = files
        .iter()
        .filter(|file| file.path.starts_with(TARGETS))
        .flat_map(|target| paths(&target.text))
        .flat_map(|path| {
            let of_folder = path.strip_suffix("mod.rs").map(str::to_owned);
            files.iter().filter(move |file| file.path == path || of_folder.as_ref().is_some_and(|folder| file.path.starts_with(folder)))
        })
        .filter(|file| !file.path.ends_with("/tests.rs"))
        .collect();
    shared.sort_by(|one, other| one.path.cmp(&other.path));
    shared.dedup_by(|one, other| one.path == other.path);
    assert!(shared.len() > 8, "the targets share {} files", shared.len());
    let offences: Vec<String> = shared
        .iter()
        .flat_map(|file| {
            let code = file.code.split("#[cfg(test)]").next().unwrap_or_default();
            let unknown = |name: &&String| !known.contains(name) && uses(code, name);
            crates.iter().filter(unknown).map(|name| format!("{}: uses {name}, which server/fuzz/Cargo.toml does not name", file.path))
        })
        .collect();
    report("fuzz targets are given the crates that they need (fuzz R4)", &offences);
}

/// What a section of a manifest names.
fn names(manifest: &std::path::Path, section: &str) -> Vec<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let lines = text.lines().skip_while(|line| *line != section).skip(1).take_while(|line| !line.starts_with('['));
    let names: Vec<String> = lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned()).collect();
    assert!(names.len() > 5, "{section} of {} names {names:?}", manifest.display());
    names
}

/// The files that a target takes in from elsewhere, by their paths from the top of the repository.
fn paths(target: &str) -> Vec<String> {
    let told = target.lines().filter_map(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"));
    told.map(|path| path.strip_prefix("../../../").map_or_else(|| path.replacen("../..", "server", 1), str::to_owned)).collect()
}

fn uses(code: &str, name: &str) -> bool {
    let word = name.replace('-', "_");
    code.lines().any(|line| line.contains(&format!("{word}::")) && has_word(line, &word))
}
