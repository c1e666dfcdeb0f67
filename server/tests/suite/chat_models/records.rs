//! Records of calls.

use std::sync::Arc;

use aq_core::chat::{ChatModel, Delta, ModelError, RawToolUse};
use aq_core::time::Timestamp;
use aq_server::chat_models::{Recorded, Recorder, Scripted, remove_old};
use aq_server::clock::{ManualClock, SharedClock};
use serde_json::Value;

use super::wires::{call, pieces};

const DAY: i64 = 86_400_000;

/// Reads the records of a day once `count` of them are written.
async fn lines(home: &std::path::Path, day: &str, count: usize) -> Vec<Value> {
    let file = home.join("logs/llm").join(day).join("chat_provider.jsonl");
    for _ in 0..5000 {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.lines().count() >= count && text.ends_with('\n') {
            return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
    }
    panic!("no {count} records in {}", file.display());
}

/// F-185, D-110: a line for every call, also a failed and an abandoned one, with lengths and beginnings, and without secrets.
#[tokio::test]
async fn every_call_leaves_a_line() {
    let home = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(ManualClock::at(Timestamp::from_millis(3 * DAY)));
    let recorder = Arc::new(Recorder::new(home.path(), &["hush-hush-secret".to_owned()], Arc::clone(&clock)).unwrap());
    let wanted = RawToolUse { id: "1".into(), name: "create_task".into(), arguments: "{\"title\":\"hush-hush-secret\"}".into() };
    let script = move |call: &aq_core::chat::ModelCall| {
        if call.system == "fail" {
            Err(ModelError::Auth("hush-hush-secret".into()))
        } else {
            Ok(vec![Ok(Delta::Text("four".into())), Ok(Delta::ToolUse(wanted.clone()))])
        }
    };
    let model = Recorded::new(Arc::new(Scripted::new(script)), recorder);
    let asked = call(&format!("hush-hush-secret {}", "x".repeat(500)));
    let _said = pieces(&model, &asked).await.unwrap();
    let mut failing = asked.clone();
    failing.system = "fail".into();
    let _failed = pieces(&model, &failing).await.unwrap_err();
    drop(model.ask(&asked).await);
    let mut found = lines(home.path(), "1970-01-04", 3).await;
    found.sort_by_key(|line| line["error"].to_string());
    let errors: Vec<_> = found.iter().map(|line| line["error"].as_str()).collect();
    assert_eq!(errors, [Some("abandoned"), Some("the provider refuses the credential: [redacted]"), None]);
    let whole = &found[2];
    assert_eq!((&whole["caller"], &whole["provider"], &whole["output"]["text_length"]), (&"chat".into(), &"scripted".into(), &4.into()));
    assert_eq!(whole["output"]["tool_uses"][0]["input_keys"][0], "title");
    let message = &whole["input"]["messages"][0];
    assert_eq!((&message["content_length"], message["content_preview"].as_str().unwrap().len() < 160), (&517.into(), true));
    assert!(!found.iter().any(|line| line.to_string().contains("hush-hush")), "{found:?}");
}

/// F-186: folders of old days go; what is not named like a day stays.
#[test]
fn old_days_go() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("logs/llm");
    for name in ["2026-01-01", "2026-01-09", "2026-01-10", "2026-13-01", "notes", "2026-01-0x", "2026-01-011"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("2026-01-02"), "a file").unwrap();
    let now: jiff::Timestamp = "2026-01-12T00:00:01Z".parse().unwrap();
    assert_eq!(remove_old(home.path(), Timestamp::from_millis(now.as_millisecond()), 2).unwrap(), 2);
    let mut left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(
        left,
        ["2026-01-0x", "2026-01-02", "2026-01-10", "2026-01-011", "2026-13-01", "notes"]
            .iter()
            .copied()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(remove_old(&home.path().join("none"), Timestamp::from_millis(0), 1).unwrap(), 0);
}
