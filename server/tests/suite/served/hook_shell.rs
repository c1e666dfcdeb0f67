//! Programs of hooks under a served `aqd`: contained, bounded, and ended with everything that they started.

use aq_proto::v1 as pb;
use pb::hook_step::Kind as StepKind;

use super::world::Served;

fn shell(argv: &[&str], seconds: i64) -> pb::HookStep {
    let argv = argv.iter().map(|one| (*one).to_owned()).collect();
    let timeout = Some(prost_types::Duration { seconds, nanos: 0 });
    pb::HookStep { kind: Some(StepKind::Shell(pb::ShellStep { argv, timeout })), ..Default::default() }
}

/// F-141, D-67, hooks R7: a program that never ends is ended with its children at its limit; output is kept, the environment is clean, and the server's
/// data is out of reach.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_never_ends_is_ended() {
    let served = Served::start("hook_engine: {shell: true}\nagents: {sandbox: landlock}\n").await;
    let project = served.project().await;
    let key = served.home().join("admin.key").display().to_string();
    let marker = format!("{}", 1_000_000 + std::process::id());
    let look = format!("echo out; echo err >&2; env | grep -c ^CARGO_; cat {key}; exit 3");
    let request = pb::CreateHookRequest {
        project_id: project,
        name: "Endless".into(),
        trigger: Some(pb::HookTrigger { kind: Some(pb::hook_trigger::Kind::Manual(pb::ManualTrigger {})) }),
        steps: vec![
            shell(&["sh", "-c", &format!("echo begun; sleep {marker} & exec sleep {marker}")], 1),
            shell(&["sh", "-c", &look], 30),
            shell(&["no-such-program"], 30),
            shell(&["cat", "README.md"], 30),
        ],
        actions: vec![pb::HookAction {
            kind: Some(pb::hook_action::Kind::Notice(pb::NoticeAction { text: "{{step_1}}".into(), ..Default::default() })),
        }],
        ..Default::default()
    };
    let mut hooks = served.admin.hooks();
    let hook = hooks.create_hook(request).await.unwrap().into_inner();
    let run = hooks.fire_hook(pb::FireHookRequest { hook_id: hook.id, ..Default::default() }).await.unwrap().into_inner();
    served.told("", "hook.finished").await;
    let run = hooks.get_hook_run(pb::GetHookRunRequest { run_id: run.id }).await.unwrap().into_inner();
    assert_eq!(run.state(), pb::HookRunState::Completed, "{run:?}");
    let saw: Vec<serde_json::Value> = run.context_json.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!((saw[0]["exit_code"].as_i64(), saw[0]["stdout"].as_str()), (Some(-1), Some("begun\n")));
    assert_eq!(saw[0]["stderr"], "Command timed out after 1s");
    let left = std::process::Command::new("pgrep").args(["-f", &format!("sleep {marker}")]).output().unwrap();
    assert!(left.stdout.is_empty(), "a child of the step lives on: {}", String::from_utf8_lossy(&left.stdout));
    assert_eq!(saw[1]["exit_code"], 3);
    assert!(saw[1]["stdout"].as_str().unwrap().starts_with("out\n0\n"), "{}", saw[1]);
    let secret = std::fs::read_to_string(served.home().join("admin.key")).unwrap();
    assert!(!run.context_json.join("").contains(secret.trim()), "the server's key was read");
    assert!(saw[2]["error"].is_string(), "{}", saw[2]);
    assert_eq!(
        saw[3]["stdout"], "start\n",
        "hooks R7: the project has only clones, so the files of its default branch are there: {}",
        saw[3]
    );
    assert!(std::fs::read_dir(served.home().join("errands")).unwrap().next().is_none(), "no folder of a step stays");
}
