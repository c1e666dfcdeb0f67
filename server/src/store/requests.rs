//! Answers that were given, so that a repeated call gets the same one and has no second effect.
//!
//! Which calls are recorded and how a fingerprint is made live in `api`.

use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::dialect::queries;
use super::error::StoreError;
use super::schema::requests;

/// A recorded answer.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = requests)]
pub struct RecordedRequest {
    /// The full name of the method.
    pub method: String,
    /// What the request said, as a hash: the same id with another request is a mistake of the caller.
    pub fingerprint: String,
    /// The answer as it was sent.
    pub response: Vec<u8>,
}

queries! {
    /// What was answered to this request of this principal; `None` when it is new.
    pub fn lookup(connection, principal: &str, request_id: &str) -> Result<Option<RecordedRequest>, StoreError> {
        Ok(requests::table.find((principal, request_id)).select(RecordedRequest::as_select()).get_result(connection).optional()?)
    }

    /// Records an answer, in the transaction that has its effect. [`StoreError::Conflict`] when the request was answered meanwhile.
    pub fn insert(connection, principal: &str, request_id: &str, answer: &RecordedRequest, now: Timestamp) -> Result<(), StoreError> {
        diesel::insert_into(requests::table)
            .values((
                requests::principal.eq(principal),
                requests::request_id.eq(request_id),
                requests::method.eq(&answer.method),
                requests::fingerprint.eq(&answer.fingerprint),
                requests::response.eq(&answer.response),
                requests::created_at.eq(now.as_millis()),
            ))
            .execute(connection)?;
        Ok(())
    }

    /// Removes what was recorded before `before`. Returns how many.
    pub fn remove_before(connection, before: Timestamp) -> Result<usize, StoreError> {
        Ok(diesel::delete(requests::table.filter(requests::created_at.lt(before.as_millis()))).execute(connection)?)
    }
}
