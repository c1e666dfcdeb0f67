//! Accounts and what is known of their usage windows.
//!
//! When a window closes an account lives in `aq_core::account`; what follows from it lives in `orchestrator`.

use std::collections::BTreeMap;

use aq_core::account::{Account, KeySource, LimitWindow};
use aq_core::ids::AccountId;
use aq_core::limits::{AccountPolicy, DayHours, Meter, read_zone};
use aq_core::output::LimitStatus;
use aq_core::time::Timestamp;
use diesel::prelude::*;
use serde_json::{Map, Value};

use super::aside::Readable;
use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::schema::{accounts, limit_windows};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = accounts)]
struct Row {
    id: String,
    name: String,
    login_dir: String,
    reserve: f64,
    paused: bool,
    policy: String,
    created_at: i64,
    updated_at: i64,
    max_concurrent_runs: i32,
    key_variable: String,
    key_source: String,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = limit_windows, treat_none_as_null = true)]
struct WindowRow {
    account_id: String,
    name: String,
    status: String,
    used: Option<f64>,
    resets_at: Option<i64>,
    source: String,
    observed_at: i64,
    base_used: Option<f64>,
    base_at: i64,
    heard_spent: i64,
    capacity: Option<f64>,
}

/// The policy as it is stored: an object with the members that differ from the defaults.
fn policy_text(policy: &AccountPolicy) -> String {
    let mut members = Map::new();
    if let Some(stop_at) = policy.stop_at {
        members.insert("stop_at".to_owned(), stop_at.into());
    }
    for (name, hours) in [("reserve_hours", &policy.reserve_hours), ("quiet_hours", &policy.quiet)] {
        if !hours.is_empty() {
            members.insert(name.to_owned(), hours.iter().map(DayHours::to_string).collect());
        }
    }
    if policy.zone_name() != "UTC" {
        members.insert("time_zone".to_owned(), policy.zone_name().into());
    }
    Value::Object(members).to_string()
}

fn read_policy(text: &str) -> Result<AccountPolicy, StoreError> {
    let corrupt = || StoreError::Corrupt { column: "accounts.policy", found: text.to_owned() };
    let stored: Value = serde_json::from_str(text).map_err(|_| corrupt())?;
    let hours = |name: &str| -> Result<Vec<DayHours>, StoreError> {
        let list = stored.get(name).and_then(Value::as_array).into_iter().flatten();
        list.map(|hours| hours.as_str().and_then(|text| text.parse().ok()).ok_or_else(corrupt)).collect()
    };
    Ok(AccountPolicy {
        stop_at: stored.get("stop_at").and_then(Value::as_f64),
        reserve_hours: hours("reserve_hours")?,
        quiet: hours("quiet_hours")?,
        zone: read_zone(stored.get("time_zone").and_then(Value::as_str).unwrap_or_default()).map_err(|_| corrupt())?,
    })
}

