//! Runtime values that survive a restart: the global pause, the epoch of the server.

use diesel::prelude::*;

use super::dialect::queries;
use super::error::StoreError;
use super::schema::settings;

queries! {
    /// The value of a setting; `None` when it was never set.
    pub fn get(connection, name: &str) -> Result<Option<String>, StoreError> {
        Ok(settings::table.find(name).select(settings::value).first(connection).optional()?)
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
}
