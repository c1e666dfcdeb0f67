//! Taking over the notes threads of the original (F-225): its `notes_threads.json` is read once, all of it or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;
use tonic::Status;

use super::contents::contents;
use super::desk::{Desk, desks, notes};
use crate::bridge::Bridge;
use crate::config::read_small;
use crate::outbound::{Call, CallError, Known, Method};

/// The record that says that it is done.
const DONE: &str = "imported:notes_threads";
/// Records of one call.
const AT_ONCE: usize = 100;

/// Why the file cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// It cannot be read, or is not what the original wrote.
    #[error("{}: {problem}; mend the file, or take it away to go on without the notes threads of before", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// The server refuses.
    #[error("the server refuses: {0}")]
    Server(#[from] Status),
    /// Discord refuses.
    #[error(transparent)]
    Discord(#[from] CallError),
}

/// A thread as the original kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    thread: u64,
    project: String,
    /// The message with the table of contents, where one was kept.
    contents: Option<u64>,
}

fn id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).filter(|id| *id > 0)
}

/// What stands in the file: `{"threads": {thread: project}, "toc_messages": {thread: message}}`, or the older `{thread: project}` alone.
fn parse(text: &str) -> Result<Vec<Kept>, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    let object = whole.as_object().ok_or("must be an object")?;
    let newer = object.contains_key("threads") || object.contains_key("toc_messages");
    if let (true, Some(other)) = (newer, object.keys().find(|key| !matches!(key.as_str(), "threads" | "toc_messages"))) {
        return Err(format!("`{}` is not known beside `threads` and `toc_messages`", other.escape_debug()));
    }
    let part = |name: &str| match object.get(name) {
        None if newer => Ok(None),
        None => Ok(Some(object)),
        Some(found) => found.as_object().map(Some).ok_or_else(|| format!("`{name}` must be an object")),
    };
    let messages = if newer { part("toc_messages")? } else { None };
    let mut kept = Vec::new();
    for (thread, project) in part("threads")?.into_iter().flatten() {
        let name = if newer { format!("threads.{}", thread.escape_debug()) } else { format!("`{}`", thread.escape_debug()) };
        let number =
            thread.parse::<u64>().ok().filter(|id| *id > 0).ok_or_else(|| format!("{name}: the key must be the id of a thread"))?;
        let project = project.as_str().map(str::trim).filter(|project| !project.is_empty() && project.len() <= 200);
        let project = project.ok_or_else(|| format!("{name}: must be the name of a project"))?.to_owned();
        kept.push(Kept { thread: number, project, contents: None });
    }
    for (thread, message) in messages.into_iter().flatten() {
        let name = format!("toc_messages.{}", thread.escape_debug());
        let number = thread.parse::<u64>().map_err(|_| format!("{name}: the key must be the id of a thread"))?;
        let message = id(message).ok_or_else(|| format!("{name}: must be the id of a message"))?;
        // The original left tables behind of threads that it had forgotten (D-104).
        if let Some(known) = kept.iter_mut().find(|known| known.thread == number) {
            known.contents = Some(message);
        }
    }
    Ok(kept)
}

/// Takes the file over, unless that was done before. Threads that are gone, and those of projects that are gone, are left out and told.
pub(crate) async fn import(bridge: &Bridge) -> Result<(), ImportError> {
    let file = &bridge.config.notes_threads;
    if bridge.server.record(DONE).await?.is_some() {
        return Ok(());
    }
    let unusable = |problem: String| ImportError::Unusable { path: file.path.clone(), problem };
    if !file.named && !file.path.exists() {
        return Ok(());
    }
    let kept = parse(&read_small(&file.path).map_err(unusable)?).map_err(unusable)?;
    let projects: BTreeSet<String> = bridge.server.projects().await?.into_iter().map(|project| project.id).collect();
    let known: BTreeMap<u64, Desk> = desks(bridge).await?.into_iter().map(|desk| (desk.thread, desk)).collect();
    let mut records = Vec::new();
    for old in kept {
        if known.contains_key(&old.thread) {
            continue;
        }
        let desk = if projects.contains(&old.project) { adopt(bridge, &old).await? } else { None };
        match desk {
            Some(desk) => records.push(desk.record()?),
            None => tracing::warn!(
                thread = old.thread,
                project = old.project,
                "a notes thread of before is left out: it or its project is gone"
            ),
        }
    }
    let count = records.len();
    while records.len() > AT_ONCE {
        let rest = records.split_off(AT_ONCE);
        bridge.server.keep(std::mem::replace(&mut records, rest), Vec::new()).await?;
    }
    records.push((DONE.to_owned(), count.to_string()));
    bridge.server.keep(records, Vec::new()).await?;
    tracing::info!(threads = count, file = %file.path.display(), "the notes threads of before are taken over");
    Ok(())
}

