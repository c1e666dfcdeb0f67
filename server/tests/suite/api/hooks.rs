//! HookService over the wire: made, changed, switched, fired, read; what is malformed and who may not (F-168, F-147).

use aq_core::principal::Role;
use aq_proto::v1 as pb;
use pb::hook_action::Kind as ActionKind;
use pb::hook_step::Kind as StepKind;
use pb::hook_trigger::Kind as TriggerKind;
use tonic::Code;

use super::fixture::{Server, refusal};

fn trigger(kind: TriggerKind) -> Option<pb::HookTrigger> {
    Some(pb::HookTrigger { kind: Some(kind) })
}

fn cron(expression: &str, zone: &str) -> Option<pb::HookTrigger> {
    trigger(TriggerKind::Cron(pb::CronTrigger { expression: expression.into(), zone: zone.into() }))
}

fn action(kind: ActionKind) -> pb::HookAction {
    pb::HookAction { kind: Some(kind) }
}

fn notice(text: &str) -> pb::HookAction {
    action(ActionKind::Notice(pb::NoticeAction { text: text.into(), ..Default::default() }))
}

fn create(name: &str, trigger: Option<pb::HookTrigger>) -> pb::CreateHookRequest {
    pb::CreateHookRequest { project_id: "web".into(), name: name.into(), trigger, actions: vec![notice("x")], ..Default::default() }
}

/// F-168: a hook is made, read, listed, changed, switched off and on, asked for its times, fired, and deleted with its runs.
#[tokio::test]
async fn a_hook_lives() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("Web").await;
    let mut hooks = admin.hooks();
    let step = pb::HookStep {
        kind: Some(StepKind::Query(pb::QueryStep {
            name: "task_detail".into(),
            parameters: vec![pb::QueryParameter { name: "task_id".into(), value: "{{event.task_id}}".into() }],
        })),
        skip_if_empty: true,
        ..Default::default()
    };
    let request =
        pb::CreateHookRequest { steps: vec![step], request_id: "one".into(), ..create("Nightly", cron("30 2 * * *", "Europe/Berlin")) };
    let made = hooks.create_hook(request.clone()).await.unwrap().into_inner();
    assert_eq!(hooks.create_hook(request.clone()).await.unwrap().into_inner(), made, "the kept answer");
    assert_eq!((made.enabled, made.missed(), made.owner.as_str()), (true, pb::MissedFires::Skip, "key:admin"));
    assert_eq!(
        (&made.trigger, &made.steps, &made.actions[0].kind),
        (
            &request.trigger,
            &request.steps,
            &notice("x").kind.map(|kind| match kind {
                ActionKind::Notice(notice) => ActionKind::Notice(pb::NoticeAction { severity: pb::NoticeSeverity::Info.into(), ..notice }),
                other => other,
            })
        )
    );
    let get = pb::GetHookRequest { hook_id: made.id.clone() };
    assert_eq!(hooks.get_hook(get.clone()).await.unwrap().into_inner(), made);
    let times = hooks.list_hook_times(pb::ListHookTimesRequest { hook_id: made.id.clone(), count: 2 }).await.unwrap().into_inner().times;
    assert_eq!(times[0], made.next_due_at.unwrap());
    assert_eq!(times[1].seconds - times[0].seconds, 24 * 3600);

    let every = pb::PeriodicTrigger { every: Some(prost_types::Duration { seconds: 60, nanos: 0 }) };
    let hook = pb::Hook {
        id: made.id.clone(),
        trigger: trigger(TriggerKind::Periodic(every)),
        missed: pb::MissedFires::All.into(),
        ..Default::default()
    };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["trigger".into(), "missed".into()] });
    let update = pb::UpdateHookRequest { hook: Some(hook), update_mask, ..Default::default() };
    let changed = hooks.update_hook(update.clone()).await.unwrap().into_inner();
    assert_eq!((changed.name.as_str(), changed.missed()), ("Nightly", pb::MissedFires::All));
    assert_eq!(changed.next_due_at.unwrap().seconds, server.inner.admin().now.as_millis() / 1000 + 60);
    let off = hooks.disable_hook(pb::DisableHookRequest { hook_id: made.id.clone(), ..Default::default() }).await.unwrap().into_inner();
    assert!(!off.enabled && off.next_due_at.is_none());
    let on = hooks.enable_hook(pb::EnableHookRequest { hook_id: made.id.clone(), ..Default::default() }).await.unwrap().into_inner();
    assert!(on.enabled && on.next_due_at.is_some());

    let run = hooks.fire_hook(pb::FireHookRequest { hook_id: made.id.clone(), ..Default::default() }).await.unwrap().into_inner();
    assert_eq!((run.state(), run.cause(), run.actor.as_str()), (pb::HookRunState::Queued, pb::HookRunCause::Manual, "key:admin"));
    let hook_id = made.id.clone();
    let payload = pb::FireHookWebhookRequest { hook_id: hook_id.clone(), payload_json: "{\"a\":1}".into(), ..Default::default() };
    assert_eq!(refusal(&hooks.fire_hook_webhook(payload.clone()).await.unwrap_err()).1, "HOOK_RUNNING");
    for bad in ["", "{", "nope"] {
        let refused =
            hooks.fire_hook_webhook(pb::FireHookWebhookRequest { payload_json: bad.into(), ..payload.clone() }).await.unwrap_err();
        assert_eq!(refusal(&refused).2, "payload_json", "{bad}");
    }
    assert_eq!(hooks.get_hook_run(pb::GetHookRunRequest { run_id: run.id.clone() }).await.unwrap().into_inner().id, run.id);
    let list = pb::ListHookRunsRequest { hook_id: hook_id.clone(), ..Default::default() };
    assert_eq!(hooks.list_hook_runs(list.clone()).await.unwrap().into_inner().runs.len(), 1);
    let gone = hooks.delete_hook(pb::DeleteHookRequest { hook_id, ..Default::default() }).await.unwrap().into_inner();
    assert_eq!(gone.name, "Nightly");
    assert_eq!(refusal(&hooks.get_hook(get).await.unwrap_err()).1, "HOOK_NOT_FOUND");
    assert_eq!(refusal(&hooks.get_hook_run(pb::GetHookRunRequest { run_id: run.id }).await.unwrap_err()).1, "HOOK_RUN_NOT_FOUND");
    assert_eq!(refusal(&hooks.list_hook_runs(list).await.unwrap_err()).1, "HOOK_NOT_FOUND");
}

