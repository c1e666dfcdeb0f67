//! Limits, budgets, usage and forecasts as clients see them.

use aq_core::ids::RunRef;
use aq_core::output::{LimitNotice, LimitStatus, OutputBody, OutputItem, TokenUsage};
use aq_core::principal::Role;
use aq_core::runner_link::{RunOutcome, RunReport};
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use aq_server::clock::Clock as _;
use pb::{BudgetScope, GateState, UsageGroup, WaitKind};
use prost_types::FieldMask;

use super::fixture::{Client, Server, refusal};

const HOUR: i64 = 3_600_000;

/// An account with one scripted agent that draws from it.
async fn account(client: &Client) {
    let request = pb::CreateAccountRequest { name: "Max".into(), runtime: pb::Runtime::Claude.into(), ..Default::default() };
    client.accounts().create_account(request).await.unwrap();
    let request = pb::CreateAgentRequest {
        name: "nova".into(),
        runtime: pb::Runtime::Scripted.into(),
        account_id: "max".into(),
        ..Default::default()
    };
    client.agents().create_agent(request).await.unwrap();
}

async fn limits(client: &Client) -> pb::ListLimitWindowsResponse {
    client.accounts().list_limit_windows(pb::ListLimitWindowsRequest::default()).await.unwrap().into_inner()
}

async fn edit(client: &Client, account: pb::Account, paths: &[&str]) -> Result<pb::Account, tonic::Status> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let account = Some(pb::Account { id: "max".into(), ..account });
    let request = pb::UpdateAccountRequest { account, update_mask, ..Default::default() };
    client.accounts().update_account(request).await.map(tonic::Response::into_inner)
}

fn instant(at: Timestamp) -> Option<prost_types::Timestamp> {
    Some(aq_proto::time::timestamp(at.as_millis()))
}

/// F-054, explain R1: a refused window is told with its policy, its source and how many tasks wait; the task and the status name it in words.
#[tokio::test]
async fn limits_are_told_and_explained() {
    let server = Server::start().await;
    let admin = server.admin();
    assert!(limits(&admin).await.accounts.is_empty());
    account(&admin).await;
    assert_eq!(limits(&admin).await.accounts[0].state(), GateState::Open);
    admin.project("web").await;
    let first = admin.task("web", "one").await.id;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    let reset = server.inner.clock.now().plus_millis(5 * HOUR);
    let limited = RunOutcome::Limited { window: "five_hour".into(), resets_at: Some(reset), message: "limit".into() };
    server.inner.report(&run, RunReport::Finished { outcome: limited, exit_code: Some(1) }).await;
    let second = admin.task("web", "two").await.id;
    assert!(server.inner.nothing_started().await);

    let told = limits(&admin).await;
    let (window, gate) = (&told.windows[0], &told.accounts[0]);
    assert_eq!((window.state(), window.gates, window.source.as_str()), (GateState::Closed, true, "outcome"));
    assert_eq!((window.until, gate.until), (instant(reset), instant(reset)));
    assert_eq!((gate.state(), gate.waiting_tasks, gate.running), (GateState::Closed, 2, 0));
    assert_eq!(gate.reason, "The account's limit is reached.");
    let shown = admin.tasks().explain_task(pb::ExplainTaskRequest { task_id: second }).await.unwrap().into_inner();
    assert_eq!(shown.reasons[0].kind(), WaitKind::AccountLimit);
    assert_eq!(shown.sentence, format!("The account's limit is reached; work goes on at {reset}."));
    let status = admin.admin().get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
    assert_eq!(status.holds.len(), 1, "{:?}", status.holds);
    assert_eq!(admin.get_task(&first).await.status(), pb::TaskStatus::Paused);
    server.inner.clock.advance(5 * HOUR);
    assert_eq!(limits(&admin).await.windows[0].state(), GateState::Probing);
}

