//! Plans read by a model (F-126): its steps are used and capped, and where it fails the rules read the plan.

use std::sync::Arc;

use aq_core::chat::{ChatModel, Delta, ModelError, RawToolUse};
use aq_core::output::TokenUsage;
use aq_core::plan::{PlanParser, PlanParserError};
use aq_core::runner_link::RunReport;
use aq_server::chat::{Books, ModelPlans};
use aq_server::chat_models::Scripted;
use aq_server::clock::SharedClock;
use aq_server::store::{PlanRecord, plans};
use serde_json::json;

use crate::chat_models::stub::{Reply, Stub};
use crate::chat_models::words::{Part, Wire};
use crate::harness::{Harness, new_task};

const PLAN: &str = "# Login\n\n## Phase 1: Add the form\n\nBuild it in the page, with two fields.\n\n## Phase 2: Test it\n\nType and look at the answer.\n";

fn parser(server: &Harness, model: Arc<dyn ChatModel>) -> ModelPlans {
    let clock = Arc::clone(&server.clock) as SharedClock;
    ModelPlans { model, name: String::new(), books: Books { engine: server.engine.clone(), clock } }
}

/// What is kept of a plan that a run wrote, when `model` reads it, and how often the model was asked.
async fn kept(model: Arc<Scripted>) -> (PlanRecord, usize, u64) {
    let server = Harness::start().await;
    let first = server.sink.plan_parser().set(Arc::new(parser(&server, Arc::clone(&model) as _)));
    assert!(first.is_ok());
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let new = new_task(&project, "Plan the login", &[]);
    server.command(move |tx, context| aq_server::commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let order = server.start_order().await;
    server.running(&order.run).await;
    for _ in 0..2 {
        let report = RunReport::PlanFound { path: ".aq/plan.md".into(), text: PLAN.into(), truncated: false };
        server.report(&order.run, report).await;
    }
    let plan = server.reader.read(|db| Ok::<_, aq_server::store::StoreError>(plans::index(db, None)?.remove(0).id)).await.unwrap();
    let record = server.reader.read(move |db| plans::by_id(db, &plan)).await.unwrap().unwrap();
    let spent = server.reader.read(|db| aq_server::store::ledger::since(db, aq_core::time::Timestamp::from_millis(0))).await.unwrap();
    (record, model.asked().len(), spent.iter().map(|(_, _, tokens)| tokens).sum())
}

fn proposes(arguments: serde_json::Value) -> Arc<Scripted> {
    Arc::new(Scripted::new(move |_| {
        let wanted = RawToolUse { id: "1".into(), name: "extract_plan_steps".into(), arguments: arguments.to_string() };
        Ok(vec![Ok(Delta::ToolUse(wanted)), Ok(Delta::Usage(TokenUsage { input: 9, ..Default::default() }))])
    }))
}

/// F-126: the model is asked once, its usable steps stay with the plan, and its tokens are counted.
#[tokio::test]
async fn a_models_steps_are_used() {
    let step = |title: &str, description: &str| json!({ "title": title, "description": description });
    let (plan, asked, spent) =
        kept(proposes(json!({ "steps": [step("Build it", "all of it"), step("", "x"), step("Test it", "well")] }))).await;
    let read = aq_core::plan::reading(&plan.text, &plan.proposed, 20);
    let titles: Vec<_> = read.steps.iter().map(|step| step.title.as_str()).collect();
    assert_eq!((titles, read.strategy.as_str(), asked, spent), (vec!["Build it", "Test it"], "model", 1, 9));
    assert_eq!(aq_core::plan::reading(&plan.text, &plan.proposed, 1).dropped, ["Test it"]);
}

/// F-126: a model that fails, answers something else or proposes nothing usable leaves the plan to the rules.
#[tokio::test]
async fn the_rules_read_what_a_model_does_not() {
    let models = [
        Arc::new(Scripted::new(|_| Err(ModelError::Overloaded("busy".into())))),
        Arc::new(Scripted::new(|_| Ok(vec![Ok(Delta::Text("Here are the steps: 1. build".into()))]))),
        proposes(json!({ "steps": "none" })),
        proposes(json!({ "steps": [{ "title": 7 }] })),
    ];
    for model in models {
        let (plan, asked, _) = kept(model).await;
        let read = aq_core::plan::reading(&plan.text, &plan.proposed, 20);
        let titles: Vec<_> = read.steps.iter().map(|step| step.title.as_str()).collect();
        assert_eq!((titles, asked), (vec!["Add the form", "Test it"], 1));
    }
}

/// F-126: over each wire the tool is asked for by its schema, and its steps come back.
#[tokio::test]
async fn plans_are_read_over_every_wire() {
    let server = Harness::start().await;
    for wire in Wire::ALL {
        let stub = Stub::start(wire, |asked| {
            assert_eq!(asked.tools["extract_plan_steps"]["properties"]["steps"]["maxItems"], 3);
            assert!(asked.said.contains("Phase 1"));
            Reply::Say(vec![Part::tool("extract_plan_steps", &json!({ "steps": [{ "title": "Do it", "description": "now" }] }))])
        })
        .await;
        let steps = parser(&server, stub.model()).propose(PLAN, 3).await.unwrap();
        assert_eq!((steps.len(), steps[0].title.as_str()), (1, "Do it"), "{wire:?}");
    }
    let odd = Scripted::new(|_| Ok(vec![Ok(Delta::Text("no".into()))]));
    let refused = parser(&server, Arc::new(odd)).propose(PLAN, 3).await;
    assert!(matches!(refused, Err(PlanParserError::NoSteps(_))));
}
