//! Durable readers of the events: how far each has come, and who reads for it now.
//!
//! Sending the events lives in `events` and `grpc`.

use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::consumers;

/// A durable reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// It is done with every event up to this number.
    pub acknowledged: u64,
    /// Names the stream that reads for it; empty before the first.
    pub holder: String,
    /// Until when the stream counts as alive without a word from it.
    pub lease_until: Timestamp,
    /// When anything of this changed.
    pub updated_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = consumers)]
struct Row {
    name: String,
    acknowledged_seq: i64,
    holder: String,
    lease_until: i64,
    updated_at: i64,
}

impl TryFrom<Row> for Consumer {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.name,
            acknowledged: columns::count("consumers.acknowledged_seq", row.acknowledged_seq)?,
            holder: row.holder,
            lease_until: Timestamp::from_millis(row.lease_until),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

queries! {
    /// The reader of this name; `None` when it never read.
    pub fn get(connection, name: &str) -> Result<Option<Consumer>, StoreError> {
        let row: Option<Row> = consumers::table.find(name).select(Row::as_select()).get_result(connection).optional()?;
        row.map(Consumer::try_from).transpose()
    }

    /// Every reader, by name.
    pub fn all(connection) -> Result<Vec<Consumer>, StoreError> {
        let rows: Vec<Row> = consumers::table.order(consumers::name).select(Row::as_select()).load(connection)?;
        rows.into_iter().map(Consumer::try_from).collect()
    }

    /// Gives the lease of a reader to `holder` until `until`, whoever had it; a new reader begins behind `start`. Returns where it stands.
    pub fn take_lease(connection, name: &str, holder: &str, until: Timestamp, start: u64, now: Timestamp) -> Result<Consumer, StoreError> {
        let lease = (
            consumers::holder.eq(holder),
            consumers::lease_until.eq(until.as_millis()),
            consumers::updated_at.eq(now.as_millis()),
        );
        diesel::insert_into(consumers::table)
            .values((consumers::name.eq(name), consumers::acknowledged_seq.eq(columns::big(start)), lease))
            .on_conflict(consumers::name)
            .do_update()
            .set(lease)
            .execute(connection)?;
        let row: Row = consumers::table.find(name).select(Row::as_select()).get_result(connection)?;
        row.try_into()
    }

    /// Keeps the lease of `holder` until `until`; false when another stream took it over.
    pub fn keep_lease(connection, name: &str, holder: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let held = consumers::table.filter(consumers::name.eq(name).and(consumers::holder.eq(holder)));
        let changed = diesel::update(held)
            .set((consumers::lease_until.eq(until.as_millis()), consumers::updated_at.eq(now.as_millis())))
            .execute(connection)?;
        Ok(changed == 1)
    }

    /// Records that `holder` is done with every event up to `seq`; a smaller number than before changes nothing. Returns where the reader
    /// stands, or `None` when another stream took the lease over.
    pub fn acknowledge(connection, name: &str, holder: &str, seq: u64, now: Timestamp) -> Result<Option<Consumer>, StoreError> {
        let held = consumers::name.eq(name).and(consumers::holder.eq(holder));
        diesel::update(consumers::table.filter(held.and(consumers::acknowledged_seq.lt(columns::big(seq)))))
            .set((consumers::acknowledged_seq.eq(columns::big(seq)), consumers::updated_at.eq(now.as_millis())))
            .execute(connection)?;
        let row: Option<Row> = consumers::table.filter(held).select(Row::as_select()).first(connection).optional()?;
        row.map(Consumer::try_from).transpose()
    }

    /// Forgets a reader; false when there was none.
    pub fn remove(connection, name: &str) -> Result<bool, StoreError> {
        Ok(diesel::delete(consumers::table.find(name)).execute(connection)? == 1)
    }
}
