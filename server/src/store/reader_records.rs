//! What durable readers of events remember for themselves: texts by key. The server does not look into them.

use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::dialect::queries;
use super::error::StoreError;
use super::schema::reader_records;

queries! {
    /// Keeps a record, in place of the one with the same key.
    pub fn keep(connection, reader: &str, key: &str, value: &str, now: Timestamp) -> Result<(), StoreError> {
        let content = (reader_records::value.eq(value), reader_records::updated_at.eq(now.as_millis()));
        diesel::insert_into(reader_records::table)
            .values((reader_records::reader.eq(reader), reader_records::key.eq(key), content))
            .on_conflict((reader_records::reader, reader_records::key))
            .do_update()
            .set(content)
            .execute(connection)?;
        Ok(())
    }

    /// Forgets a record; false when there was none.
    pub fn forget(connection, reader: &str, key: &str) -> Result<bool, StoreError> {
        Ok(diesel::delete(reader_records::table.find((reader, key))).execute(connection)? == 1)
    }

    /// Up to `limit` records whose key begins with `prefix`, ordered by key, behind the key `after`.
    pub fn page(connection, reader: &str, prefix: &str, after: &str, limit: i64) -> Result<Vec<(String, String)>, StoreError> {
        // Keys are ASCII, so that everything with the prefix lies between it and the prefix followed by the last character there is.
        let end = format!("{prefix}\u{7f}");
        Ok(reader_records::table
            .filter(reader_records::reader.eq(reader))
            .filter(reader_records::key.ge(prefix))
            .filter(reader_records::key.lt(end))
            .filter(reader_records::key.gt(after))
            .order(reader_records::key)
            .limit(limit)
            .select((reader_records::key, reader_records::value))
            .load(connection)?)
    }
}
