//! What a task has spent together with everything that came out of it.
//!
//! The shape of trees lives in `task_trees`.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::kept::kept;

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    tokens: i64,
}

queries! {
    /// Model tokens of all runs of the task `root` and of its descendants, open runs included.
    pub fn tokens(connection, root: i64) -> Result<u64, StoreError> {
        // The joins are crossed so that SQLite keeps their order: it would walk all runs otherwise.
        let sum = diesel::sql_query(
            "WITH RECURSIVE tree(key) AS (SELECT key FROM tasks WHERE key = $1 \
             UNION SELECT t.key FROM tree CROSS JOIN tasks t WHERE t.parent_key = tree.key) \
             SELECT CAST(COALESCE(SUM(r.tokens_input + r.tokens_output + r.tokens_cache_read + r.tokens_cache_write), 0) AS BIGINT) AS tokens \
             FROM tree CROSS JOIN runs r WHERE r.task_key = tree.key",
        )
        .bind::<BigInt, _>(root);
        let sum: Sum = kept!(sum).get_result(connection)?;
        columns::count("runs.tokens", sum.tokens)
    }
}
