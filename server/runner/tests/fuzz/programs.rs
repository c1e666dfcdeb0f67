//! Lines that no sane program prints, for each runtime, states that no sane disk holds, and texts with secrets.

use std::path::Path;

use aq_core::runtime::RuntimeKind;

use crate::mutate::{corpus, mutants, tell};
use crate::properties::{SECRET, fresh, kind, output, raw, secrets, start, state};

const SPICES: [&str; 18] = [
    "{",
    "}",
    "[",
    "\"",
    "\\u0000",
    "\\ud800",
    "null",
    "1e999",
    "-1",
    "18446744073709551616",
    "{\"a\":",
    "[[[[[[[[",
    "\n",
    "\n\n",
    ",",
    "\"type\":\"result\"",
    "\u{1b}[31m",
    "\u{202e}",
];

/// The recordings of a runtime; Claude's bear no prefix.
fn seeds(kind: RuntimeKind) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runtimes/recordings");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let others = ["acp_", "codex_", "gemini_", "opencode_"];
    let own = |name: &str| match kind {
        RuntimeKind::Claude => !others.iter().any(|prefix| name.starts_with(prefix)),
        RuntimeKind::Acp => name.starts_with("acp_"),
        RuntimeKind::Codex => name.starts_with("codex_"),
        RuntimeKind::Gemini => name.starts_with("gemini_"),
        RuntimeKind::OpenCode => name.starts_with("opencode_"),
        RuntimeKind::Command | RuntimeKind::Scripted => name.starts_with("opencode_work"),
    };
    let mine = files.iter().filter(|path| own(&path.file_name().unwrap().to_string_lossy()));
    mine.map(|path| std::fs::read(path).unwrap()).collect()
}

/// Runtimes R1, R2, F-097: whatever a program prints, reading it does not panic, a restart in the middle changes nothing, and the end is some outcome.
#[test]
fn output_of_any_shape_is_read() {
    for bytes in corpus("output") {
        output(&start(kind(bytes[0])), &bytes[1..]);
    }
    for kind in RuntimeKind::ALL {
        let (start, seeds) = (start(kind), seeds(kind));
        mutants(&seeds, &SPICES, 400).for_each(|input| output(&start, &input));
    }
    tell("output of any shape", 400 * RuntimeKind::ALL.len() as u64);
}

/// Runtimes R2: a state that was damaged on disk is refused or taken, and what goes on from it does not panic.
#[test]
fn states_of_any_shape_are_read() {
    for bytes in corpus("states") {
        let kind = kind(bytes[0]);
        state(kind, &bytes[1..], &seeds(kind)[0]);
    }
    for kind in RuntimeKind::ALL {
        let (start, recordings) = (start(kind), seeds(kind));
        let states: Vec<_> = recordings
            .iter()
            .map(|recording| {
                let mut normalizer = fresh(&start);
                for (number, line) in recording.split(|byte| *byte == b'\n').enumerate() {
                    drop(normalizer.line(&raw(line, number)));
                }
                normalizer.state().to_string().into_bytes()
            })
            .collect();
        mutants(&states, &SPICES, 300).for_each(|bytes| state(kind, &bytes, &recordings[0]));
    }
    tell("states of any shape", 300 * RuntimeKind::ALL.len() as u64);
}

/// Redact R1, R3, R4: whatever stands around a secret, and in whatever pieces it comes.
#[test]
fn secrets_of_any_shape_are_redacted() {
    corpus("secrets").iter().for_each(|bytes| secrets(bytes));
    let texts = [
        format!("\u{7}the key is {SECRET}, and sk-ant-api03-AbCdEfGhIjKlMnOp-_xyz is another\n"),
        format!("\u{1}{{\"k\":\"{SECRET}\",\"t\":\"Bearer abcdef0123456789abcdef\"}} ghp_0123456789abcdefghijABCDEFGHIJ012345"),
        "\u{20}-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY----- AKIAIOSFODNN7EXAMPLE".to_owned(),
        "\u{3}?key=Kanarie%2F%2B4f7d%20%C3%BC9c2b&x S2FuYXJpZS8rNGY3ZCDDvDljMmI= 4b616e617269652f2b34663764".to_owned(),
    ];
    let spices = [
        SECRET,
        "Kanarie",
        "/+4f7d",
        "\\u00fc",
        "%2F",
        "sk-ant-",
        "Bearer ",
        "eyJ",
        "-----BEGIN",
        "-----END",
        "_",
        "-",
        "\n",
        "\"",
        "[redacted]",
    ];
    mutants(&texts.map(String::into_bytes), &spices, 3_000).for_each(|bytes| secrets(&bytes));
    tell("secrets of any shape", 3_000);
}
