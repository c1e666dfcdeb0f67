//! Records of the audit log, and the two marks that its ends are checked against.
//!
//! What a record says and how it is hashed lives in `aq_core::audit`; when one is written, in `lifecycle` and `api`.
//!
//! Spec: specs/server/audit.md

use aq_core::audit::{Actor, Entry, Hash, Place, Record};
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::kept::changed;
use super::schema::{audit_log, audit_marks};

/// The mark of the newest record.
const NEWEST: &str = "newest";
/// The mark of the last record that was removed because of its age.
const CUT: &str = "cut";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_log, treat_none_as_default_value = false)]
struct Row {
    seq: i64,
    at: i64,
    key_id: String,
    key_name: String,
    role: String,
    kind: String,
    person: String,
    run: String,
    method: String,
    resources: String,
    project_id: String,
    choices: String,
    request_id: String,
    call_id: String,
    origin: String,
    code: String,
    note: String,
    previous_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl From<&Record> for Row {
    fn from(record: &Record) -> Self {
        let Record { seq, entry, previous, hash } = record.clone();
        let Actor { key_id, key_name, role, kind, person, run } = entry.actor;
        Self {
            seq: columns::big(seq),
            at: entry.at.as_millis(),
            key_id,
            key_name,
            role,
            kind,
            person,
            run,
            method: entry.method,
            resources: entry.resources.join("\n"),
            project_id: entry.project,
            choices: entry.choices.join("\n"),
            request_id: entry.request_id,
            call_id: entry.call_id,
            origin: entry.origin,
            code: entry.code,
            note: entry.note,
            previous_hash: previous.to_vec(),
            hash: hash.to_vec(),
        }
    }
}

/// The parts of a list that is stored as lines.
fn lines(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { text.split('\n').map(str::to_owned).collect() }
}

/// A stored hash. One of another length is none of ours; zeros stand for it, which no record has.
fn hash(bytes: &[u8]) -> Hash {
    bytes.try_into().unwrap_or_default()
}

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        let actor = Actor { key_id: row.key_id, key_name: row.key_name, role: row.role, kind: row.kind, person: row.person, run: row.run };
        let entry = Entry {
            at: Timestamp::from_millis(row.at),
            actor,
            method: row.method,
            resources: lines(&row.resources),
            project: row.project_id,
            choices: lines(&row.choices),
            request_id: row.request_id,
            call_id: row.call_id,
            origin: row.origin,
            code: row.code,
            note: row.note,
        };
        Self { seq: u64::try_from(row.seq).unwrap_or(0), entry, previous: hash(&row.previous_hash), hash: hash(&row.hash) }
    }
}

/// Which records are wanted; conditions of different fields must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Written at this instant or later.
    pub since: Option<Timestamp>,
    /// Written before this instant.
    pub until: Option<Timestamp>,
    /// Of this key.
    pub key_id: Option<String>,
    /// For this person.
    pub person: Option<String>,
    /// Of this call, by its path.
    pub methods: Vec<String>,
    /// About this project.
    pub project: Option<String>,
    /// Those that were refused only.
    pub refused: bool,
}

