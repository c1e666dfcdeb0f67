//! Libraries and types that only one place may name (architecture §4), read from the code itself.

use super::source::{report, rust_files};

/// A word that may stand in code below some paths only.
struct Ban {
    word: &'static str,
    /// Where the ban looks.
    within: &'static [&'static str],
    /// Where the word may stand.
    only: &'static [&'static str],
    reason: &'static str,
}

const EVERYWHERE: &[&str] = &[""];

const BANS: [Ban; 11] = [
    Ban { word: "diesel", within: EVERYWHERE, only: &["server/src/store/"], reason: "only the store knows the database library" },
    Ban { word: "diesel_async", within: EVERYWHERE, only: &["server/src/store/"], reason: "only the store knows the database library" },
    Ban { word: "git2", within: EVERYWHERE, only: &["server/runner/src/git/"], reason: "only runner/git knows the git library" },
    Ban {
        word: "serenity",
        within: EVERYWHERE,
        only: &["discord-gateway/src/discord/"],
        reason: "only the adapter knows Discord's library",
    },
    Ban {
        word: "serde_yaml",
        within: EVERYWHERE,
        only: &["server/src/config/document.rs", "discord-gateway/src/config/", "cli/src/", "server/core/src/plan/"],
        reason: "YAML is read behind one module of each crate",
    },
    Ban { word: "TcpStream", within: &["server/core/"], only: &[], reason: "the core calls nobody" },
    Ban { word: "UnixStream", within: &["server/core/"], only: &[], reason: "the core calls nobody" },
    Ban { word: "tokio", within: &["server/core/"], only: &[], reason: "the core is pure" },
    Ban {
        word: "tonic",
        within: &["server/core/", "server/runner/"],
        only: &["server/runner/src/service/"],
        reason: "wire types stay at the edge",
    },
    Ban { word: "SystemTime", within: &["server/core/"], only: &[], reason: "the core is told the time" },
    Ban { word: "set_var", within: EVERYWHERE, only: &[], reason: "the environment is read, never written" },
];

/// Files that may choose a status code.
const STATUS_PLACES: [&str; 5] = ["server/src/api/status.rs", "server/src/grpc/", "cli/", "discord-gateway/", "server/examples/"];

/// F-040, architecture §4: each library has one home, and the core, which decides what runs, can reach nobody. Tests may use what they need.
#[test]
fn libraries_stay_in_their_place() {
    let mut offences = Vec::new();
    for file in rust_files().iter().filter(|file| !is_test(&file.path)) {
        for ban in &BANS {
            let looked_at = ban.within.iter().any(|prefix| file.path.starts_with(prefix));
            let allowed = ban.only.iter().any(|prefix| file.path.starts_with(prefix));
            if looked_at && !allowed {
                offences.extend(
                    file.word_lines(ban.word).iter().map(|line| format!("{}:{line}: names `{}`: {}", file.path, ban.word, ban.reason)),
                );
            }
        }
    }
    report("libraries stay in their place (architecture §4)", &offences);
}

/// Architecture §4: only `api/status.rs`, the transport and the clients name `tonic::Status`.
#[test]
fn status_codes_are_chosen_in_one_place() {
    let mut offences = Vec::new();
    for file in rust_files().iter().filter(|file| !is_test(&file.path) && !file.path.starts_with("proto/")) {
        if STATUS_PLACES.iter().any(|place| file.path.starts_with(place)) {
            continue;
        }
        for (index, line) in file.code.lines().enumerate() {
            let grouped = line.trim_start().starts_with("use tonic::{") && super::source::has_word(line, "Status");
            if line.contains("tonic::Status") || line.contains("tonic::Code") || grouped {
                offences.push(format!("{}:{}: names a status; map errors in server/src/api/status.rs", file.path, index + 1));
            }
        }
    }
    report("status codes are chosen in one place (architecture §4)", &offences);
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}
