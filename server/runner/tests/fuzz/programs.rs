//! Lines that no sane program prints, for each runtime.

use std::path::Path;

use aq_core::ids::{AgentId, ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::profile::RuntimeProfile;
use aq_core::runner_link::{RunLimits, SessionOrder, StartRun, WorkspaceOrder, WorkspaceSource};
use aq_core::runtime::RuntimeKind;
use aq_runner::runtimes::{ExitFacts, LaunchOrder, Normalizer, runtime};
use aq_runner::spool::{RawKind, RawLine};

use crate::mutate::{mutants, tell};

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

fn start(kind: RuntimeKind) -> StartRun {
    StartRun {
        run: RunRef { task: TaskId::parse("swift-fox").unwrap(), number: 1 },
        epoch: 1,
        project: ProjectId::parse("shop").unwrap(),
        agent: AgentId::parse("worker").unwrap(),
        runtime: kind,
        workspace: WorkspaceOrder {
            id: WorkspaceId::parse("ws-00000001").unwrap(),
            source: WorkspaceSource::Init { path: "/work/shop".to_owned() },
            default_branch: "main".to_owned(),
            branch: "swift-fox/x".to_owned(),
        },
        title: "A title".to_owned(),
        prompt: "Do it".to_owned(),
        afresh: false,
        session: SessionOrder::Fresh { session_id: "5e551011-0000-4000-8000-000000000001".to_owned() },
        profile: RuntimeProfile { command: vec!["/bin/agent".to_owned()], ..RuntimeProfile::default() },
        limits: RunLimits { wall_ms: 1000, silence_ms: 1000, output_bytes: 1000, processes: 0, grace_ms: 10 },
        secrets: Vec::new(),
    }
}

fn fresh(start: &StartRun) -> Box<dyn Normalizer> {
    runtime(start.runtime).normalizer(&LaunchOrder {
        start,
        session: &start.session,
        launch: 0,
        home: Path::new("/home/of/task"),
        directory: Path::new("/work/shop"),
        ourselves: Path::new("/bin/aqd"),
        bridge: None,
        is_root: false,
        root_bypass: false,
        contained: true,
        zone: "UTC",
        background_wait_ms: 9000,
    })
}

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

fn raw(bytes: &[u8], number: usize) -> RawLine {
    let kind = match number % 17 {
        5 => RawKind::Stderr,
        11 => RawKind::Gap,
        _ => RawKind::Stdout,
    };
    let bytes = if kind == RawKind::Gap { Vec::new() } else { bytes.to_vec() };
    RawLine { kind, bytes, truncated: number % 13 == 7, dropped: 0, at_ms: 1_795_195_800_000, offset_after: 0 }
}

/// Plays an input line by line. In the middle the normaliser is restored from its state, which must change nothing.
fn play(start: &StartRun, input: &[u8]) {
    let (mut whole, mut cut) = (fresh(start), fresh(start));
    let lines: Vec<_> = input.split(|byte| *byte == b'\n').collect();
    for (number, line) in lines.iter().enumerate() {
        if number == lines.len() / 2 {
            let state = cut.state().to_string();
            cut = runtime(start.runtime).restore(&serde_json::from_str(&state).unwrap()).unwrap();
        }
        let line = raw(line, number);
        let (one, other) = (whole.line(&line), cut.line(&line));
        assert_eq!(one, other, "{:?} restored before line {}: {:?}", start.runtime, lines.len() / 2, String::from_utf8_lossy(input));
        for frame in &one.frames {
            assert!(frame.bytes.ends_with(b"\n"), "{frame:?}");
        }
        assert_eq!(whole.wishes(), cut.wishes());
    }
    let exit = ExitFacts { exit_code: Some(0), ..ExitFacts::default() };
    assert_eq!(whole.end(&exit), cut.end(&exit), "{:?}: {:?}", start.runtime, String::from_utf8_lossy(input));
}

/// Runtimes R1, R2, F-097: whatever a program prints, reading it does not panic, a restart in the middle changes nothing, and the end is some outcome.
#[test]
fn output_of_any_shape_is_read() {
    for kind in RuntimeKind::ALL {
        let (start, seeds) = (start(kind), seeds(kind));
        for input in mutants(&seeds, &SPICES, 400) {
            play(&start, &input);
        }
    }
    tell("output of any shape", 400 * RuntimeKind::ALL.len() as u64);
}

/// Runtimes R2: a state that was damaged on disk is refused or taken, and what goes on from it does not panic.
#[test]
fn states_of_any_shape_are_read() {
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
        for bytes in mutants(&states, &SPICES, 300) {
            let Ok(state) = serde_json::from_slice(&bytes) else { continue };
            let Some(mut normalizer) = runtime(kind).restore(&state) else { continue };
            for line in recordings[0].split(|byte| *byte == b'\n').take(5) {
                drop(normalizer.line(&raw(line, 0)));
            }
            drop(normalizer.end(&ExitFacts::default()));
        }
    }
    tell("states of any shape", 300 * RuntimeKind::ALL.len() as u64);
}