queries! {
    /// Adds a record and moves the mark of the newest. [`StoreError::Conflict`] when there is a row with its number, which none of ours wrote.
    pub fn insert(connection, record: &Record) -> Result<(), StoreError> {
        diesel::insert_into(audit_log::table).values(Row::from(record)).execute(connection)?;
        let place = (audit_marks::seq.eq(columns::big(record.seq)), audit_marks::hash.eq(record.hash.to_vec()));
        changed!(audit_marks, audit_marks::name.eq(NEWEST), place).execute(connection)?;
        Ok(())
    }

    /// Where the log ends, as the mark says; without a mark, as its last row says.
    pub fn newest(connection) -> Result<Place, StoreError> {
        let marked: Option<(i64, Vec<u8>)> =
            audit_marks::table.find(NEWEST).select((audit_marks::seq, audit_marks::hash)).get_result(connection).optional()?;
        let last: Option<(i64, Vec<u8>)> =
            audit_log::table.order(audit_log::seq.desc()).select((audit_log::seq, audit_log::hash)).first(connection).optional()?;
        let place = |(seq, bytes): (i64, Vec<u8>)| Place { seq: u64::try_from(seq).unwrap_or(0), hash: hash(&bytes) };
        Ok(marked.or(last).map(place).unwrap_or_default())
    }

    /// The number of the last row, whoever wrote it; 0 when there is none.
    pub fn last(connection) -> Result<u64, StoreError> {
        let last: Option<i64> = audit_log::table.select(diesel::dsl::max(audit_log::seq)).first(connection)?;
        Ok(last.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0))
    }

    /// The last record that was removed because of its age.
    pub fn cut(connection) -> Result<Place, StoreError> {
        let marked: Option<(i64, Vec<u8>)> =
            audit_marks::table.find(CUT).select((audit_marks::seq, audit_marks::hash)).get_result(connection).optional()?;
        Ok(marked.map(|(seq, bytes)| Place { seq: u64::try_from(seq).unwrap_or(0), hash: hash(&bytes) }).unwrap_or_default())
    }

    /// The records with a number above `seq`, oldest first, at most `limit`.
    pub fn after(connection, seq: u64, limit: i64) -> Result<Vec<Record>, StoreError> {
        let rows: Vec<Row> = audit_log::table
            .filter(audit_log::seq.gt(columns::big(seq)))
            .order(audit_log::seq)
            .limit(limit)
            .select(Row::as_select())
            .load(connection)?;
        Ok(rows.into_iter().map(Record::from).collect())
    }

    /// The newest records that a query lets through, with a number below `before` where given, newest first, at most `limit`.
    pub fn page(connection, query: &AuditQuery, before: Option<u64>, limit: i64) -> Result<Vec<Record>, StoreError> {
        let mut rows = audit_log::table.order(audit_log::seq.desc()).limit(limit).select(Row::as_select()).into_boxed();
        if let Some(before) = before {
            rows = rows.filter(audit_log::seq.lt(columns::big(before)));
        }
        if let Some(since) = query.since {
            rows = rows.filter(audit_log::at.ge(since.as_millis()));
        }
        if let Some(until) = query.until {
            rows = rows.filter(audit_log::at.lt(until.as_millis()));
        }
        if let Some(key) = &query.key_id {
            rows = rows.filter(audit_log::key_id.eq(key));
        }
        if let Some(person) = &query.person {
            rows = rows.filter(audit_log::person.eq(person));
        }
        if !query.methods.is_empty() {
            rows = rows.filter(audit_log::method.eq_any(&query.methods));
        }
        if let Some(project) = &query.project {
            rows = rows.filter(audit_log::project_id.eq(project));
        }
        if query.refused {
            rows = rows.filter(audit_log::code.ne("OK"));
        }
        let rows: Vec<Row> = rows.load(connection)?;
        Ok(rows.into_iter().map(Record::from).collect())
    }

    /// Removes records older than `before`, from the oldest on, at most `limit` and never the newest, and keeps the place of the last one that went.
    /// Returns how many. Stops at the first record that is young enough.
    pub fn remove_some_before(connection, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
        let newest: Option<i64> = audit_log::table.select(diesel::dsl::max(audit_log::seq)).first(connection)?;
        let oldest: Vec<(i64, i64, Vec<u8>)> = audit_log::table
            .order(audit_log::seq)
            .limit(limit)
            .select((audit_log::seq, audit_log::at, audit_log::hash))
            .load(connection)?;
        let old = oldest.into_iter().take_while(|(seq, at, _)| *at < before.as_millis() && Some(*seq) != newest).last();
        let Some((last, _, hash)) = old else { return Ok(0) };
        diesel::update(audit_marks::table.find(CUT)).set((audit_marks::seq.eq(last), audit_marks::hash.eq(hash))).execute(connection)?;
        Ok(diesel::delete(audit_log::table.filter(audit_log::seq.le(last))).execute(connection)?)
    }
}
