//! Section `accounts`: the plans and API keys that runtimes draw from.
//!
//! A list; keys of an entry: `id`, `config_dir` or `api_key`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aq_core::ids::AccountId;
use serde::Serialize;

use crate::config::document::display;
use crate::config::reader::Reader;
use crate::config::secret::Secret;

/// A plan or an API key that limits belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The account's id.
    #[serde(serialize_with = "display")]
    pub id: AccountId,
    /// Where its login lives; `None` leaves it to the agent program to find its own.
    #[serde(flatten)]
    pub login: Option<Login>,
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
        reader.finish();
        Some(Self { id: id?, login })
    }
}
