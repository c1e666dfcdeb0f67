//! Plans: found, settled with the work of their run, accepted or refused, and the tasks that they become.

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, TaskId};
use aq_core::output::{OutputBody, OutputItem, Question, QuestionKind};
use aq_core::plan::PlanState;
use aq_core::project::PlanApproval;
use aq_core::runner_link::{Answer, Conclusion, LandMode, RunOutcome, RunReport, RunnerOrder, StartRun};
use aq_core::task::{TaskStatus, TaskType};
use aq_server::clock::Clock as _;
use aq_server::commands::plans::NewPlan;
use aq_server::commands::{self, CommandError};
use aq_server::lifecycle::PlanRules;
use aq_server::store::{PlanRecord, TaskRecord, events, plans, tasks};

use crate::harness::{Harness, new_task};

const PLAN: &str = "# Login\n\nWhy we do it.\n\n## Phase 1: Add the form\n\nBuild it in the page, with two fields.\n\n## Phase 2: Test the form\n\nType something and look at the answer.\n\n## Notes\n\nThis is of no interest to anybody.\n";

/// A task, ready and started.
async fn started(server: &Harness, requires_approval: bool) -> (ProjectId, TaskId, StartRun) {
    server.agents(2).await;
    let project = server.project("App", 2).await;
    let mut new = new_task(&project, "Plan the login", &[]);
    (new.requires_approval, new.priority, new.max_retries) = (requires_approval, 40, 7);
    new.test_commands = vec!["make test".to_owned()];
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let order = server.start_order().await;
    server.running(&order.run).await;
    (project, made[0].task.id.clone(), order)
}

