//! Section `retention`: how long things are kept, and how much room they may take.
//!
//! Keys: `output_days`, `output_bytes`, `run_output_bytes`, `events_days`, `audit_days`, `workspace_days`,
//! `workspaces_bytes`, `rescue_refs_days`, `backups`, `disk_reserve_bytes`.

use serde::Serialize;

use crate::config::reader::Reader;

/// A gibibyte.
const GIB: u64 = 1024 * 1024 * 1024;
/// A century, the longest time anything is kept, in days.
const CENTURY_DAYS: u64 = 36_525;

/// How long things are kept and how much room they may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Days that the output of finished runs is kept.
    pub output_days: u64,
    /// Bytes that all run output together may take; the oldest finished output goes first.
    pub output_bytes: u64,
    /// Bytes of output kept of one run; the middle is dropped and said so, the run goes on.
    pub run_output_bytes: u64,
    /// Days that events are kept.
    pub events_days: u64,
    /// Days that records of the audit log are kept.
    pub audit_days: u64,
    /// Days that the run directory of a finished task is kept.
    pub workspace_days: u64,
    /// Bytes that all run directories together may take before no new task starts.
    pub workspaces_bytes: u64,
    /// Days that rescue refs are kept.
    pub rescue_refs_days: u64,
    /// How many database backups are kept.
    pub backups: u64,
    /// Free bytes on the disk below which no new task starts; running ones go on.
    pub disk_reserve_bytes: u64,
}

impl Retention {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let days = 1..=CENTURY_DAYS;
        let bytes = 1024 * 1024..=i64::MAX.unsigned_abs();
        let read = Self {
            output_days: reader.count("output_days", days.clone(), 30),
            output_bytes: reader.count("output_bytes", bytes.clone(), 20 * GIB),
            run_output_bytes: reader.count("run_output_bytes", bytes.clone(), GIB),
            events_days: reader.count("events_days", days.clone(), 90),
            audit_days: reader.count("audit_days", days.clone(), 730),
            workspace_days: reader.count("workspace_days", 0..=CENTURY_DAYS, 7),
            workspaces_bytes: reader.count("workspaces_bytes", bytes, 200 * GIB),
            rescue_refs_days: reader.count("rescue_refs_days", days, 90),
            backups: reader.count("backups", 1..=1000, 7),
            disk_reserve_bytes: reader.count("disk_reserve_bytes", 0..=i64::MAX.unsigned_abs(), GIB),
        };
        if read.run_output_bytes > read.output_bytes {
            reader.error("run_output_bytes", "is more than output_bytes allows for all runs together", None);
        }
        reader.finish();
        read
    }
}