/// limits R4: the owner's wishes are fields of the account; a wrong one is named and nothing is written.
#[tokio::test]
async fn wishes_are_fields_of_the_account() {
    let server = Server::start().await;
    let admin = server.admin();
    account(&admin).await;
    let wishes = pb::Account {
        reserve: Some(0.2),
        reserve_hours: vec!["09:00-18:00".into()],
        quiet_hours: vec!["23:00-6:30".into()],
        time_zone: "Europe/Vienna".into(),
        stop_at_used: Some(0.9),
        ..Default::default()
    };
    let paths = ["reserve", "reserve_hours", "quiet_hours", "time_zone", "stop_at_used"];
    let edited = edit(&admin, wishes.clone(), &paths).await.unwrap();
    assert_eq!((edited.reserve, edited.stop_at_used, edited.time_zone.as_str()), (Some(0.2), Some(0.9), "Europe/Vienna"));
    assert_eq!((edited.reserve_hours, edited.quiet_hours), (vec!["09:00-18:00".to_owned()], vec!["23:00-06:30".to_owned()]));
    for (wrong, path, field) in [
        (pb::Account { reserve: Some(1.5), ..wishes.clone() }, "reserve", "account.reserve"),
        (pb::Account { quiet_hours: vec!["late".into()], ..wishes.clone() }, "quiet_hours", "account.quiet_hours[0]"),
        (pb::Account { time_zone: "Mars/Base".into(), ..wishes.clone() }, "time_zone", "account.time_zone"),
    ] {
        let refused = edit(&admin, wrong, &[path]).await.unwrap_err();
        assert_eq!(refusal(&refused).2, field);
    }
    // It is 00:16:40 in UTC and 01:16:40 in Vienna.
    assert_eq!(limits(&admin).await.accounts[0].state(), GateState::Quiet);
    edit(&admin, pb::Account { paused: true, ..Default::default() }, &["paused"]).await.unwrap();
    assert_eq!(limits(&admin).await.accounts[0].state(), GateState::Paused);
}

async fn budgets(client: &Client) -> Vec<pb::Budget> {
    client.accounts().list_budgets(pb::ListBudgetsRequest::default()).await.unwrap().into_inner().budgets
}

/// A run says that it used so many tokens.
async fn spend(server: &Server, run: &RunRef, output: u64) {
    let tokens = TokenUsage { output, ..TokenUsage::default() };
    let body = OutputBody::Usage { message_id: "m".into(), model: "big-model".into(), tokens, cost_micros: Some(5) };
    let item = OutputItem { seq: 1, at: server.inner.clock.now(), body };
    server.inner.report(run, RunReport::Output { items: vec![item] }).await;
}

/// F-056, budget R6: projects with work tell what their weight is due and how far they are behind; a project without any takes no part until it has some.
#[tokio::test]
async fn projects_tell_how_they_stand() {
    let server = Server::start().await;
    let admin = server.admin();
    for (name, credit_weight) in [("app", 3.0), ("web", 1.0), ("idle", 4.0)] {
        let request = pb::CreateProjectRequest {
            name: name.into(),
            repo_url: format!("/repos/{name}"),
            credit_weight: Some(credit_weight),
            ..Default::default()
        };
        admin.projects().create_project(request).await.unwrap();
    }
    let stand = async || {
        let all = admin.projects().list_projects(pb::ListProjectsRequest::default()).await.unwrap().into_inner().projects;
        all.iter().map(|project| (project.id.clone(), project.due_share.zip(project.deficit))).collect::<Vec<_>>()
    };
    let told = |app, idle, web| [("app", app), ("idle", idle), ("web", web)].map(|(id, share)| (String::from(id), share));
    assert_eq!(stand().await, told(None, None, None));
    admin.task("app", "one").await;
    admin.task("web", "one").await;
    assert_eq!(stand().await, told(Some((0.75, 0.75)), None, Some((0.25, 0.25))));
    admin.agent("nova").await;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    spend(&server, &run, 900).await;
    server.inner.succeed(&run).await;
    server.inner.until(&run.task, TaskStatus::Completed).await;
    // The heavier one went first. It counts by what it used, with or without work.
    assert_eq!(stand().await, told(Some((0.75, -0.25)), None, Some((0.25, 0.25))));
    admin.task("idle", "one").await;
    assert_eq!(stand().await, told(Some((0.375, -0.625)), Some((0.5, 0.5)), Some((0.125, 0.125))));
    let one = admin.projects().get_project(pb::GetProjectRequest { project_id: "idle".into() }).await.unwrap().into_inner();
    assert_eq!((one.due_share, one.deficit), (Some(0.5), Some(0.5)));
}