async fn finish(server: &Harness, order: &StartRun) -> aq_core::runner_link::ConcludeRun {
    let outcome = RunOutcome::Succeeded { summary: "planned".into() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    let wanted = order.run.clone();
    server
        .ordered(move |order| match order {
            RunnerOrder::Conclude(conclude) if conclude.run == wanted => Some(conclude.as_ref().clone()),
            _ => None,
        })
        .await
}

async fn found(server: &Harness, order: &StartRun, text: &str) {
    let report = RunReport::PlanFound { path: ".aq/plan.md".into(), text: text.into(), truncated: false };
    server.report(&order.run, report).await;
}

async fn conclude(server: &Harness, order: &StartRun, conclusion: Conclusion) {
    server.report(&order.run, RunReport::Concluded { conclusion }).await;
}

fn done() -> Conclusion {
    Conclusion::Done { commit: "1".repeat(40), files_changed: Vec::new(), lines_changed: 0, pushed: false }
}

async fn all_plans(server: &Harness) -> Vec<PlanRecord> {
    server
        .reader
        .read(|db| {
            let lines = plans::index(db, None)?;
            lines.iter().map(|line| plans::by_id(db, &line.id).map(Option::unwrap)).collect::<Result<Vec<_>, _>>()
        })
        .await
        .unwrap()
}

/// The steps that came out of a task, in their order. The writer reads them: nothing starts in between, so no step is seen in two statuses.
async fn steps(server: &Harness, parent: &TaskId) -> Vec<TaskRecord> {
    let key = server.record(parent).await.key;
    let read = server.engine.submit(move |tx| {
        let mut found = Vec::new();
        for status in TaskStatus::ALL {
            found.extend(tasks::in_status(tx.db, *status)?.into_iter().filter(|record| record.parent_key == Some(key)));
        }
        Ok::<_, CommandError>(found)
    });
    let mut found = read.await.unwrap();
    found.sort_by_key(|record| record.key);
    found
}

async fn told(server: &Harness, kind: EventKind) -> Vec<serde_json::Value> {
    let all = server.reader.read(|db| events::after(db, 0, 500)).await.unwrap();
    all.into_iter().filter(|event| event.kind == kind).map(|event| event.payload).collect()
}

async fn all_is_well(server: &Harness) {
    let now = server.clock.now();
    let findings = server.engine.submit(move |tx| Ok::<_, CommandError>(commands::check::check(tx.db, tx.state, now)?)).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}

/// F-128, F-130, F-131, D-57, D-58: the plan becomes tasks when its run's work has landed; the first step waits for the parent, each takes what the
/// parent has, and all of it is told once.
#[tokio::test]
async fn a_plan_becomes_tasks() {
    let server = Harness::start().await;
    let (project, task, order) = started(&server, false).await;
    assert!(order.prompt.contains("`.aq/plan.md`"), "{}", order.prompt);
    assert!(finish(&server, &order).await.plan.is_some_and(|search| search.patterns[0] == ".aq/plan.md" && !search.anywhere));
    found(&server, &order, PLAN).await;
    assert_eq!(all_plans(&server).await[0].state, PlanState::Pending);
    assert_eq!(steps(&server, &task).await.len(), 0, "nothing starts before the parent is through");
    // The server ends; the runner says the plan again with the conclusion that is ordered again.
    let server = server.restart().await;
    found(&server, &order, PLAN).await;
    conclude(&server, &order, Conclusion::NothingToDo).await;
    server.until(&task, TaskStatus::Completed).await;
    let made = steps(&server, &task).await;
    let read: Vec<_> = made.iter().map(|step| (step.task.title.as_str(), step.task.priority, step.unmet)).collect();
    assert_eq!(read, [("Add the form", 40, 0), ("Test the form", 41, 1)]);
    for step in &made {
        assert!(step.task.is_plan_subtask && !step.task.requires_approval);
        assert_eq!((step.task.max_retries, step.task.test_commands.as_slice()), (7, ["make test".to_owned()].as_slice()));
        assert_eq!(
            (&step.task.project, step.task.plan_source.as_deref()),
            (&project, Some(format!("plan:{}", all_plans(&server).await[0].id).as_str()))
        );
    }
    assert!(made[0].task.description.contains("## Background Context\nWhy we do it."));
    let announced = told(&server, EventKind::PlanApproved).await;
    assert_eq!(announced.len(), 1);
    let text = announced[0]["text"].as_str().unwrap();
    assert!(text.starts_with("📋 **Plan Generated — 2 Task(s) Created**") && text.contains("Chain: "), "{text}");
    all_is_well(&server).await;
    // F-127: a step plans no further.
    let first = server.start_order().await;
    assert_eq!(first.run.task, made[0].task.id);
    assert!(first.prompt.contains("one step of a larger plan") && !first.prompt.contains(".aq/plan.md"));
    server.running(&first.run).await;
    assert_eq!(finish(&server, &first).await.plan, None);
    found(&server, &first, &PLAN.replace("form", "table")).await;
    conclude(&server, &first, done()).await;
    server.until(&made[0].task.id, TaskStatus::Completed).await;
    assert_eq!(all_plans(&server).await.len(), 1);
    assert_eq!(server.start_order().await.run.task, made[1].task.id);
}

/// F-117, D-52: the same words become tasks once, whoever writes them again.
#[tokio::test]
async fn the_same_plan_counts_once() {
    let server = Harness::start().await;
    let (project, task, order) = started(&server, false).await;
    finish(&server, &order).await;
    found(&server, &order, PLAN).await;
    found(&server, &order, &PLAN.replace('\n', "\r\n")).await;
    conclude(&server, &order, done()).await;
    server.until(&task, TaskStatus::Completed).await;
    let other = server.task(&project, "another", &[]).await;
    let orders = [server.start_order().await, server.start_order().await];
    let second = orders.iter().find(|order| order.run.task == other).unwrap();
    server.running(&second.run).await;
    finish(&server, second).await;
    found(&server, second, PLAN).await;
    conclude(&server, second, done()).await;
    server.until(&other, TaskStatus::Completed).await;
    assert_eq!((steps(&server, &task).await.len(), steps(&server, &other).await.len()), (2, 0));
    let same = NewPlan { project, parent: None, text: PLAN.to_owned() };
    let refused = server.command(move |tx, context| commands::plans::create(tx, context, &PlanRules::default(), &same)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Precondition { reason: "PLAN_EXISTS", .. }), "{refused}");
}

