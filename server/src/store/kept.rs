//! Statements that are prepared once for each connection and kept although diesel does not: updates, and texts of our own.
//!
//! It keeps what it can prove to be fixed, selects and inserts of whole rows. Anything else is built and prepared again with every call, which costs
//! more than running it.

use std::any::TypeId;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{LazyLock, Mutex, PoisonError};

use diesel::backend::Backend;
use diesel::query_builder::{AsChangeset, AstPass, Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::{QueryResult, RunQueryDsl};

/// A statement that returns rows, at one place of the code, named by `Place`: its text is the same whenever that place is reached. Made by
/// [`kept!`] alone, for loading: what is executed is passed on by reference, and diesel asks the statement inside then.
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

/// An update of one table at one place of the code, whose conditions and columns are always the same. Made by [`changed!`] alone.
pub(super) struct Changed<Place, F, C> {
    table: &'static str,
    filter: F,
    changes: C,
    place: PhantomData<fn() -> Place>,
}

impl<Place, F, C> Changed<Place, F, C> {
    /// `table` is the name of `T`, to which the changes belong.
    pub(super) fn new<T, A>(_: T, table: &'static str, filter: F, changes: A) -> Self
    where
        A: AsChangeset<Target = T, Changeset = C>,
    {
        Self { table, filter, changes: changes.as_changeset(), place: PhantomData }
    }
}

impl<Place: 'static, F, C> QueryId for Changed<Place, F, C> {
    type QueryId = Place;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Place, F, C, DB> QueryFragment<DB> for Changed<Place, F, C>
where
    DB: Backend,
    F: QueryFragment<DB>,
    C: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        out.push_identifier(self.table)?;
        out.push_sql(" SET ");
        self.changes.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.filter.walk_ast(out)
    }
}

impl<Place, F, C, D> RunQueryDsl<D> for Changed<Place, F, C> {}

/// Keeps the prepared statement of this place. Its text must be fixed: no lists of parameters, no columns that may be left out.
macro_rules! kept {
    ($statement:expr) => {{
        enum Place {}
        $crate::store::kept::Kept::<Place, _>::new($statement)
    }};
}
pub(super) use kept;

/// An update of the table whose prepared statement is kept: the rows that `$filter` lets through get `$changes`.
macro_rules! changed {
    ($table:ident, $filter:expr, $changes:expr) => {{
        enum Place {}
        $crate::store::kept::Changed::<Place, _, _>::new($table::table, stringify!($table), $filter, $changes)
    }};
}
pub(super) use changed;
