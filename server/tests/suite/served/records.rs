//! Records of agents' sessions under a served `aqd`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::world::Served;

/// The lines of a file of the one day that has records, as soon as there are `count`.
async fn lines(folder: &Path, file: &str, count: usize) -> Vec<Value> {
    let path = || -> Option<PathBuf> { Some(std::fs::read_dir(folder).ok()?.next()?.ok()?.path().join(file)) };
    let read = async {
        loop {
            let text = path().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
            if text.ends_with('\n') && text.lines().count() >= count {
                return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("the records did not come")
}

/// F-185: each run that is over leaves one line of JSON in the folder of its day and a copy for its task, with the listed fields and nothing of the prompt
/// behind its beginning; files are for the owner only. Off by default: another server writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_leaves_its_record() {
    use std::os::unix::fs::PermissionsExt as _;
    let served = Served::start("llm_logging: {enabled: true}\n").await;
    let project = served.project().await;
    let padding = format!("think {}behind\n", "x".repeat(4000));
    let script = format!("{padding}write new.txt hello\n");
    let first = served.task(&project, &script).await;
    served.told(&first, "run.ended").await;
    let second = served.task(&project, "fail broken pipe\n").await;
    served.told(&second, "task.failed").await;
    let folder = served.home().join("logs/llm");
    let all = lines(&folder, "claude_agent.jsonl", 2).await;
    let of_first = lines(&folder, &format!("tasks/{first}.jsonl"), 1).await;
    assert_eq!(of_first, [all[0].clone()]);
    let record = &all[0];
    assert_eq!((&record["task_id"], &record["run"], &record["runtime"]), (&first.as_str().into(), &1.into(), &"scripted".into()));
    assert_eq!((&record["model"], &record["output"]["result"]), (&"(default)".into(), &"done".into()), "{record}");
    assert_eq!(record["output"]["files_changed"], serde_json::json!(["new.txt"]));
    assert!(record["session_id"].is_string() && record["duration_ms"].is_u64() && record["output"]["error"].is_null(), "{record}");
    let told = record["input"]["prompt"].as_str().unwrap();
    assert!(told.chars().count() == 300 && record["input"]["prompt_length"].as_u64().unwrap() > 4000, "{record}");
    assert!(!record.to_string().contains("behind") && record["input"]["cwd"].as_str().unwrap().starts_with('/'));
    let failed = all.iter().find(|record| record["task_id"] == second.as_str()).unwrap();
    assert!(failed["output"]["error"].as_str().unwrap().contains("broken pipe"), "{failed}");
    let day = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&day.join("claude_agent.jsonl")), mode(&day)), (0o600, 0o700));
    let plain = Served::start("").await;
    let project = plain.project().await;
    let task = plain.task(&project, "write new.txt hello\n").await;
    plain.told(&task, "task.completed").await;
    assert!(!plain.home().join("logs/llm").exists());
}