/// F-130, D-57: a failed landing makes no tasks; the try that succeeds does, with the plan that it wrote.
#[tokio::test]
async fn only_landed_work_has_its_plan_followed() {
    let server = Harness::start().await;
    let (_, task, order) = started(&server, false).await;
    finish(&server, &order).await;
    found(&server, &order, PLAN).await;
    conclude(&server, &order, Conclusion::VerifyFailed { command: "make test".into(), exit_code: 1, tail: String::new() }).await;
    server.until(&task, TaskStatus::Paused).await;
    assert_eq!(steps(&server, &task).await.len(), 0);
    server.clock.advance(1_000_000);
    server.wake.ring();
    let second = server.start_order().await;
    server.running(&second.run).await;
    finish(&server, &second).await;
    found(&server, &second, "1. Only\n2. These\n3. Three\n").await;
    conclude(&server, &second, done()).await;
    server.until(&task, TaskStatus::Completed).await;
    let made = steps(&server, &task).await;
    assert_eq!(made.iter().map(|step| step.task.title.as_str()).collect::<Vec<_>>(), ["Only", "These", "Three"]);
    let states: Vec<_> = all_plans(&server).await.iter().map(|plan| plan.state).collect();
    assert!(states.contains(&PlanState::Superseded) && states.contains(&PlanState::Accepted), "{states:?}");
}

/// Plans R6, F-130: where a person is asked first, nothing is created before; a refusal with feedback sends the task back.
#[tokio::test]
async fn a_person_may_accept_plans() {
    let server = Harness::start().await;
    let (project, task, order) = started(&server, false).await;
    let fields = commands::projects::ProjectFields { plan_approval: Some(Some(PlanApproval::Approve)), ..Default::default() };
    server.command(move |tx, context| commands::projects::edit(tx, context, &project, &fields)).await.unwrap();
    finish(&server, &order).await;
    found(&server, &order, PLAN).await;
    let early = all_plans(&server).await[0].id.clone();
    let id = early.clone();
    let refused = server.command(move |tx, context| commands::plans::approve(tx, context, &PlanRules::default(), &id)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Precondition { reason: "PLAN_PENDING", .. }), "{refused}");
    conclude(&server, &order, Conclusion::NothingToDo).await;
    server.until(&task, TaskStatus::Completed).await;
    assert_eq!((steps(&server, &task).await.len(), all_plans(&server).await[0].state), (0, PlanState::Proposed));
    assert_eq!(told(&server, EventKind::PlanFound).await[0]["titles"], serde_json::json!(["Add the form", "Test the form"]));
    let id = early.clone();
    server.command(move |tx, context| commands::plans::reject(tx, context, &id, "add a page for errors")).await.unwrap();
    let again = server.start_order().await;
    assert!(again.run.task == task && again.prompt.contains("add a page for errors"));
    server.running(&again.run).await;
    finish(&server, &again).await;
    // The same plan again is the one that was refused.
    found(&server, &again, PLAN).await;
    found(&server, &again, &PLAN.replace("## Notes", "## Phase 3: Write the error page")).await;
    conclude(&server, &again, Conclusion::NothingToDo).await;
    server.until(&task, TaskStatus::Completed).await;
    let server = server.restart().await;
    let proposed = all_plans(&server).await.into_iter().find(|plan| plan.state == PlanState::Proposed).unwrap();
    let id = proposed.id.clone();
    let (_, made, order) =
        server.command(move |tx, context| commands::plans::approve(tx, context, &PlanRules::default(), &id)).await.unwrap();
    assert_eq!((made.len(), order), (3, None));
    let id = proposed.id.clone();
    let twice = server.command(move |tx, context| commands::plans::approve(tx, context, &PlanRules::default(), &id)).await.unwrap_err();
    assert!(matches!(twice, CommandError::Precondition { reason: "PLAN_DECIDED", .. }), "{twice}");
    assert_eq!(server.start_order().await.run.task, made[0].task.id);
    all_is_well(&server).await;
}

