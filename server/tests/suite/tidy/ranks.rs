//! The ranks of the server's modules: imports go only downward (architecture §4).

use super::source::{report, rust_files};

/// Each module of `aq-server` and its rank.
const RANKS: [(&str, u8); 32] = [
    ("app", 8),
    ("main", 8),
    ("entry", 8),
    ("demo", 8),
    ("doctor", 8),
    ("torture", 8),
    ("grpc", 7),
    ("chat", 6),
    ("hooks", 6),
    ("mcp", 6),
    ("metrics", 6),
    ("tools", 6),
    ("traces", 6),
    ("api", 5),
    ("commands", 4),
    ("orchestrator", 4),
    ("beat", 3),
    ("lifecycle", 3),
    ("events", 2),
    ("store", 1),
    ("chat_models", 1),
    ("forges", 1),
    ("documents", 1),
    ("args", 0),
    ("background", 0),
    ("clock", 0),
    ("config", 0),
    ("home", 0),
    ("loopback", 0),
    ("rates", 0),
    ("shutdown", 0),
    ("telemetry", 0),
];

/// Ranks whose modules must not know each other.
const STRANGERS: [u8; 2] = [1, 4];

/// Architecture §4: imports go only downward; siblings of ranks 1 and 4 never import each other.
#[test]
fn imports_go_only_downward() {
    let mut offences = Vec::new();
    for file in rust_files() {
        let Some(inside) = file.path.strip_prefix("server/src/") else { continue };
        let module = inside.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if module == "lib" || inside.starts_with("bin/") {
            continue;
        }
        let Some(rank) = rank(module) else {
            offences.push(format!("{}:1: module `{module}` has no rank; give it one in {}", file.path, file!()));
            continue;
        };
        for (index, line) in numbered_statements(&file.code) {
            for target in imported(&line) {
                let Some(below) = self::rank(&target) else { continue };
                let stranger = below == rank && STRANGERS.contains(&rank) && target != module;
                if below > rank || stranger {
                    offences.push(format!("{}:{index}: {module} (rank {rank}) imports {target} (rank {below})", file.path));
                }
            }
        }
    }
    report("imports go only downward (architecture §4)", &offences);
}

fn rank(module: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == module).map(|(_, rank)| *rank)
}

/// Statements with the line they start on, so that a group import over several lines is seen as one.
fn numbered_statements(code: &str) -> Vec<(usize, String)> {
    let mut statements = Vec::new();
    let mut line = 1;
    for statement in code.split_inclusive(';') {
        let leading = statement.chars().take_while(|c| c.is_whitespace()).filter(|&c| c == '\n').count();
        statements.push((line + leading, statement.to_owned()));
        line += statement.matches('\n').count();
    }
    statements
}

/// The modules of our crate that a statement names: `crate::x`, `crate::{x, y}`.
fn imported(statement: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, path) in statement.match_indices("crate::") {
        if statement[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &statement[at + path.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_i32;
            let mut fresh = true;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        names.push(std::mem::take(&mut name));
                        fresh = true;
                    }
                    c if depth == 0 && fresh && (c.is_alphanumeric() || c == '_') => name.push(c),
                    ':' => fresh = false,
                    _ => {}
                }
            }
            names.push(name);
        } else {
            names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

/// The scan sees single, grouped and inline paths, and nothing that only looks like one.
#[test]
fn the_scan_sees_every_form_of_import() {
    assert_eq!(imported("use crate::store::Row;"), ["store"]);
    assert_eq!(imported("use crate::{store::{Row, Tx}, events,\n config::Secret};"), ["store", "events", "config"]);
    assert_eq!(imported("let x = crate::api::call(my_crate::y);"), ["api"]);
}
