//! What the gateway remembers, kept by the server: which message is the card of which run, which thread belongs to it, which link a channel has.

use std::collections::BTreeMap;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::Backend;

/// The name under which the gateway reads events and keeps records.
pub(crate) const CONSUMER: &str = "discord-gateway";

/// The card and the thread of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RunRecord {
    /// The channel with the card.
    pub(crate) channel: u64,
    /// The card.
    pub(crate) card: u64,
    /// The thread; 0: there is none.
    pub(crate) thread: u64,
    /// The card names its project: the channel is not the project's own.
    pub(crate) foreign: bool,
    /// What the card is found by.
    pub(crate) mark: String,
    /// The newest messages of the thread that are written again from `from` on after a crash.
    pub(crate) pages: Vec<u64>,
    /// Everything up to this item stands in messages before those.
    pub(crate) from: u64,
    /// When the newest of them was posted, in seconds since 1970.
    pub(crate) posted: i64,
}

impl RunRecord {
    /// Its key.
    pub(crate) fn key(task: &str, run: u32) -> String {
        format!("run:{task}:{run}")
    }

    /// The key of the mark that the run is still followed.
    pub(crate) fn live_key(task: &str, run: u32) -> String {
        format!("live:{task}:{run}")
    }

    /// The key of the way back from a thread.
    pub(crate) fn thread_key(thread: u64) -> String {
        format!("thread:{thread}")
    }
}

impl Backend {
    /// Keeps records and forgets others; tried again while the server is away.
    pub(crate) async fn keep(&self, kept: Vec<(String, String)>, forgotten: Vec<String>) -> Result<(), Status> {
        let records: Vec<_> = kept.into_iter().map(|(key, value)| pb::ReaderRecord { key, value }).collect();
        let request = pb::KeepRecordsRequest { consumer: CONSUMER.to_owned(), records, forgotten_keys: forgotten };
        let keep = |connection: Connection| {
            let request = request.clone();
            async move { connection.events().keep_records(request).await.map(drop) }
        };
        self.patiently(keep).await
    }

    /// Keeps one record.
    pub(crate) async fn keep_one(&self, key: String, value: String) -> Result<(), Status> {
        self.keep(vec![(key, value)], Vec::new()).await
    }

    /// The records whose keys begin with `prefix`.
    pub(crate) async fn records(&self, prefix: &str) -> Result<BTreeMap<String, String>, Status> {
        let (mut found, mut token) = (BTreeMap::new(), String::new());
        loop {
            let request = pb::ListRecordsRequest {
                consumer: CONSUMER.to_owned(),
                key_prefix: prefix.to_owned(),
                page_size: 200,
                page_token: token.clone(),
            };
            let read = |connection: Connection| {
                let request = request.clone();
                async move { connection.events().list_records(request).await.map(tonic::Response::into_inner) }
            };
            let answer = self.patiently(read).await?;
            found.extend(answer.records.into_iter().map(|record| (record.key, record.value)));
            if answer.next_page_token.is_empty() {
                return Ok(found);
            }
            token = answer.next_page_token;
        }
    }

    /// One record.
    pub(crate) async fn record(&self, key: &str) -> Result<Option<String>, Status> {
        let request =
            pb::ListRecordsRequest { consumer: CONSUMER.to_owned(), key_prefix: key.to_owned(), page_size: 2, page_token: String::new() };
        let read = |connection: Connection| {
            let request = request.clone();
            async move { connection.events().list_records(request).await.map(tonic::Response::into_inner) }
        };
        let answer = self.patiently(read).await?;
        Ok(answer.records.into_iter().find(|record| record.key == key).map(|record| record.value))
    }

    /// The card and thread of a run.
    pub(crate) async fn run_record(&self, task: &str, run: u32) -> Result<Option<RunRecord>, Status> {
        Ok(self.record(&RunRecord::key(task, run)).await?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps the card and thread of a run.
    pub(crate) async fn keep_run(&self, task: &str, run: u32, record: &RunRecord) -> Result<(), Status> {
        let text = serde_json::to_string(record).map_err(|error| Status::internal(error.to_string()))?;
        self.keep_one(RunRecord::key(task, run), text).await
    }
}