/// F-147, D-63: malformed triggers, steps and actions are INVALID_ARGUMENT and name their field; nothing is stored.
#[tokio::test]
async fn malformed_hooks_are_refused_with_their_field() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("Web").await;
    let event = |name: &str| trigger(TriggerKind::Event(pb::EventTrigger { events: vec![name.into()], ..Default::default() }));
    let every =
        |seconds, nanos| trigger(TriggerKind::Periodic(pb::PeriodicTrigger { every: Some(prost_types::Duration { seconds, nanos }) }));
    for (wrong, field) in [
        (None, "trigger"),
        (Some(pb::HookTrigger { kind: None }), "trigger"),
        (trigger(TriggerKind::Periodic(pb::PeriodicTrigger { every: None })), "trigger.periodic.every"),
        (every(-1, 0), "trigger.periodic.every"),
        (every(i64::MAX, 0), "trigger.periodic.every"),
        (every(1, 0), "trigger.periodic.every"),
        (cron("every day", ""), "trigger.cron.expression"),
        (cron("0 0 31 2 *", ""), "trigger.cron.expression"),
        (cron(", * * * *", ""), "trigger.cron.expression"),
        (cron("0 0 * * *", "Europe/Atlantis"), "trigger.cron.zone"),
        (event("task.exploded"), "trigger.event.events[0]"),
        (event(""), "trigger.event.events[0]"),
    ] {
        let refused = admin.hooks().create_hook(create("x", wrong.clone())).await.unwrap_err();
        assert_eq!((refused.code(), refusal(&refused).2.as_str()), (Code::InvalidArgument, field), "{wrong:?}");
    }
    let manual = || trigger(TriggerKind::Manual(pb::ManualTrigger {}));
    let shell = pb::ShellStep { argv: vec!["true".into()], timeout: None };
    let cases = [
        (pb::CreateHookRequest { actions: Vec::new(), ..create("x", manual()) }, "actions"),
        (pb::CreateHookRequest { actions: vec![pb::HookAction { kind: None }], ..create("x", manual()) }, "actions[0]"),
        (pb::CreateHookRequest { steps: vec![pb::HookStep::default()], ..create("x", manual()) }, "steps[0]"),
        (create("", manual()), "name"),
        (
            pb::CreateHookRequest {
                actions: vec![action(ActionKind::Command(pb::CommandAction { name: "StopTask".into(), arguments_json: "{".into() }))],
                ..create("x", manual())
            },
            "actions[0].command.arguments_json",
        ),
    ];
    for (request, field) in cases {
        let refused = admin.hooks().create_hook(request).await.unwrap_err();
        assert_eq!((refused.code(), refusal(&refused).2.as_str()), (Code::InvalidArgument, field));
    }
    let ask = action(ActionKind::AskModel(pb::AskModelAction { prompt: "x".into(), ..Default::default() }));
    for (request, reason) in [
        (pb::CreateHookRequest { actions: vec![ask], ..create("x", manual()) }, "NO_MODEL_PROVIDER"),
        (
            pb::CreateHookRequest {
                steps: vec![pb::HookStep { kind: Some(StepKind::Shell(shell)), ..Default::default() }],
                ..create("x", manual())
            },
            "SHELL_OFF",
        ),
    ] {
        let refused = admin.hooks().create_hook(request).await.unwrap_err();
        assert_eq!((refused.code(), refusal(&refused).1.as_str()), (Code::FailedPrecondition, reason));
    }
    let list = admin.hooks().list_hooks(pb::ListHooksRequest::default()).await.unwrap().into_inner();
    assert_eq!(list.total_size, 0);
}

/// Api R1, R2: operators fire and switch but do not make; other projects' hooks are not there; two hooks of a name are refused.
#[tokio::test]
async fn hooks_are_for_those_who_may() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("Web").await;
    admin.project("Other").await;
    let manual = || trigger(TriggerKind::Manual(pb::ManualTrigger {}));
    let made = admin.hooks().create_hook(create("Mine", manual())).await.unwrap().into_inner();
    assert_eq!(refusal(&admin.hooks().create_hook(create("Mine", manual())).await.unwrap_err()).1, "HOOK_EXISTS");
    let operator = server.role(Role::Operator, &["web"]);
    assert_eq!(operator.hooks().create_hook(create("Theirs", manual())).await.unwrap_err().code(), Code::PermissionDenied);
    let fire = pb::FireHookRequest { hook_id: made.id.clone(), ..Default::default() };
    operator.hooks().fire_hook(fire.clone()).await.unwrap();
    let foreign = server.role(Role::Operator, &["other"]);
    assert_eq!(refusal(&foreign.hooks().fire_hook(fire).await.unwrap_err()).1, "HOOK_NOT_FOUND");
    let list = foreign.hooks().list_hooks(pb::ListHooksRequest::default()).await.unwrap().into_inner();
    assert_eq!((list.hooks.len(), list.total_size), (0, 0));
}
