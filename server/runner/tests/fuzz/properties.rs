//! What holds whatever is read: what a program prints, the kept state of a reader, a spool, a text with secrets. Each takes any bytes, from the mutants beside it,
//! from the corpora or from a fuzzer.
//!
//! How the bytes are made is not here.

#[path = "../runtimes/start.rs"]
mod start;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use aq_core::profile::RuntimeProfile;
use aq_core::runner_link::StartRun;
use aq_core::runtime::RuntimeKind;
use aq_runner::redact::{REDACTED, Redactor, StreamRedactor};
use aq_runner::runtimes::{ExitFacts, Normalizer, runtime};
use aq_runner::spool::{RawKind, RawLine, Reader, Writer};

use self::start::order;

/// The order to start a run of a runtime, with a program for those that need one.
pub(crate) fn start(kind: RuntimeKind) -> StartRun {
    let profile = RuntimeProfile { command: vec!["/bin/agent".to_owned()], ..RuntimeProfile::default() };
    StartRun { profile, ..start::start(kind) }
}

pub(crate) fn fresh(start: &StartRun) -> Box<dyn Normalizer> {
    runtime(start.runtime).normalizer(&order(start, false, false))
}

pub(crate) fn raw(bytes: &[u8], number: usize) -> RawLine {
    let kind = match number % 17 {
        5 => RawKind::Stderr,
        11 => RawKind::Gap,
        _ => RawKind::Stdout,
    };
    let bytes = if kind == RawKind::Gap { Vec::new() } else { bytes.to_vec() };
    RawLine { kind, bytes, truncated: number % 13 == 7, dropped: 0, at_ms: 1_795_195_800_000, offset_after: 0 }
}

/// Runtimes R1, R2, F-097: the output of a program is read line by line to some outcome. In the middle the normaliser is restored from its state, which must change nothing.
pub(crate) fn output(start: &StartRun, input: &[u8]) {
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

/// Runtimes R2: a state that was damaged on disk is refused or taken, and what goes on from it does not panic.
pub(crate) fn state(kind: RuntimeKind, bytes: &[u8], lines: &[u8]) {
    let Ok(state) = serde_json::from_slice(bytes) else { return };
    let Some(mut normalizer) = runtime(kind).restore(&state) else { return };
    for line in lines.split(|byte| *byte == b'\n').take(5) {
        drop(normalizer.line(&raw(line, 0)));
    }
    drop(normalizer.end(&ExitFacts::default()));
}

/// A spool of sixty lines in a home of its own, in memory where the machine has some, and every line of it.
struct Spool {
    home: tempfile::TempDir,
    chunk: PathBuf,
    written: BTreeSet<Vec<u8>>,
}

static SPOOL: LazyLock<Spool> = LazyLock::new(|| {
    let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let folder = home.path().join("spool");
    let mut writer = Writer::create(&folder, u64::MAX).unwrap();
    for number in 0..60 {
        let kind = if number % 3 == 0 { RawKind::Stderr } else { RawKind::Stdout };
        writer.line(kind, format!("line {number} {}", "x".repeat(number * 3)).as_bytes(), 0, 5);
    }
    writer.finish(6);
    drop(writer);
    std::fs::write(home.path().join("exit.json"), "{}").unwrap();
    let written: BTreeSet<Vec<u8>> = read(home.path()).into_iter().map(|line| line.bytes).collect();
    assert_eq!(written.len(), 60);
    Spool { chunk: folder.join("00000.log"), home, written }
});

fn read(folder: &Path) -> Vec<RawLine> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut reader = Reader::open(folder, 0).unwrap();
        let mut all = Vec::new();
        loop {
            let batch = reader.next_batch(64).await.unwrap();
            if batch.is_empty() {
                return all;
            }
            all.extend(batch);
            assert!(all.len() < 10_000, "the reader goes round in circles");
        }
    })
}

/// What the one chunk of a sound spool holds.
pub(crate) fn sound_spool() -> Vec<u8> {
    std::fs::read(&SPOOL.chunk).unwrap()
}

/// Spool R7: a damaged spool is read to its end. (That nothing is made up cannot be asked here: a fuzzer learns to make the checksum of what it wrote.)
pub(crate) fn spool(bytes: &[u8]) -> Vec<RawLine> {
    std::fs::write(&SPOOL.chunk, bytes).unwrap();
    read(SPOOL.home.path())
}

/// True for a line that the sound spool has, and for a gap.
pub(crate) fn was_written(line: &RawLine) -> bool {
    SPOOL.written.contains(&line.bytes) || line.kind == RawKind::Gap
}

/// The secret that a text may hold.
pub(crate) const SECRET: &str = "Kanarie/+4f7d ü9c2b";

static REDACTOR: LazyLock<Arc<Redactor>> = LazyLock::new(|| Arc::new(Redactor::new(&[SECRET]).unwrap()));

/// Redact R1, R3, R4: the secret is never shown, redacting again changes nothing, and a text in pieces is redacted as the whole. The first byte says how long the pieces
/// are; longer texts than 4,000 bytes are cut, because a longer token is none.
pub(crate) fn secrets(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes.get(..4000).unwrap_or(bytes));
    let whole = REDACTOR.redact(&text);
    assert!(!whole.contains(SECRET), "{text:?}: {whole:?}");
    assert_eq!(REDACTOR.redact(&whole), whole, "{text:?}");
    assert!(whole == text || whole.contains(REDACTED), "{text:?}: {whole:?}");
    let mut stream = StreamRedactor::new(Arc::clone(&REDACTOR));
    let mut shown = String::new();
    let letters: Vec<char> = text.chars().collect();
    for piece in letters.chunks(usize::from(*size) + 1) {
        shown.push_str(&stream.push(&piece.iter().collect::<String>()));
    }
    shown.push_str(&stream.finish());
    assert_eq!(shown, whole, "{text:?} in pieces of {}", usize::from(*size) + 1);
}

/// One of the runtimes, by a byte.
pub(crate) fn kind(byte: u8) -> RuntimeKind {
    RuntimeKind::ALL[usize::from(byte) % RuntimeKind::ALL.len()]
}
