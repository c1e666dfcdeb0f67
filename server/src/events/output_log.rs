//! The output of runs on disk: one append-only file per run, made of checked records, read by sequence number.
//!
//! A record is its length, its CRC-32 and the encoded item, so that a torn tail after a power cut is recognised and cut off. Items are written
//! when the runner reports them and synchronised by [`OutputLog::sync`]; the runner keeps its raw spool until then.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aq_core::ids::RunRef;
use aq_core::output::OutputItem;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use tokio::sync::Notify;

use super::output_records::{self, Records};
use super::wire;

/// Bytes read at once when a file is read through.
const SCANNED: usize = 256 * 1024;

/// Bytes read at once for a page; a few may do for it.
const PAGED: usize = 64 * 1024;

/// Files kept open at most, but for those in use or not yet synchronised: reading old output must not use up the descriptors.
const MAX_OPEN: usize = 256;

/// Every this many items the offset is remembered, so that reading from the middle does not start at the front.
const MARK_EVERY: u64 = 64;

/// A failure of the output log.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file system refused; the runner keeps the items and reports them again.
    #[error("output of {run} cannot be {what}: {source}")]
    Io {
        /// The run.
        run: RunRef,
        /// `written` or `read`.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Items were skipped: the report does not follow on what is stored.
    #[error("output of {run} goes on at item {found}, but item {expected} is missing")]
    Hole {
        /// The run.
        run: RunRef,
        /// The next number.
        expected: u64,
        /// The number that came.
        found: u64,
    },
}

/// One run's file.
struct Segment {
    file: File,
    /// Bytes that hold whole records.
    length: u64,
    /// Number of the last item.
    last: u64,
    /// (number of an item, offset of its record), ascending.
    marks: Vec<(u64, u64)>,
    dirty: bool,
}

/// A file being opened, or open. Opening reads it through, which takes a while for a long one and holds up nobody but those who want this file.
#[derive(Default)]
struct Entry {
    opening: Mutex<()>,
    /// Unset while there is no file.
    segment: OnceLock<Arc<Mutex<Segment>>>,
}

/// A file that is kept open.
struct OpenFile {
    entry: Arc<Entry>,
    /// Grows with every use of any file: the least is the longest unused.
    used: u64,
}

#[derive(Default)]
struct OpenFiles {
    files: HashMap<RunRef, OpenFile>,
    uses: u64,
}

/// The files of all runs; cheap to clone. Calls block on the disk and belong on blocking threads, except appends of small batches.
#[derive(Clone)]
pub struct OutputLog {
    folder: PathBuf,
    open: Arc<Mutex<OpenFiles>>,
    /// Something waits to be made durable.
    appended: Arc<Notify>,
}

