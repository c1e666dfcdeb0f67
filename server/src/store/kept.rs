//! Statements that are prepared once for each connection and kept: those that diesel prepares anew each time although their text never changes.
//!
//! It keeps what it can prove to be fixed: selects. Updates, texts of our own and rows that may leave a column to its default are built and
//! prepared again with every call, which costs more than running them.

use std::any::TypeId;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{LazyLock, Mutex, PoisonError};

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::{QueryResult, RunQueryDsl};

/// A statement at one place of the code, named by `Place`, whose text is the same whenever that place is reached. Made by [`kept!`] alone.
pub(super) struct Kept<Place, Q> {
    statement: Q,
    place: PhantomData<fn() -> Place>,
}

impl<Place, Q> Kept<Place, Q> {
    pub(super) const fn new(statement: Q) -> Self {
        Self { statement, place: PhantomData }
    }
}

impl<Place: 'static, Q> QueryId for Kept<Place, Q> {
    type QueryId = Place;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Place: 'static, Q, DB> QueryFragment<DB> for Kept<Place, Q>
where
    DB: Backend<QueryBuilder: Default>,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.statement.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &DB) -> QueryResult<bool> {
        if cfg!(debug_assertions) {
            let mut text = DB::QueryBuilder::default();
            self.statement.to_sql(&mut text, backend)?;
            check::<Place>(text.finish());
        }
        Ok(true)
    }
}

impl<Place, Q: Query> Query for Kept<Place, Q> {
    type SqlType = Q::SqlType;
}

impl<Place, Q, C> RunQueryDsl<C> for Kept<Place, Q> {}

/// In builds for tests every call proves that the text at its place is the one that was kept.
fn check<Place: 'static>(text: String) {
    static TEXTS: LazyLock<Mutex<HashMap<TypeId, String>>> = LazyLock::new(Mutex::default);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let first = texts.entry(TypeId::of::<Place>()).or_insert_with(|| text.clone());
    debug_assert_eq!(*first, text, "the text of a kept statement changed");
}

/// Keeps the prepared statement of this place. Its text must be fixed: no lists of parameters, no columns that may be left out.
macro_rules! kept {
    ($statement:expr) => {{
        enum Place {}
        $crate::store::kept::Kept::<Place, _>::new($statement)
    }};
}
pub(super) use kept;
