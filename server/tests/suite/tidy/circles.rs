//! No circular imports: the files of a crate, followed along what they import, never lead back to where one began (style R11a).
//!
//! What a folder's `mod.rs` only hands on counts as an import from the file that defines it, so that a front door makes no circle.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{report, rust_files};

/// A path within a crate: `["store", "runs", "insert"]`.
type Names = Vec<String>;

/// A file as the scan sees it.
#[derive(Default)]
struct Room {
    file: String,
    code: String,
    /// Imports: the name here, and what it stands for.
    imports: Vec<(String, Names)>,
    /// What it hands on: the name here, and what it stands for.
    hands_on: BTreeMap<String, Names>,
}

/// The files of one crate by module.
type House = BTreeMap<Names, Room>;

/// Style R11a: no file imports another that leads back to it.
#[test]
fn no_file_imports_in_a_circle() {
    let mut offences = Vec::new();
    let all = rust_files();
    for (name, folder) in [
        ("aq_proto", "proto/src/"),
        ("aq_core", "server/core/src/"),
        ("aq_runner", "server/runner/src/"),
        ("aq_server", "server/src/"),
        ("aqctl", "cli/src/"),
        ("aq_discord", "discord-gateway/src/"),
    ] {
        let files: Vec<_> = all.iter().filter_map(|file| Some((file.path.strip_prefix(folder)?.to_owned(), file.code.clone()))).collect();
        assert!(files.len() > 5, "{name} has no files below {folder}");
        offences.extend(circles(&house(name, files)).into_iter().map(|circle| format!("{name}: {}", circle.join(" -> "))));
    }
    report("files import each other in circles; move what both need into a file of its own (style R11a)", &offences);
}

fn house(crate_name: &str, files: Vec<(String, String)>) -> House {
    let mut house = House::new();
    for (file, code) in files {
        let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = if matches!(path, "lib" | "main") { Names::new() } else { path.split('/').map(str::to_owned).collect() };
        if module.iter().any(|part| part == "tests") || (module.is_empty() && house.contains_key(&module) && path == "main") {
            continue;
        }
        house.insert(module, Room { file, code: without_tests(&code), ..Room::default() });
    }
    let modules: BTreeSet<Names> = house.keys().cloned().collect();
    for (module, room) in &mut house {
        let (mut rest, mut kept) = (room.code.as_str(), String::new());
        while let Some((before, statement, after)) = next_use(rest) {
            kept.push_str(before);
            let handed_on = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
            for (name, path) in leaves(statement) {
                let Some(path) = absolute(crate_name, module, &path, &modules) else { continue };
                if handed_on {
                    room.hands_on.insert(name, path);
                } else {
                    room.imports.push((name, path));
                }
            }
            rest = after;
        }
        kept.push_str(rest);
        room.code = kept;
    }
    house
}

/// The code without its inline test modules.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut left = code.to_owned();
    let mut from = 0;
    while let Some(start) = left[from..].find(MARK).map(|at| from + at) {
        from = start + MARK.len();
        let item = left[from..].trim_start();
        let open = from + left[from..].find('{').unwrap_or(left.len() - from);
        if !item.starts_with("mod ") || left[from..open].contains(';') {
            continue;
        }
        let mut depth = 0_i32;
        let close = left[open..].char_indices().find_map(|(at, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth == 0).then_some(open + at + 1)
        });
        left.replace_range(start..close.unwrap_or(left.len()), "");
        from = start;
    }
    left
}

/// The next `use`: what stands before it, its tree, and what follows.
fn next_use(code: &str) -> Option<(&str, &str, &str)> {
    let at = code.match_indices("use ").map(|(at, _)| at).find(|at| code[..*at].is_empty() || code[..*at].ends_with(['\n', ' ', ')']))?;
    let end = at + code[at..].find(';')?;
    Some((&code[..at], &code[at + 4..end], &code[end + 1..]))
}

/// The leaves of a tree of imports: the name that each has here, and its path.
fn leaves(tree: &str) -> Vec<(String, Names)> {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let head: Names = head.split("::").filter(|part| !part.trim().is_empty()).map(|part| part.trim().to_owned()).collect();
        let inner = group.rsplit_once('}').map_or(group, |(inner, _)| inner);
        let (mut parts, mut depth) = (vec![String::new()], 0_i32);
        for c in inner.chars() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if c == ',' && depth == 0 {
                parts.push(String::new());
            } else if let Some(part) = parts.last_mut() {
                part.push(c);
            }
        }
        let inner = parts.iter().filter(|part| !part.trim().is_empty()).flat_map(|part| leaves(part));
        // `a::{self}` brings the name of `a`.
        let whole = head.last().cloned().unwrap_or_default();
        let named = |name: String| if name.is_empty() { whole.clone() } else { name };
        return inner.map(|(name, path)| (named(name), head.iter().cloned().chain(path).collect())).collect();
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim().to_owned())));
    let mut path: Names = path.split("::").map(|part| part.trim().to_owned()).collect();
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
    vec![(name, path)]
}