/// F-049, F-050: budgets are listed with what counts, set by scope or project, refused with the field, and named by the tasks that wait for them.
#[tokio::test]
async fn budgets_are_listed_set_and_explained() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.agent("nova").await;
    let limits: Vec<_> = budgets(&admin).await.iter().map(|budget| (budget.scope(), budget.limit_tokens, budget.is_set)).collect();
    assert_eq!(
        limits,
        [
            (BudgetScope::Run, Some(20_000_000), false),
            (BudgetScope::TaskTree, Some(100_000_000), false),
            (BudgetScope::Project, Some(200_000_000), false),
            (BudgetScope::Global, Some(500_000_000), false),
            (BudgetScope::Project, Some(200_000_000), false),
        ]
    );
    let set = |scope: BudgetScope, project: &str, limit: Option<u64>, unlimited| pb::SetBudgetRequest {
        scope: scope.into(),
        project_id: project.into(),
        limit_tokens: limit,
        unlimited,
        ..Default::default()
    };
    for (wrong, field) in [
        (set(BudgetScope::Unspecified, "", Some(1), false), "scope"),
        (set(BudgetScope::Run, "web", Some(1), false), "project_id"),
        (set(BudgetScope::Run, "", Some(0), false), "limit_tokens"),
        (set(BudgetScope::Run, "", Some(1), true), "limit_tokens"),
        (set(BudgetScope::Project, "web", None, true), "unlimited"),
    ] {
        assert_eq!(refusal(&admin.accounts().set_budget(wrong).await.unwrap_err()).2, field);
    }
    let operator = server.role(Role::Operator, &["web"]);
    let denied = operator.accounts().set_budget(set(BudgetScope::Global, "", None, true)).await.unwrap_err();
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);

    let task = admin.task("web", "one").await.id;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    spend(&server, &run, 900).await;
    server.inner.succeed(&run).await;
    server.inner.until(&run.task, TaskStatus::Completed).await;
    let budget = admin.accounts().set_budget(set(BudgetScope::Project, "web", Some(900), false)).await.unwrap().into_inner();
    assert_eq!((budget.used_tokens, budget.exhausted, budget.is_set), (900, true, true));
    assert!(budget.opens_at.is_some());
    let waiting = admin.task("web", "two").await.id;
    let shown = admin.tasks().explain_task(pb::ExplainTaskRequest { task_id: waiting.clone() }).await.unwrap().into_inner();
    assert_eq!((shown.reasons[0].kind(), shown.expected_at.is_some()), (WaitKind::Budget, true));
    assert!(shown.sentence.starts_with("The project's budget is used up (900 of 900 tokens). It opens again at "), "{}", shown.sentence);
    let back = admin.accounts().set_budget(set(BudgetScope::Project, "web", None, false)).await.unwrap().into_inner();
    assert_eq!((back.limit_tokens, back.is_set, back.exhausted), (Some(200_000_000), false, false));
    assert_eq!(server.inner.start_order().await.run.task.to_string(), waiting);

    let usage =
        |group: UsageGroup, zone: &str| pb::GetTokenUsageRequest { group_by: group.into(), time_zone: zone.into(), ..Default::default() };
    let ask = async |request| admin.accounts().get_token_usage(request).await.map(tonic::Response::into_inner);
    let lines = ask(usage(UsageGroup::Model, "")).await.unwrap();
    assert_eq!((lines.entries[0].model.as_str(), lines.entries[0].entries, lines.total_cost_micros), ("big-model", 1, 5));
    assert_eq!(ask(usage(UsageGroup::Agent, "")).await.unwrap().entries[0].agent_id, "nova");
    assert_eq!(ask(usage(UsageGroup::Day, "")).await.unwrap().entries[0].day, "1970-01-01");
    assert_eq!(ask(usage(UsageGroup::Day, "America/New_York")).await.unwrap().entries[0].day, "1969-12-31");
    assert_eq!(refusal(&ask(usage(UsageGroup::Day, "Mars/Base")).await.unwrap_err()).2, "time_zone");
    assert_eq!(admin.get_task(&task).await.status(), pb::TaskStatus::Completed);
}

