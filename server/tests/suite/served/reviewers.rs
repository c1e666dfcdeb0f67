//! Work that a second agent reviews, with a real server, real agents and real git (F-084).

use std::path::Path;
use std::process::Command;

use aq_proto::v1 as pb;

use super::world::Served;

/// A plain program that reviews. It crashes at its first look, and fails work whose greeting is misspelt.
const REVIEWER: &str = r#"cat > "$1/prompt.txt"
echo look >> "$1/looks.txt"
if [ "$(wc -l < "$1/looks.txt")" = 1 ]; then kill -9 $$; fi
echo "I read the diff."
echo meddled > a.txt
echo '```verdict'
if git show HEAD:a.txt | grep -q hullo; then
  echo '{"verdict": "fail", "reasons": ["a.txt:1 says hullo"]}'
else
  echo '{"verdict": "pass", "reasons": []}'
fi
echo '```'
"#;

/// An agent that misspells at first, and mends it when it finds its work again.
const WORKER: &str = "shell if test -f a.txt; then echo hello > a.txt; else echo hullo > a.txt; fi\ncommit Greet\ndone It greets.";

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(directory).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// F-084, orchestrator R40 to R44: through a served process, a reviewer that crashes is followed by another review of the same work; a fail sends the work back
/// with its reasons; a pass lands it without what the reviewer did, and each verdict is told once.
#[tokio::test(flavor = "multi_thread")]
async fn work_lands_when_its_reviewer_passes_it() {
    let served = Served::start("agents:\n  sandbox: none\n").await;
    let project = served.project().await;
    let folder = served.process.folder.path().to_owned();
    std::fs::write(folder.join("review.sh"), REVIEWER).unwrap();
    let command = ["sh".into(), folder.join("review.sh").display().to_string(), folder.display().to_string()];
    let profile = Some(pb::RuntimeProfile { command: command.to_vec(), ..Default::default() });
    let reviewer = pb::CreateAgentRequest { name: "Quinn".into(), runtime: pb::Runtime::Command.into(), profile, ..Default::default() };
    let reviewer = served.admin.agents().create_agent(reviewer).await.unwrap().into_inner();
    let named = pb::Project { id: project.clone(), reviewer_agent_id: reviewer.id, ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["reviewer_agent_id".into()] });
    let edit = pb::UpdateProjectRequest { project: Some(named), update_mask, ..Default::default() };
    served.admin.projects().update_project(edit).await.unwrap();

    let request = pb::CreateTaskRequest {
        project_id: project,
        title: "greet".into(),
        description: format!("Say hello.\n```aq-script\n{WORKER}\n```\n"),
        runtime: pb::Runtime::Scripted.into(),
        verification: pb::Verification::QaAgent.into(),
        ..Default::default()
    };
    let task = served.admin.tasks().create_task(request).await.unwrap().into_inner().id;
    let events = served.events_until(&task, "task.completed").await;

    let answer = served.admin.tasks().get_task(pb::GetTaskRequest { task_id: task.clone() }).await.unwrap().into_inner();
    let mut runs = answer.runs;
    runs.sort_by_key(|run| run.number);
    let kinds: Vec<_> = runs.iter().map(|run| (run.is_review, run.runtime())).collect();
    let (work, review) = ((false, pb::Runtime::Scripted), (true, pb::Runtime::Command));
    assert_eq!(kinds, [work, review, review, work, review], "{runs:?}");
    let repository = folder.join("repository");
    assert_eq!(git(&repository, &["show", "main:a.txt"]), "hello\n");
    let prompt = std::fs::read_to_string(folder.join("prompt.txt")).unwrap();
    assert!(prompt.contains("You review the work of another agent") && prompt.contains("Say hello."), "{prompt}");

    let reviewed = events.iter().filter(|event| event.r#type == "task.reviewed");
    let verdicts: Vec<_> = reviewed.map(|event| (event.run_number, format!("{event:?}").contains("a.txt:1 says hullo"))).collect();
    assert_eq!(verdicts, [(3, true), (5, false)], "{events:?}");
}