/// D-60, plans R13: where the project says so, the plan of a task that did the work itself becomes no tasks, which is told with why and with what makes
/// them all the same; elsewhere, after little work, and of a task that was to plan, it does.
#[tokio::test]
async fn a_plan_of_finished_work_becomes_no_tasks() {
    let much = |files: usize, lines_changed| Conclusion::Done {
        commit: "1".repeat(40),
        files_changed: (0..files).map(|number| format!("{number}.txt")).collect(),
        lines_changed,
        pushed: false,
    };
    for (wanted, kind, work, made) in [
        (true, None, much(3, 3), 0),
        (true, None, much(1, 50), 0),
        (true, None, much(2, 49), 2),
        (true, Some(TaskType::Plan), much(3, 50), 2),
        (false, None, much(3, 50), 2),
    ] {
        let server = Harness::start().await;
        let (project, task, order) = started(&server, false).await;
        let fields = commands::projects::ProjectFields { skip_plans_of_finished_work: Some(wanted), ..Default::default() };
        let (named, id) = (project.clone(), task.clone());
        server
            .command(move |tx, context| {
                commands::edit::edit(tx, context, &id, &commands::edit::TaskEdit { task_type: Some(kind), ..Default::default() })?;
                commands::projects::edit(tx, context, &named, &fields)
            })
            .await
            .unwrap();
        finish(&server, &order).await;
        found(&server, &order, PLAN).await;
        // What a project wants is read when the work is through, also by the next server.
        let server = server.restart().await;
        found(&server, &order, PLAN).await;
        conclude(&server, &order, work.clone()).await;
        server.until(&task, TaskStatus::Completed).await;
        assert_eq!(steps(&server, &task).await.len(), made, "{wanted} {kind:?} {work:?}");
        all_is_well(&server).await;
        let refused = told(&server, EventKind::PlanRejected).await;
        if made > 0 {
            assert_eq!((refused.len(), all_plans(&server).await[0].state), (0, PlanState::Accepted));
            continue;
        }
        let plan = all_plans(&server).await.remove(0);
        assert_eq!((plan.state, plan.decided_by.as_deref()), (PlanState::Rejected, Some("system")));
        assert_eq!((refused.len(), &refused[0]["titles"]), (1, &serde_json::json!(["Add the form", "Test the form"])));
        let (why, action) = (refused[0]["reason"].as_str().unwrap(), refused[0]["action"].as_str().unwrap());
        assert!(why.contains("did the work itself") && why.contains(" files and ") && why == plan.feedback, "{why}");
        assert!(action.starts_with(&format!("aqctl plan create --project {project} --parent {task} ")), "{action}");
        let new = NewPlan { project, parent: Some(task.clone()), text: PLAN.into() };
        server.command(move |tx, context| commands::plans::create(tx, context, &PlanRules::default(), &new)).await.unwrap();
        assert_eq!(steps(&server, &task).await.len(), 2, "a person may want its tasks all the same");
    }
}

/// F-129, F-130: the parent's own approval comes first; then the steps stay together on one branch that the last one's approval lands.
#[tokio::test]
async fn a_chain_is_accepted_as_a_whole() {
    let server = Harness::start().await;
    let (_, task, order) = started(&server, true).await;
    assert_eq!(finish(&server, &order).await.land, LandMode::KeepBranch);
    found(&server, &order, PLAN).await;
    conclude(&server, &order, done()).await;
    server.until(&task, TaskStatus::AwaitingApproval).await;
    let made = steps(&server, &task).await;
    assert_eq!(made.iter().map(|step| step.task.requires_approval).collect::<Vec<_>>(), [false, true]);
    assert!(server.nothing_started().await, "the first step waits for the parent's approval");
    let id = task.clone();
    server.command(move |tx, context| commands::control::approve(tx, context, &id)).await.unwrap();
    conclude(&server, &order, done()).await;
    server.until(&task, TaskStatus::Completed).await;
    let first = server.start_order().await;
    assert_eq!(first.run.task, made[0].task.id);
    server.running(&first.run).await;
    assert_eq!(finish(&server, &first).await.land, LandMode::KeepBranch, "work that a person has to accept does not land before");
    conclude(&server, &first, done()).await;
    let last = server.start_order().await;
    assert_eq!((last.run.task.clone(), &last.workspace.branch), (made[1].task.id.clone(), &first.workspace.branch));
    server.running(&last.run).await;
    assert_eq!(finish(&server, &last).await.land, LandMode::KeepBranch);
    conclude(&server, &last, done()).await;
    server.until(&made[1].task.id, TaskStatus::AwaitingApproval).await;
    let id = made[1].task.id.clone();
    server.command(move |tx, context| commands::control::approve(tx, context, &id)).await.unwrap();
    let wanted = last.run.clone();
    let land = server
        .ordered(move |order| match order {
            RunnerOrder::Conclude(order) if order.run == wanted => Some(order.land),
            _ => None,
        })
        .await;
    assert_eq!(land, LandMode::Merge);
    all_is_well(&server).await;
}

