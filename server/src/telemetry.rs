//! Sets up logging, once, before anything else runs: to the standard error stream and to a file in the data directory.
//!
//! What may be logged is a rule for the callers (telemetry R4): secrets never, texts of agents never above `debug`.
//!
//! Spec: specs/server/telemetry.md

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::sections::{LogFormat, Logging};

/// Size at which the log file is set aside, in bytes (telemetry R3).
pub const ROTATE_BYTES: u64 = 64 * 1024 * 1024;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The directives do not parse; a checked configuration cannot cause this.
    #[error("log directives `{0}` are not understood; write for example `info`")]
    Filter(String),
    /// The log file cannot be opened.
    #[error("cannot open the log file {}: {source}; make its directory writable or set logging.file to false", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Logging was set up before in this process.
    #[error("logging is already set up")]
    AlreadySet,
}

/// Sets up logging for the whole process. `home` is the data directory; the file is `<home>/logs/aqd.log`.
///
/// # Errors
/// [`TelemetryError`] when the directives do not parse, the file cannot be opened, or logging is already set up.
pub fn init(logging: &Logging, home: &Path) -> Result<(), TelemetryError> {
    let file = if logging.file { Some(LogFile::open(&home.join("logs").join("aqd.log"), ROTATE_BYTES)?) } else { None };
    let filter = filter(&logging.filter)?;
    // `aqctl server start` sends the standard streams into the log file, for what is said before or outside of logging; a line belongs there once.
    let to_stderr = !file.as_ref().is_some_and(|file| file.is_also(io::stderr()));
    let layers = Registry::default()
        .with(filter)
        .with(to_stderr.then(|| lines(logging.format, io::stderr)))
        .with(file.map(|file| lines(logging.format, file)));
    layers.try_init().map_err(|_| TelemetryError::AlreadySet)
}

/// What is logged. The library that carries tools to assistants tells every message at `info`, which is heard only by who asks for it (telemetry R6):
/// of two directives for one target the later counts.
fn filter(directives: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(format!("rmcp=warn,{directives}")).map_err(|_| TelemetryError::Filter(directives.to_owned()))
}

/// Lines in the wanted format; never with colour codes, because a log outlives the terminal.
fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_ansi(false).with_writer(writer);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

/// A log file that is set aside as `<name>.1` when it gets large. One writer at a time; a line is never split over two files.
#[derive(Clone, Debug)]
pub struct LogFile {
    inner: Arc<Mutex<OpenLog>>,
}

#[derive(Debug)]
struct OpenLog {
    path: PathBuf,
    file: File,
    written: u64,
    limit: u64,
}

impl LogFile {
    /// Opens the file for appending, mode 0600, and makes its directory, mode 0700. `limit` is the size in bytes at which it is set aside.
    ///
    /// # Errors
    /// [`TelemetryError::File`] when directory or file cannot be made.
    pub fn open(path: &Path, limit: u64) -> Result<Self, TelemetryError> {
        let failed = |source| TelemetryError::File { path: path.to_path_buf(), source };
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(failed)?;
        }
        let file = append(path).map_err(failed)?;
        let written = file.metadata().map_err(failed)?.len();
        let open = OpenLog { path: path.to_path_buf(), file, written, limit };
        Ok(Self { inner: Arc::new(Mutex::new(open)) })
    }

    /// True when `stream` writes to this very file.
    fn is_also(&self, stream: impl AsFd) -> bool {
        let open = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match (rustix::fs::fstat(&open.file), rustix::fs::fstat(stream)) {
            (Ok(ours), Ok(theirs)) => (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino),
            _ => false,
        }
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

impl io::Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A thread that died while it held the lock leaves at worst a cut line behind.
        let mut open = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if open.written >= open.limit {
            open.set_aside();
        }
        open.file.write_all(line)?;
        open.written = open.written.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl OpenLog {
    /// Starts a new file. Where that fails, writing goes on in the old one: a log too large is better than none.
    fn set_aside(&mut self) {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        if std::fs::rename(&self.path, &aside).is_ok()
            && let Ok(file) = append(&self.path)
        {
            self.file = file;
        }
        self.written = 0;
    }
}

fn append(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().append(true).create(true).mode(0o600).open(path)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// telemetry R3: a full file is set aside once, no line is lost or split, and only the owner can read it.
    #[test]
    fn a_full_log_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/aqd.log");
        let mut log = LogFile::open(&path, 10).unwrap();
        for line in ["first line\n", "second\n", "third\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(folder.path().join("logs/aqd.log.1")).unwrap(), "first line\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second\nthird\n");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// telemetry R2: a stream that is sent into the log file is known, and no other.
    #[test]
    fn a_stream_into_the_file_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aqd.log");
        let log = LogFile::open(&path, 10).unwrap();
        assert!(log.is_also(append(&path).unwrap()));
        assert!(!log.is_also(append(&folder.path().join("other")).unwrap()));
    }

    /// telemetry R6: what a library says of each message is left out unless it is asked for; what it warns of is not.
    #[test]
    fn a_talkative_library_is_heard_on_request() {
        for (directives, heard) in [("info", 2), ("info,rmcp=info", 3), ("warn", 1), ("debug,rmcp=error", 1)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("aqd.log");
            let log = lines(LogFormat::Text, LogFile::open(&path, ROTATE_BYTES).unwrap());
            tracing::subscriber::with_default(Registry::default().with(filter(directives).unwrap()).with(log), || {
                tracing::info!(target: "rmcp::service", "input stream terminated");
                tracing::warn!(target: "rmcp::service", "a message cannot be read");
                tracing::info!("a tool was used");
            });
            assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), heard, "{directives}");
        }
        assert!(filter("a=b=c").is_err());
    }

    /// telemetry R1: JSON lines carry the fields of the event and of its span.
    #[test]
    fn json_lines_carry_fields_and_spans() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aqd.log");
        let layers = Registry::default().with(lines(LogFormat::Json, LogFile::open(&path, ROTATE_BYTES).unwrap()));
        tracing::subscriber::with_default(layers, || {
            let span = tracing::info_span!("request", request_id = "r-7");
            span.in_scope(|| tracing::info!(task = "calm-owl", run = 2, "run started"));
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "run started");
        assert_eq!(line["task"], "calm-owl");
        assert_eq!(line["span"]["request_id"], "r-7");
        assert!(!text.contains('\u{1b}'));
    }
}