impl OutputLog {
    /// The log below `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), open: Arc::default(), appended: Arc::default() })
    }

    fn path(&self, run: &RunRef) -> PathBuf {
        self.folder.join(format!("{}.out", run.folder()))
    }

    /// The file of a run; `None` when there is none and none is to be made. A run that says nothing leaves no file.
    fn segment(&self, run: &RunRef, make: bool) -> Result<Option<Arc<Mutex<Segment>>>, OutputError> {
        let entry = self.entry(run);
        if let Some(segment) = entry.segment.get() {
            return Ok(Some(Arc::clone(segment)));
        }
        let _alone = entry.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = entry.segment.get() {
            return Ok(Some(Arc::clone(segment)));
        }
        let opened = Segment::open(&self.path(run), make).map_err(|source| OutputError::Io { run: run.clone(), what: "read", source })?;
        Ok(opened.map(|segment| Arc::clone(entry.segment.get_or_init(|| Arc::new(Mutex::new(segment))))))
    }

    /// The place of a run's file among those that are open.
    fn entry(&self, run: &RunRef) -> Arc<Entry> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.uses += 1;
        let now = open.uses;
        if let Some(file) = open.files.get_mut(run) {
            file.used = now;
            return Arc::clone(&file.entry);
        }
        if open.files.len() >= MAX_OPEN {
            open.close_one();
        }
        let entry = Arc::<Entry>::default();
        open.files.insert(run.clone(), OpenFile { entry: Arc::clone(&entry), used: now });
        entry
    }

    /// Number of the last stored item of `run`; 0 when there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_seq(&self, run: &RunRef) -> Result<u64, OutputError> {
        Ok(self.segment(run, false)?.map_or(0, |segment| lock(&segment).last))
    }

    /// Bytes stored of `run`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bytes(&self, run: &RunRef) -> Result<u64, OutputError> {
        Ok(self.segment(run, false)?.map_or(0, |segment| lock(&segment).length))
    }

    /// Appends items. Those that are stored already are skipped, so a report may be repeated. Returns what was new, in its wire form.
    ///
    /// # Errors
    /// [`OutputError::Hole`] when items are missing before the first new one; [`OutputError::Io`] when the disk refuses, in which case
    /// nothing of the batch counts as stored.
    pub fn append(&self, run: &RunRef, items: &[OutputItem]) -> Result<Vec<Arc<pb::OutputItem>>, OutputError> {
        let Some(segment) = self.segment(run, true)? else { return Ok(Vec::new()) };
        let mut segment = lock(&segment);
        let mut buffer = Vec::new();
        let mut new = Vec::new();
        let mut marks = Vec::new();
        let mut last = segment.last;
        for item in items.iter().filter(|item| item.seq > segment.last) {
            if item.seq != last + 1 {
                return Err(OutputError::Hole { run: run.clone(), expected: last + 1, found: item.seq });
            }
            last = item.seq;
            if last % MARK_EVERY == 1 {
                marks.push((last, segment.length + buffer.len() as u64));
            }
            let item = wire::item(item);
            output_records::encode(&item, &mut buffer);
            new.push(Arc::new(item));
        }
        if !buffer.is_empty() {
            let at = segment.length;
            segment.file.write_all_at(&buffer, at).map_err(|source| OutputError::Io { run: run.clone(), what: "written", source })?;
            segment.length += buffer.len() as u64;
            segment.last = last;
            segment.marks.extend(marks);
            if !std::mem::replace(&mut segment.dirty, true) {
                self.appended.notify_one();
            }
        }
        Ok(new)
    }

    /// The stored items after `after`: at most `limit`, and no more than `bytes` of them but for the last one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, run: &RunRef, after: u64, limit: usize, bytes: u64) -> Result<Vec<Arc<pb::OutputItem>>, OutputError> {
        let fail = |source| OutputError::Io { run: run.clone(), what: "read", source };
        let Some(segment) = self.segment(run, false)? else { return Ok(Vec::new()) };
        let (file, from, length) = {
            let segment = lock(&segment);
            (segment.file.try_clone().map_err(fail)?, segment.before(after + 1), segment.length)
        };
        let mut records = Records::new(&file, from, length, PAGED);
        let (mut found, mut taken) = (Vec::new(), 0);
        while found.len() < limit && taken < bytes {
            let Some(record) = records.read().map_err(fail)? else { break };
            // Those in front of the first one wanted are only passed over.
            if record.seq().is_none_or(|seq| seq <= after) {
                continue;
            }
            let Some(item) = record.item() else { break };
            taken += record.next() - record.offset;
            found.push(Arc::new(item));
        }
        Ok(found)
    }

    /// True when nothing of this run waits to be made durable: closing it does not block on the disk.
    #[must_use]
    pub fn is_settled(&self, run: &RunRef) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.files
            .get(run)
            .and_then(|file| file.entry.segment.get())
            .is_none_or(|segment| segment.try_lock().is_ok_and(|segment| !segment.dirty))
    }

    /// Waits until something was appended since the last [`OutputLog::sync`], or could not be synchronised by it. For one waiter.
    pub async fn appended(&self) {
        self.appended.notified().await;
    }

    /// Makes everything that was appended durable. Returns the runs that could not be synchronised.
    pub fn sync(&self) -> Vec<(RunRef, io::Error)> {
        let segments: Vec<_> = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.files.iter().filter_map(|(run, file)| Some((run.clone(), Arc::clone(file.entry.segment.get()?)))).collect()
        };
        let failed: Vec<_> =
            segments.into_iter().filter_map(|(run, segment)| sync_segment(&segment).err().map(|error| (run, error))).collect();
        if !failed.is_empty() {
            self.appended.notify_one();
        }
        failed
    }

    /// Makes one run's items durable and closes its file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn close(&self, run: &RunRef) -> Result<(), OutputError> {
        let file = self.open.lock().unwrap_or_else(PoisonError::into_inner).files.remove(run);
        match file.as_ref().and_then(|file| file.entry.segment.get()) {
            Some(segment) => sync_segment(segment).map_err(|source| OutputError::Io { run: run.clone(), what: "written", source }),
            None => Ok(()),
        }
    }

    /// The runs that have stored output, with the bytes it takes and when it was last written to. Files of other names are left out.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn stored(&self) -> io::Result<Vec<(RunRef, u64, Timestamp)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let run = name.to_str().and_then(|name| name.strip_suffix(".out")).and_then(RunRef::from_folder);
            // A file that went in between is not there any more.
            let (Some(run), Ok(metadata)) = (run, entry.metadata()) else { continue };
            let written = metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000);
            found.push((run, metadata.len(), Timestamp::from_millis(written)));
        }
        Ok(found)
    }

    /// Removes the output of a run.
    ///
    /// # Errors
    /// When the file exists and cannot be removed.
    pub fn remove(&self, run: &RunRef) -> Result<(), OutputError> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).files.remove(run);
        match std::fs::remove_file(self.path(run)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(OutputError::Io { run: run.clone(), what: "removed", source }),
            _ => Ok(()),
        }
    }
}