fn leave_plan_mode(id: &str) -> OutputBody {
    OutputBody::Question(Question {
        request_id: id.into(),
        kind: QuestionKind::PlanApproval,
        text: "Is this plan accepted?".into(),
        tool: String::new(),
        detail: PLAN.into(),
        options: Vec::new(),
    })
}

/// Plans R4: a plan that an agent wants accepted is a plan: it may become tasks, and the agent is told so; or the agent carries it out.
#[tokio::test]
async fn a_plan_that_an_agent_asks_about_is_a_plan() {
    let server = Harness::start().await;
    let (_, task, order) = started(&server, false).await;
    let items = vec![OutputItem { seq: 1, at: server.clock.now(), body: leave_plan_mode("x1") }];
    server.report(&order.run, RunReport::Output { items }).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    let plan = all_plans(&server).await.remove(0);
    assert_eq!(plan.state, PlanState::Proposed);
    let id = plan.id.clone();
    let (_, made, order_for_agent) =
        server.command(move |tx, context| commands::plans::approve(tx, context, &PlanRules::default(), &id)).await.unwrap();
    assert!(matches!(order_for_agent, Some(RunnerOrder::Answer { answer: Answer::Deny { .. }, .. })), "{order_for_agent:?}");
    assert_eq!(made.iter().map(|step| step.unmet).collect::<Vec<_>>(), [1, 1]);
    let items = vec![OutputItem {
        seq: 2,
        at: server.clock.now(),
        body: OutputBody::QuestionClosed { request_id: "x1".into(), answer: String::new() },
    }];
    server.report(&order.run, RunReport::Output { items }).await;
    finish(&server, &order).await;
    conclude(&server, &order, Conclusion::NothingToDo).await;
    assert_eq!(server.start_order().await.run.task, made[0].task.id);
    all_is_well(&server).await;
}

/// Plans R4: an answer to the question decides the plan as well.
#[tokio::test]
async fn an_answer_decides_the_plan() {
    let server = Harness::start().await;
    let (_, task, order) = started(&server, false).await;
    let items = vec![OutputItem { seq: 1, at: server.clock.now(), body: leave_plan_mode("x1") }];
    server.report(&order.run, RunReport::Output { items }).await;
    let id = task.clone();
    server.command(move |tx, context| commands::questions::answer(tx, context, &id, "", Answer::Allow, None)).await.unwrap();
    assert_eq!(all_plans(&server).await[0].state, PlanState::Answered);
    assert_eq!(steps(&server, &task).await.len(), 0);
}

/// Plans R7, F-127: a person's own plan becomes tasks at once, beyond the limit it is told what does not; a text without work is refused.
#[tokio::test]
async fn a_person_may_bring_a_plan() {
    let server = Harness::start().await;
    let project = server.project("App", 1).await;
    let new = NewPlan { project: project.clone(), parent: None, text: PLAN.to_owned() };
    let rules = PlanRules { max_steps: 1, base_priority: 30, ..PlanRules::default() };
    let (plan, made) = server.command(move |tx, context| commands::plans::create(tx, context, &rules, &new)).await.unwrap();
    assert_eq!((plan.state, made.len(), made[0].task.priority, made[0].task.status), (PlanState::Accepted, 1, 30, TaskStatus::Ready));
    assert_eq!(told(&server, EventKind::PlanApproved).await[0]["dropped"], serde_json::json!(["Test the form"]));
    let empty = NewPlan { project, parent: None, text: "# Title only\n".to_owned() };
    let refused = server.command(move |tx, context| commands::plans::create(tx, context, &PlanRules::default(), &empty)).await.unwrap_err();
    assert!(refused.to_string().starts_with("text: holds nothing to do"), "{refused}");
    all_is_well(&server).await;
}