/// A path as seen from `module`, from the top of the crate; `None` when it leads out of it.
fn absolute(crate_name: &str, module: &Names, path: &[String], modules: &BTreeSet<Names>) -> Option<Names> {
    let (first, rest) = path.split_first()?;
    let mut from = module.clone();
    match first.as_str() {
        "crate" => return Some(rest.to_vec()),
        name if name == crate_name => return Some(rest.to_vec()),
        "self" => {}
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            from.truncate(from.len().saturating_sub(ups));
            return Some(from.into_iter().chain(path[ups..].iter().cloned()).collect());
        }
        child => {
            from.push(child.to_owned());
            return modules.contains(&from).then(|| from.into_iter().chain(rest.iter().cloned()).collect());
        }
    }
    Some(from.into_iter().chain(rest.iter().cloned()).collect())
}

/// The module that defines what `path` names, through whatever hands it on.
fn home(house: &House, path: &[String], steps: u8) -> Option<Names> {
    let length = (0..=path.len()).rev().find(|length| house.contains_key(&path[..*length]))?;
    let (module, rest) = path.split_at(length);
    let handed = rest.first().and_then(|name| house[module].hands_on.get(name)).filter(|_| steps > 0);
    match handed {
        Some(target) if target != path => home(house, &[target.as_slice(), &rest[1..]].concat(), steps - 1),
        _ => Some(module.to_vec()),
    }
}

/// The modules that `module` imports from.
fn neighbours(house: &House, modules: &BTreeSet<Names>, module: &Names) -> BTreeSet<Names> {
    let room = &house[module];
    let mut found = BTreeSet::new();
    let mut local: BTreeMap<&str, &Names> = BTreeMap::new();
    for (name, path) in &room.imports {
        if house.contains_key(path) {
            local.insert(name, path);
        } else {
            found.extend(home(house, path, 6));
        }
    }
    for word in room.code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        let path: Names = word.split("::").map(str::to_owned).collect();
        if path.len() < 2 || path.iter().any(String::is_empty) {
            continue;
        }
        let path = match local.get(path[0].as_str()) {
            Some(base) => Some(base.iter().cloned().chain(path[1..].iter().cloned()).collect()),
            None => absolute("crate", module, &path, modules),
        };
        found.extend(path.filter(|path: &Names| !house.contains_key(path)).and_then(|path| home(house, &path, 6)));
    }
    found.remove(module);
    found
}

/// One circle for every knot of files, as the files along it; none when there is none.
fn circles(house: &House) -> Vec<Vec<String>> {
    let modules = house.keys().cloned().collect();
    let edges: BTreeMap<&Names, BTreeSet<Names>> = house.keys().map(|module| (module, neighbours(house, &modules, module))).collect();
    let (mut done, mut found) = (BTreeSet::new(), Vec::new());
    for start in house.keys() {
        // Depth first, with the way that led here: a neighbour on the way closes a circle.
        let mut way: Vec<(&Names, Vec<&Names>)> = vec![(start, edges[start].iter().collect())];
        while let Some((module, left)) = way.last_mut() {
            let Some(next) = left.pop() else {
                done.insert(*module);
                way.pop();
                continue;
            };
            if done.contains(next) {
                continue;
            }
            if let Some(at) = way.iter().position(|(module, _)| *module == next) {
                found.push(way[at..].iter().map(|(module, _)| *module).chain([next]).map(|module| house[module].file.clone()).collect());
                continue;
            }
            way.push((next, edges[next].iter().collect()));
        }
    }
    found
}

/// The scan sees circles through groups, front doors, aliases and paths in bodies, and none where there is none.
#[test]
fn the_scan_sees_every_form_of_circle() {
    let files = |texts: &[(&str, &str)]| texts.iter().map(|(file, code)| ((*file).to_owned(), (*code).to_owned())).collect::<Vec<_>>();
    let found = |texts: &[(&str, &str)]| circles(&house("aq", files(texts)));
    let plain = found(&[("lib.rs", "mod a;\nmod b;"), ("a.rs", "use crate::b::B;"), ("b.rs", "use super::{a::A as C, x};")]);
    assert_eq!(plain, [["a.rs", "b.rs", "a.rs"]]);
    let door = found(&[("a/mod.rs", "mod b;\npub use b::B;"), ("a/b.rs", "fn b() { crate::c::run(); }"), ("c.rs", "use crate::a::B;")]);
    assert_eq!(door, [["a/b.rs", "c.rs", "a/b.rs"]]);
    let body = found(&[("a.rs", "use super::b;\nfn a() { b::run(); }"), ("b.rs", "fn b() -> super::a::A {}")]);
    assert_eq!(body, [["a.rs", "b.rs", "a.rs"]]);
    let own = found(&[("a.rs", "use super::b::{self};\nfn a() { b::run(); }"), ("b.rs", "use crate::a::{A, self as c};")]);
    assert_eq!(own, [["a.rs", "b.rs", "a.rs"]]);
    let tests = "use crate::c::C;\n#[cfg(test)]\nmod tests { use crate::a::A; fn x() { if y {} } }";
    assert!(found(&[("a.rs", "use crate::b::B;"), ("b.rs", tests), ("c.rs", "use other::a::A;")]).is_empty());
    assert!(found(&[("a/mod.rs", "mod b;\npub(crate) use b::B;"), ("a/b.rs", "use super::c::C;"), ("a/c.rs", "")]).is_empty());
}