impl OpenFiles {
    /// Closes the file that was unused for longest. One in use is shared, and one not yet synchronised would be forgotten: both stay.
    fn close_one(&mut self) {
        let idle = |file: &mut OpenFile| {
            let Some(segment) = Arc::get_mut(&mut file.entry)?.segment.get_mut() else { return Some(file.used) };
            let segment = Arc::get_mut(segment)?.get_mut().unwrap_or_else(PoisonError::into_inner);
            (!segment.dirty).then_some(file.used)
        };
        let oldest = self.files.iter_mut().filter_map(|(run, file)| Some((idle(file)?, run.clone()))).min_by_key(|(used, _)| *used);
        if let Some((_, run)) = oldest {
            self.files.remove(&run);
        }
    }
}

fn lock(segment: &Mutex<Segment>) -> std::sync::MutexGuard<'_, Segment> {
    segment.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Synchronises outside the lock, so that appends and readers go on meanwhile.
fn sync_segment(segment: &Mutex<Segment>) -> io::Result<()> {
    let file = {
        let mut segment = lock(segment);
        if !segment.dirty {
            return Ok(());
        }
        segment.dirty = false;
        segment.file.try_clone()?
    };
    file.sync_data().inspect_err(|_| lock(segment).dirty = true)
}

impl Segment {
    /// Opens a file, reads it through once and cuts off a torn tail. `None` when it is missing and not to be made.
    fn open(path: &Path, make: bool) -> io::Result<Option<Self>> {
        let mut file = match OpenOptions::new().read(true).write(true).create(make).truncate(false).mode(0o600).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !make => return Ok(None),
            opened => opened?,
        };
        let length = file.metadata()?.len();
        let mut segment = Self { file: file.try_clone()?, length: 0, last: 0, marks: Vec::new(), dirty: false };
        let mut records = Records::new(&file, 0, length, SCANNED);
        while let Some(record) = records.read()? {
            // A file system may fill a torn tail with zeros or with an older write; only what follows on counts.
            let seq = segment.last + 1;
            if record.seq() != Some(seq) {
                break;
            }
            if seq % MARK_EVERY == 1 {
                segment.marks.push((seq, record.offset));
            }
            segment.last = seq;
            segment.length = record.next();
        }
        if segment.length < length {
            tracing::warn!(path = %path.display(), kept = segment.length, dropped = length - segment.length, "cut a torn tail off stored output");
            file.set_len(segment.length)?;
            file.flush()?;
        }
        Ok(Some(segment))
    }

    /// Where to begin reading for an item: the nearest offset in front of it that is remembered.
    fn before(&self, seq: u64) -> u64 {
        let behind = self.marks.partition_point(|(marked, _)| *marked <= seq);
        behind.checked_sub(1).and_then(|at| self.marks.get(at)).map_or(0, |(_, offset)| *offset)
    }
}
