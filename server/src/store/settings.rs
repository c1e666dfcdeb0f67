//! Runtime values that survive a restart: the global pause, the epoch of the server.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::settings;

queries! {
    /// The value of a setting; `None` when it was never set.
    pub fn get(connection, name: &str) -> Result<Option<String>, StoreError> {
        Ok(settings::table.find(name).select(settings::value).get_result(connection).optional()?)
    }

    /// Sets a setting.
    pub fn set(connection, name: &str, value: &str) -> Result<(), StoreError> {
        diesel::insert_into(settings::table)
            .values((settings::name.eq(name), settings::value.eq(value)))
            .on_conflict(settings::name)
            .do_update()
            .set(settings::value.eq(value))
            .execute(connection)?;
        Ok(())
    }

    /// Adds one to a counter and returns the new value; a counter that was never set begins at 1. One statement, so that two servers
    /// never get the same number.
    pub fn increment(connection, name: &str) -> Result<u64, StoreError> {
        let counted: Counted = diesel::sql_query(
            "INSERT INTO settings (name, value) VALUES ($1, '1') ON CONFLICT (name) DO UPDATE \
             SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT) RETURNING value",
        )
        .bind::<Text, _>(name)
        .get_result(connection)?;
        columns::read("settings.value", &counted.value, |text| text.parse().ok())
    }

    /// The value of a counter; 0 when it was never set.
    pub fn counter(connection, name: &str) -> Result<u64, StoreError> {
        let value: Option<String> = settings::table.find(name).select(settings::value).get_result(connection).optional()?;
        value.map_or(Ok(0), |value| columns::read("settings.value", &value, |text| text.parse().ok()))
    }

    /// Removes a setting; false when it was never set.
    pub fn unset(connection, name: &str) -> Result<bool, StoreError> {
        Ok(diesel::delete(settings::table.find(name)).execute(connection)? == 1)
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    value: String,
}