impl Row {
    fn with_windows(self, windows: Vec<LimitWindow>) -> Result<Account, StoreError> {
        let key_source = Some(self.key_source.as_str()).filter(|text| !text.is_empty());
        Ok(Account {
            policy: read_policy(&self.policy)?,
            id: AccountId::from_trusted(&self.id),
            name: self.name,
            login_dir: self.login_dir,
            reserve: self.reserve,
            paused: self.paused,
            windows,
            max_concurrent_runs: columns::small("accounts.max_concurrent_runs", self.max_concurrent_runs)?,
            key_variable: self.key_variable,
            key_source: columns::read_optional("accounts.key_source", key_source, KeySource::parse)?,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }
}

impl From<&Account> for Row {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.as_str().to_owned(),
            name: account.name.clone(),
            login_dir: account.login_dir.clone(),
            reserve: account.reserve,
            paused: account.paused,
            policy: policy_text(&account.policy),
            created_at: account.created_at.as_millis(),
            updated_at: account.updated_at.as_millis(),
            max_concurrent_runs: columns::int(account.max_concurrent_runs),
            key_variable: account.key_variable.clone(),
            key_source: account.key_source.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl WindowRow {
    fn new(account: &AccountId, window: &LimitWindow) -> Self {
        Self {
            account_id: account.as_str().to_owned(),
            name: window.name.clone(),
            status: window.status.as_str().to_owned(),
            used: window.used,
            resets_at: window.resets_at.map(Timestamp::as_millis),
            source: window.source.clone(),
            observed_at: window.observed_at.as_millis(),
            base_used: window.meter.base_used,
            base_at: window.meter.base_at.as_millis(),
            heard_spent: columns::big(window.meter.heard_spent),
            capacity: window.meter.capacity,
        }
    }
}

impl TryFrom<WindowRow> for LimitWindow {
    type Error = StoreError;

    fn try_from(row: WindowRow) -> Result<Self, StoreError> {
        Ok(Self {
            status: columns::read("limit_windows.status", &row.status, LimitStatus::parse)?,
            name: row.name,
            used: row.used,
            resets_at: columns::instant(row.resets_at),
            source: row.source,
            observed_at: Timestamp::from_millis(row.observed_at),
            // What was spent meanwhile is in the ledger; whoever needs it adds it up.
            meter: Meter {
                base_used: row.base_used,
                base_at: Timestamp::from_millis(row.base_at),
                spent: 0,
                heard_spent: columns::count("limit_windows.heard_spent", row.heard_spent)?,
                capacity: row.capacity,
            },
        })
    }
}

fn by_account(rows: Vec<WindowRow>) -> Result<BTreeMap<String, Vec<LimitWindow>>, StoreError> {
    let mut windows: BTreeMap<String, Vec<LimitWindow>> = BTreeMap::new();
    for row in rows {
        windows.entry(row.account_id.clone()).or_default().push(row.try_into()?);
    }
    // Databases sort texts by rules of their own; the domain finds a window by the order of its bytes.
    for list in windows.values_mut() {
        list.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(windows)
}

/// The accounts that can be read, with their windows, oldest first.
///
/// # Errors
/// Whatever the database answers.
pub fn all(connection: &mut Connection) -> Result<Vec<Account>, StoreError> {
    Ok(readable(connection)?.rows)
}

queries! {
    /// Adds an account with its windows. [`StoreError::Conflict`] when its id was used before, by a deleted account too.
    pub fn insert(connection, account: &Account) -> Result<(), StoreError> {
        diesel::insert_into(accounts::table).values(Row::from(account)).execute(connection)?;
        for window in &account.windows {
            diesel::insert_into(limit_windows::table).values(WindowRow::new(&account.id, window)).execute(connection)?;
        }
        Ok(())
    }

    /// Writes the fields of an account that was read before; its windows are written by [`put_window`].
    pub fn update(connection, account: &Account) -> Result<(), StoreError> {
        let changed = diesel::update(accounts::table.filter(accounts::id.eq(account.id.as_str()).and(accounts::deleted_at.is_null())))
            .set(Row::from(account))
            .execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// Every account that was not deleted, by creation, each with its windows.
    pub fn readable(connection) -> Result<Readable<Account>, StoreError> {
        let rows: Vec<Row> = accounts::table
            .filter(accounts::deleted_at.is_null())
            .order((accounts::created_at, accounts::id))
            .select(Row::as_select())
            .load(connection)?;
        let mut windows: BTreeMap<String, Vec<WindowRow>> = BTreeMap::new();
        for row in limit_windows::table.select(WindowRow::as_select()).load::<WindowRow>(connection)? {
            windows.entry(row.account_id.clone()).or_default().push(row);
        }
        let mut found = Readable::default();
        for row in rows {
            let id = row.id.clone();
            // An account without one of its windows would be taken for one that may be drawn from.
            let known = by_account(windows.remove(&id).unwrap_or_default());
            let read = known.and_then(|mut known| row.with_windows(known.remove(&id).unwrap_or_default()));
            found.take(|| format!("account {id}"), read)?;
        }
        Ok(found)
    }

    /// The account of this id with its windows; `None` when there is none or it was deleted.
    pub fn get(connection, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let row: Option<Row> = accounts::table
            .filter(accounts::id.eq(id.as_str()).and(accounts::deleted_at.is_null()))
            .select(Row::as_select())
            .first(connection)
            .optional()?;
        let Some(row) = row else { return Ok(None) };
        let mut windows =
            by_account(limit_windows::table.filter(limit_windows::account_id.eq(id.as_str())).select(WindowRow::as_select()).load(connection)?)?;
        let known = windows.remove(id.as_str()).unwrap_or_default();
        Ok(Some(row.with_windows(known)?))
    }

    /// Writes what is known of one window, whether it was known before or not.
    pub fn put_window(connection, account: &AccountId, window: &LimitWindow) -> Result<(), StoreError> {
        diesel::insert_into(limit_windows::table)
            .values(WindowRow::new(account, window))
            .on_conflict((limit_windows::account_id, limit_windows::name))
            .do_update()
            .set(WindowRow::new(account, window))
            .execute(connection)?;
        Ok(())
    }

    /// Forgets a window; false when it was not known.
    pub fn remove_window(connection, account: &AccountId, name: &str) -> Result<bool, StoreError> {
        Ok(diesel::delete(limit_windows::table.find((account.as_str(), name))).execute(connection)? == 1)
    }

    /// Marks an account as deleted and forgets its windows; its id stays taken, so that the ledger keeps its name.
    pub fn delete(connection, id: &AccountId, now: Timestamp) -> Result<(), StoreError> {
        let changed = diesel::update(accounts::table.filter(accounts::id.eq(id.as_str()).and(accounts::deleted_at.is_null())))
            .set((accounts::deleted_at.eq(now.as_millis()), accounts::updated_at.eq(now.as_millis())))
            .execute(connection)?;
        if changed != 1 {
            return Err(StoreError::NotFound);
        }
        diesel::delete(limit_windows::table.filter(limit_windows::account_id.eq(id.as_str()))).execute(connection)?;
        Ok(())
    }
}
