//! Section `accounts`: the plans and API keys that runtimes draw from.
//!
//! A list; keys of an entry: `id`, `config_dir` or `api_key`, `stop_at_used`, `reserve`, `reserve_hours`, `quiet_hours`, `time_zone`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aq_core::ids::AccountId;
use aq_core::limits::{DayHours, HoursError, read_zone};
use serde::{Serialize, Serializer};

use crate::config::document::display;
use crate::config::reader::Reader;
use crate::config::secret::Secret;

/// A plan or an API key that limits belong to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// The account's id.
    #[serde(serialize_with = "display")]
    pub id: AccountId,
    /// Where its login lives; `None` leaves it to the agent program to find its own.
    #[serde(flatten)]
    pub login: Option<Login>,
    /// Used part of a window, 0.0 to 1.0, from which nothing starts.
    pub stop_at_used: Option<f64>,
    /// Part of every window that is left for its owner, 0.0 to 1.0.
    pub reserve: Option<f64>,
    /// When the reserve is kept; empty: always.
    #[serde(serialize_with = "spans")]
    pub reserve_hours: Vec<DayHours>,
    /// When nothing starts.
    #[serde(serialize_with = "spans")]
    pub quiet_hours: Vec<DayHours>,
    /// The zone of the hours.
    pub time_zone: String,
}

fn spans<S: Serializer>(hours: &[DayHours], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hours.iter().map(ToString::to_string))
}

/// Hours of the day; each wrong entry is named.
fn hours(reader: &mut Reader<'_>, key: &'static str) -> Vec<DayHours> {
    let texts = reader.texts(key, &[]);
    let read = |text: String| text.parse().map_err(|error: HoursError| reader.error(key, error.to_string(), None)).ok();
    texts.into_iter().filter_map(read).collect()
}

/// A part of a window.
fn part(reader: &mut Reader<'_>, key: &'static str) -> Option<f64> {
    if !reader.has(key) {
        return None;
    }
    let part = reader.number(key, 0.0, 0.0);
    if part > 1.0 {
        reader.error(key, "is a part of a window: at most 1.0", None);
        return None;
    }
    Some(part)
}

/// Where the login of an account lives; the sandbox opens exactly that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// The agent program's own configuration directory, with its subscription login.
    ConfigDir(PathBuf),
    /// An API key, handed to the agent in its environment.
    ApiKey(Secret),
}

impl Account {
    pub(in crate::config) fn read_all(readers: Vec<Reader<'_>>) -> Vec<Self> {
        let mut seen = BTreeSet::new();
        readers.into_iter().filter_map(|reader| Self::read(reader, &mut seen)).collect()
    }

    fn read(mut reader: Reader<'_>, seen: &mut BTreeSet<AccountId>) -> Option<Self> {
        let id = reader.required("id", AccountId::parse);
        if id.as_ref().is_some_and(|id| !seen.insert(id.clone())) {
            reader.error("id", "is used by an earlier account", None);
        }
        let login = match (reader.path("config_dir"), reader.optional_text("api_key")) {
            (Some(_), Some(_)) => {
                reader.error(
                    "api_key",
                    "cannot stand beside config_dir",
                    Some("an account has one login; make it two accounts".to_owned()),
                );
                None
            }
            (Some(path), None) => Some(Login::ConfigDir(path)),
            (None, Some(key)) => Some(Login::ApiKey(Secret::new(key))),
            (None, None) => None,
        };
        let (stop_at_used, reserve) = (part(&mut reader, "stop_at_used"), part(&mut reader, "reserve"));
        let (reserve_hours, quiet_hours) = (hours(&mut reader, "reserve_hours"), hours(&mut reader, "quiet_hours"));
        let zone = reader.parsed("time_zone", read_zone);
        let time_zone = zone.and_then(|zone| zone.iana_name().map(ToOwned::to_owned)).unwrap_or_else(|| "UTC".to_owned());
        reader.finish();
        Some(Self { id: id?, login, stop_at_used, reserve, reserve_hours, quiet_hours, time_zone })
    }
}
