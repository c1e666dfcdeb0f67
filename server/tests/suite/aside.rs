//! Rows that hold what nobody of ours wrote: a start sets each aside by itself, and goes on.

use aq_core::ids::RunRef;
use aq_core::runner_link::RunnerOrder;
use aq_server::clock::Clock as _;
use aq_server::commands::accounts::{AccountFields, create};
use aq_server::commands::check::{Finding, check};
use aq_server::store::StoreError;

use crate::harness::Harness;

/// What is planted, and the beginnings of what is found of it.
struct Garbage {
    sql: &'static str,
    found: &'static [&'static str],
    /// True: the run at work is taken up all the same.
    attached: bool,
}

const fn garbage(sql: &'static str, found: &'static [&'static str], attached: bool) -> Garbage {
    Garbage { sql, found, attached }
}

/// One of each kind of row that a start reads. `{bad}` is the task at work, `{later}` one of the same project that is READY, `{agent}` the agent at work.
const KINDS: &[Garbage] = &[
    garbage("UPDATE tasks SET verification = 'garbage' WHERE id = '{bad}'", &["task {bad} (key "], false),
    garbage("UPDATE runs SET runtime = 'garbage' WHERE task_id = '{bad}'", &["run {bad}/1"], false),
    garbage("UPDATE projects SET status = 'garbage' WHERE id = 'bad'", &["project bad"], false),
    garbage("UPDATE workspaces SET kind = 'garbage' WHERE project_id = 'bad'", &["workspace "], false),
    garbage("UPDATE agents SET runtime = 'garbage' WHERE id = '{agent}'", &["agent {agent}"], false),
    garbage(
        "UPDATE accounts SET policy = '{'; UPDATE agents SET account_id = 'plan' WHERE id = '{agent}'",
        &["account plan", "agent {agent}"],
        true,
    ),
    garbage(
        "INSERT INTO limit_windows (account_id, name, status, source, observed_at) VALUES ('plan', 'w', 'garbage', 's', 0); \
         UPDATE agents SET account_id = 'plan' WHERE id = '{agent}'",
        &["account plan", "agent {agent}"],
        true,
    ),
    garbage("UPDATE tasks SET needs = 'garbage' WHERE id = '{later}'", &["task with key "], true),
    garbage("UPDATE tasks SET verification = 'garbage' WHERE id = '{later}'", &["task {later} (key "], true),
    garbage("INSERT INTO settings (name, value) VALUES ('budget.limit.global', 'garbage')", &["setting budget.limit.global"], true),
];

async fn findings(server: &Harness) -> Vec<Finding> {
    let now = server.clock.now();
    server.engine.submit(move |tx| check(tx.db, tx.state, now)).await.unwrap()
}

/// F-018, store R24, C-13: garbage in a row of each kind keeps no start from going on. It is named with what helps, an agent at work and its workspace stay taken, nothing of it
/// is cleared away, other work starts; and once the row is repaired the task goes on where it was.
#[tokio::test]
async fn garbage_in_a_row_of_each_kind_keeps_no_start_from_going_on() {
    for kind in KINDS {
        let server = Harness::start().await;
        server.agents(2).await;
        let fields = AccountFields { name: Some("Plan".to_owned()), ..AccountFields::default() };
        server.command(move |tx, context| create(tx, context, &fields)).await.unwrap();
        let (project, other) = (server.project("Bad", 1).await, server.project("Good", 1).await);
        let bad = server.task(&project, "bad", &[]).await;
        let order = server.start_order().await;
        server.running(&order.run).await;
        let later = server.task(&project, "later", &[]).await;
        let agent = server.runs(&bad).await[0].run.agent.clone();
        let filled = |text: &str| text.replace("{bad}", bad.as_str()).replace("{later}", later.as_str()).replace("{agent}", agent.as_str());
        let sql = filled(kind.sql);
        let tables = ["tasks", "runs", "projects", "workspaces", "agents", "accounts"];
        let keep = tables.map(|table| format!("CREATE TABLE kept_{table} AS SELECT * FROM {table};")).concat();
        let planted = format!("{keep} PRAGMA ignore_check_constraints = ON; {sql}; PRAGMA ignore_check_constraints = OFF");
        server.engine.submit(move |tx| tx.db.batch(&planted)).await.unwrap();

        let server = server.restart().await;
        let open = server.ordered(|order| if let RunnerOrder::Sweep { open } = order { Some(open.clone()) } else { None }).await;
        assert_eq!(open, [RunRef { task: bad.clone(), number: 1 }], "{}: nothing of it is cleared away", kind.sql);
        let told: Vec<_> = findings(&server).await.into_iter().filter(|finding| finding.rule == "C-13").collect();
        let named =
            |begin: &str| told.iter().any(|finding| finding.subject.starts_with(&filled(begin)) && finding.remedy.contains("backup"));
        assert!(kind.found.iter().all(|begin| named(begin)) && told.len() == kind.found.len(), "{}: {told:?}", kind.sql);
        let orders = server.link.take();
        assert_eq!(orders.iter().any(|order| matches!(order, RunnerOrder::Attach { .. })), kind.attached, "{}", kind.sql);
        assert!(!orders.iter().any(|order| matches!(order, RunnerOrder::Start(_))), "{}: its places stay taken", kind.sql);
        let (good, next) = (server.task(&other, "good", &[]).await, server.task(&other, "next", &[]).await);
        let order = server.start_order().await;
        assert_eq!(order.run.task, good, "{}", kind.sql);
        server.running(&order.run).await;
        server.succeed(&order.run).await;
        let order = server.start_order().await;
        assert_eq!(order.run.task, next, "{}", kind.sql);

        // Repaired, as a backup would.
        let back = ["verification", "needs"].map(|column| {
            format!("UPDATE tasks SET {column} = (SELECT {column} FROM kept_tasks k WHERE k.key = tasks.key) WHERE key IN (SELECT key FROM kept_tasks);")
        });
        let repaired = back.concat()
            + "UPDATE runs SET runtime = 'scripted'; UPDATE projects SET status = (SELECT status FROM kept_projects k WHERE k.id = projects.id); \
               UPDATE workspaces SET kind = (SELECT kind FROM kept_workspaces k WHERE k.id = workspaces.id); UPDATE accounts SET policy = '{}'; \
               UPDATE agents SET runtime = 'scripted', account_id = NULL; DELETE FROM limit_windows; DELETE FROM settings WHERE name LIKE 'budget.limit.%'";
        server.engine.submit(move |tx| tx.db.batch(&repaired)).await.unwrap();
        let server = server.restart().await;
        let wanted = RunRef { task: bad.clone(), number: 1 };
        server
            .ordered(|order| if let RunnerOrder::Attach { start, .. } = order { (start.run == wanted).then_some(()) } else { None })
            .await;
        let left: Vec<_> = findings(&server).await.into_iter().filter(|finding| finding.rule == "C-13").collect();
        assert!(left.is_empty(), "{}: {left:?}", kind.sql);
    }
}

/// Store R24: what fails for another reason is no garbage, and stops the start.
#[test]
fn only_garbage_is_set_aside() {
    let mut aside = Vec::new();
    let away: Result<(), _> = Err(StoreError::Unavailable("away".to_owned()));
    assert!(aq_server::store::set_aside(&mut aside, String::new, away).is_err() && aside.is_empty());
}