/// A thread with its table of contents: the one that is there, with our buttons, else a new one in the thread. `None`: the thread is gone.
async fn adopt(bridge: &Bridge, old: &Kept) -> Result<Option<Desk>, ImportError> {
    let read = |path: String| bridge.out.call(Call::new(Method::Get, path, None).lasting());
    let found = match read(format!("/channels/{}", old.thread)).await {
        Err(CallError::Refused { status: 403 | 404, .. }) => return Ok(None),
        other => other?,
    };
    let parent = found.get("parent_id").and_then(Value::as_str).and_then(|id| id.parse::<u64>().ok());
    let toc = contents(&old.project, &notes(bridge.server.own(), &old.project).await?, 0);
    let places = [parent, Some(old.thread)].into_iter().flatten();
    for (channel, message) in places.filter_map(|channel| Some((channel, old.contents?))) {
        let found = match read(format!("/channels/{channel}/messages/{message}")).await {
            Err(CallError::Refused { .. }) => continue,
            other => other?,
        };
        // Another bot's message cannot be changed.
        let ours = found.pointer("/author/id").and_then(Value::as_str) == Some(&bridge.ids().0.to_string());
        if !ours {
            continue;
        }
        match bridge.out.edit(channel, message, &toc, true).await {
            Ok(()) => return Ok(Some(desk(old, channel, message))),
            Err(CallError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let name = format!("imported notes {}", old.thread);
    match bridge.out.post(old.thread, &toc, Known::Behind(old.thread, &name), true).await {
        Ok(message) => Ok(Some(desk(old, old.thread, message))),
        Err(CallError::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn desk(old: &Kept, channel: u64, contents: u64) -> Desk {
    Desk { project: old.project.clone(), channel, contents, thread: old.thread, ..Desk::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(thread: u64, project: &str, contents: Option<u64>) -> Kept {
        Kept { thread, project: project.to_owned(), contents }
    }

    /// F-225: both forms of the original are understood; tables of threads that it had forgotten are left out.
    #[test]
    fn both_forms_are_read() {
        let newer = r#"{"threads": {"11": "app", "12": "site"}, "toc_messages": {"11": 99, "12": "98", "13": 97}}"#;
        assert_eq!(parse(newer).unwrap(), [kept(11, "app", Some(99)), kept(12, "site", Some(98))]);
        assert_eq!(parse(r#"{"11": "app"}"#).unwrap(), [kept(11, "app", None)]);
        assert_eq!((parse("{}").unwrap(), parse(r#"{"threads": {}}"#).unwrap()), (vec![], vec![]));
    }

    /// Notes R8: whatever is wrong is named, with its place.
    #[test]
    fn what_is_wrong_is_named() {
        for (text, problem) in [
            ("", "is not JSON"),
            ("[]", "must be an object"),
            (r#"{"threads": []}"#, "`threads` must be an object"),
            (r#"{"threads": {}, "toc_messages": 1}"#, "`toc_messages` must be an object"),
            (r#"{"threads": {"x": "app"}}"#, "threads.x: the key must be the id of a thread"),
            (r#"{"threads": {"0": "app"}}"#, "threads.0: the key must be the id of a thread"),
            (r#"{"threads": {"11": 5}}"#, "threads.11: must be the name of a project"),
            (r#"{"threads": {"11": " "}}"#, "threads.11: must be the name of a project"),
            (r#"{"threads": {"11": "app"}, "toc_messages": {"11": "y"}}"#, "toc_messages.11: must be the id of a message"),
            (r#"{"threads": {"11": "app"}, "toc_messages": {"y": 1}}"#, "toc_messages.y: the key must be the id of a thread"),
            (r#"{"threads": {}, "viewers": {}}"#, "`viewers` is not known"),
            (r#"{"11": "app", "12": null}"#, "`12`: must be the name of a project"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(problem), "{text}: {said}");
        }
    }
}