/// schedule R13: without past runs nothing is said, and that is told; with them waiting tasks get ranges, and what cannot start its reason.
#[tokio::test]
async fn forecasts_are_honest() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.agent("nova").await;
    let first = admin.task("web", "one").await.id;
    let after = pb::CreateTaskRequest { project_id: "web".into(), title: "two".into(), after: vec![first.clone()], ..Default::default() };
    let second = admin.tasks().create_task(after).await.unwrap().into_inner().id;
    let run = server.inner.start_order().await.run;
    let ask = async || admin.tasks().forecast_tasks(pb::ForecastTasksRequest::default()).await.unwrap().into_inner();
    let nothing = ask().await;
    assert_eq!((nothing.past_runs, nothing.tasks.len(), nothing.tasks[0].starts_likely), (0, 1, None));
    assert_eq!(nothing.tasks[0].reason, "No run has ended well yet, so there is nothing to estimate from.");
    server.inner.clock.advance(HOUR);
    server.inner.succeed(&run).await;
    let run = server.inner.start_order().await.run;
    assert_eq!(run.task.to_string(), second);
    server.inner.running(&run).await;
    // A task behind a ready one behind the running one; and one that waits for a person.
    let third = admin.task("web", "three").await.id;
    let after = pb::CreateTaskRequest { project_id: "web".into(), title: "four".into(), after: vec![third.clone()], ..Default::default() };
    let fourth = admin.tasks().create_task(after).await.unwrap().into_inner().id;
    let blocked = admin.task("web", "five").await.id;
    admin.tasks().stop_task(pb::StopTaskRequest { task_id: blocked.clone(), ..Default::default() }).await.unwrap();
    let after = pb::CreateTaskRequest { project_id: "web".into(), title: "six".into(), after: vec![blocked], ..Default::default() };
    let stuck = admin.tasks().create_task(after).await.unwrap().into_inner().id;
    let told = ask().await;
    let order: Vec<_> = told.tasks.iter().map(|task| task.task_id.clone()).collect();
    assert_eq!((told.past_runs, order), (1, vec![third, fourth, stuck]));
    let now = server.inner.clock.now();
    let (third, fourth, stuck) = (&told.tasks[0], &told.tasks[1], &told.tasks[2]);
    assert_eq!((third.starts_likely, third.ends_likely), (instant(now.plus_millis(HOUR)), instant(now.plus_millis(2 * HOUR))));
    assert_eq!((fourth.starts_low, fourth.starts_high), (third.ends_low, third.ends_high));
    assert!(stuck.starts_likely.is_none() && stuck.reason.contains("BLOCKED"), "{}", stuck.reason);
    let too_many = admin.tasks().forecast_tasks(pb::ForecastTasksRequest { max_tasks: 999, ..Default::default() }).await.unwrap_err();
    assert_eq!(refusal(&too_many).2, "max_tasks");
}

/// limits R5: a notice changes what is told of its window, with its source.
#[tokio::test]
async fn notices_are_evidence() {
    let server = Server::start().await;
    let admin = server.admin();
    account(&admin).await;
    admin.project("web").await;
    admin.task("web", "one").await;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    let reset = server.inner.clock.now().plus_millis(48 * HOUR);
    let notice = LimitNotice {
        window: "seven_day_opus".into(),
        status: LimitStatus::Warning,
        used: Some(0.8),
        resets_at: Some(reset),
        source: "rate_limit_event".into(),
    };
    let item = OutputItem { seq: 1, at: server.inner.clock.now(), body: OutputBody::Limit(notice) };
    server.inner.report(&run, RunReport::Output { items: vec![item] }).await;
    let window = limits(&admin).await.windows.remove(0);
    assert_eq!((window.used, window.model_family.as_str(), window.state()), (Some(0.8), "opus", GateState::Open));
    assert_eq!((window.source.as_str(), window.observed_at), ("rate_limit_event", instant(server.inner.clock.now())));
}
