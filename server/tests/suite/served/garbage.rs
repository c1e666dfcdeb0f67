//! An agent whose output is no protocol and no text, before and after its server is killed.

use aq_proto::v1 as pb;

use super::world::{Launched, Served};

const CONFIG: &str = "agents:\n  sandbox: none\n";

/// Every item of a task's first run, in the order of the stream.
async fn items(served: &Served, task: &str) -> Vec<String> {
    let request = pb::StreamRunOutputRequest { task_id: task.into(), follow: false, ..Default::default() };
    let mut stream = served.admin.runs().stream_run_output(request).await.unwrap().into_inner();
    let mut items = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        items.push(format!("{message:?}"));
    }
    items
}

/// Issue 2 (bad input), runtimes R6: an agent prints bytes that are no text and floods of lines, its server is killed, and the agent prints more of them: what was shown
/// before is shown after, each word of the agent once, and its work lands in one run.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_over_a_kill_loses_nothing() {
    let served = Served::start(CONFIG).await;
    let project = served.project().await;
    let script = "garbage\nflood 200000\nsay words-before\nwait-file gate\ngarbage\nflood 200000\nsay words-after\nwrite a.txt hello\ncommit Add a\ndone All done.";
    let task = served.task(&project, script).await;
    served.said(&task, "words-before").await;
    let gate = served.home().join("workspaces").join(&project).join(&task).join("gate");
    let folder = served.process.folder.clone();
    // Dropping it kills the process without a word.
    drop(served);

    std::fs::write(gate, "").unwrap();
    let served = Launched::on(folder, CONFIG, &[]).serving().await;
    served.told(&task, "task.completed").await;
    let shown = items(&served, &task).await;
    for words in ["words-before", "words-after"] {
        let told = shown.iter().filter(|item| item.contains(words) && item.contains("text: \"words-")).count();
        assert_eq!(told, 1, "{words}: {}", shown.len());
    }
    let answer = served.admin.tasks().get_task(pb::GetTaskRequest { task_id: task }).await.unwrap().into_inner();
    assert_eq!(answer.runs.len(), 1, "{:?}", answer.runs);
}
