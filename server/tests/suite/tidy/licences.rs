//! What we build on: licences, banned packages and the direction between our own crates, read from cargo itself.
//!
//! The lists are those of `.deny.toml`, so that `cargo deny` and this test never disagree. Known vulnerabilities need the network
//! and are the business of `cargo deny check advisories`.

use std::process::Command;

use serde_json::Value;

use super::source::{report, root};

/// Style R9: every dependency has a licence we accept, and none is banned.
#[test]
fn dependencies_are_licensed_and_not_banned() {
    let policy = std::fs::read_to_string(root().join(".deny.toml")).unwrap();
    let allowed = listed(&policy, "allow = [");
    let banned = listed(&policy, "deny = [");
    assert!(allowed.len() > 3 && banned.len() > 3, "the lists of .deny.toml could not be read");
    let mut offences = Vec::new();
    for package in packages() {
        let name = format!("{} {}", text(&package, "name"), text(&package, "version"));
        if package["source"].is_null() {
            continue;
        }
        let licence = text(&package, "license").replace('/', " OR ");
        if !accepted(&licence, &allowed) {
            offences.push(format!("{name}: licence `{licence}` is not on the list of .deny.toml"));
        }
        if banned.contains(&text(&package, "name")) {
            offences.push(format!("{name}: is banned by .deny.toml"));
        }
        if !text(&package, "source").contains("crates.io-index") {
            offences.push(format!("{name}: comes from {}, not from crates.io", text(&package, "source")));
        }
    }
    report("dependencies are licensed and not banned (style R9)", &offences);
}

/// F-040, architecture §4: what each of our crates may depend on. The core, where everything is decided, knows nothing that could call a model or anybody else.
#[test]
fn our_crates_depend_in_one_direction() {
    const ALLOWED: [(&str, &[&str]); 6] = [
        ("aq-proto", &[]),
        ("aq-core", &[]),
        ("aq-runner", &["aq-core", "aq-proto"]),
        ("aq-server", &["aq-proto", "aq-core", "aq-runner"]),
        ("aq-cli", &["aq-proto"]),
        ("aq-discord-gateway", &["aq-proto"]),
    ];
    const PURE: [&str; 12] =
        ["tokio", "tonic", "diesel", "diesel-async", "git2", "serenity", "rustix", "rand", "reqwest", "hyper-util", "hyper-rustls", "rmcp"];
    let mut offences = Vec::new();
    for package in packages().iter().filter(|package| package["source"].is_null()) {
        let name = text(package, "name");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            offences.push(format!("{name}: a crate the architecture does not know"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["kind"].is_null()) {
            let wanted = text(dependency, "name");
            if wanted.starts_with("aq-") && !allowed.contains(&wanted.as_str()) {
                offences.push(format!("{name}: depends on {wanted}"));
            }
            if name == "aq-core" && PURE.contains(&wanted.as_str()) {
                offences.push(format!("{name}: depends on {wanted}, but the core is pure"));
            }
        }
    }
    report("our crates depend in one direction (architecture §4)", &offences);
}

fn packages() -> Vec<Value> {
    // Only what this platform builds is certain to be on disk, and asking for more would need the network.
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", "x86_64-unknown-linux-gnu"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// The first quoted text of every line of a list in `.deny.toml`.
fn listed(policy: &str, start: &str) -> Vec<String> {
    let mut lines = policy.lines().map(str::trim).skip_while(|line| *line != start);
    lines.next();
    lines
        .take_while(|line| *line != "]")
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split('"').nth(1)?.to_owned()))
        .collect()
}

/// Whether an SPDX expression can be satisfied by the allowed licences.
fn accepted(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    !tokens.is_empty() && either(&tokens, &mut at, allowed) && at == tokens.len()
}

fn either(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut any = both(tokens, at, allowed);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        any |= both(tokens, at, allowed);
    }
    any
}

fn both(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut all = one(tokens, at, allowed);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        all &= one(tokens, at, allowed);
    }
    all
}

fn one(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(token) = tokens.get(*at) else { return false };
    *at += 1;
    if *token == "(" {
        let inner = either(tokens, at, allowed);
        *at += 1;
        return inner;
    }
    let mut name = (*token).to_owned();
    if tokens.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", tokens.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(&name)
}

/// Expressions are read with the precedence SPDX gives them.
#[test]
fn licence_expressions_are_evaluated() {
    let allowed = ["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned(), "Unicode-3.0".to_owned()];
    for (expression, fine) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0 OR Apache-2.0 WITH LLVM-exception", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("", false),
    ] {
        assert_eq!(accepted(expression, &allowed), fine, "{expression}");
    }
}
