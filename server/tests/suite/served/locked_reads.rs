//! Reading while another program holds the lock of the database: every call that looks, found by its name in the contract.

use std::collections::BTreeMap;

use aq_proto::v1 as pb;
use aq_server::clock::{Clock as _, SystemClock};
use aq_server::store::{Connection, DatabaseUrl, open_migrated};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MethodDescriptor, Value};
use tonic::{Code, Status};

use super::world::Served;
use crate::api::raw::Raw;

const CONFIG: &str = "agents:\n  sandbox: none\n";

/// How the names of calls begin that only look.
const LOOKING: &[&str] = &["Get", "List", "Explain", "Forecast", "Check", "Compare", "Render", "Stream"];

/// What is not there in this test, and is looked for all the same.
const MISSING: &[&str] = &[
    "CheckConflicts",
    "CompareNotes",
    "GetConsumer",
    "GetHook",
    "GetHookRun",
    "GetNote",
    "GetPlan",
    "GetPrompt",
    "GetTaskError",
    "ListHookRuns",
    "ListHookTimes",
    "RenderPrompt",
];

fn looks(method: &MethodDescriptor) -> bool {
    LOOKING.iter().any(|begin| method.name().starts_with(begin))
}

/// A request with the fields that are known, by their names.
fn request(method: &MethodDescriptor, known: &BTreeMap<&str, String>) -> DynamicMessage {
    let mut made = DynamicMessage::new(method.input());
    for field in method.input().fields() {
        // One of the two is enough for it, and both are too much.
        let both = method.name() == "GetChainHealth" && field.name() == "project_id";
        if let (Kind::String, Some(value), false) = (field.kind(), known.get(field.name()), field.is_list() || both) {
            made.set_field(&field, Value::String(value.clone()));
        }
    }
    made
}

/// The first message of the answer.
async fn call(served: &Served, method: &MethodDescriptor, body: Vec<u8>) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(served.admin.channel());
    grpc.ready().await.unwrap();
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let answer = grpc.server_streaming(tonic::Request::new(body), path.parse().unwrap(), Raw).await?;
    answer.into_inner().message().await.map(|_| ())
}

/// Store R9, R23, F-017: another program writes and does not end; every call that only looks answers as ever, and sees what was committed last.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_that_looks_answers_under_a_foreign_lock() {
    let served = Served::start(CONFIG).await;
    let project = served.project().await;
    let task = served.task(&project, "say hello\nwrite a.txt hello\ncommit Add a\ndone All done.").await;
    served.told(&task, "task.completed").await;
    let account = pb::CreateAccountRequest { name: "Plan".into(), runtime: pb::Runtime::Claude.into(), ..Default::default() };
    let account = served.admin.accounts().create_account(account).await.unwrap().into_inner().id;
    let agents = served.admin.agents().list_agents(pb::ListAgentsRequest::default()).await.unwrap().into_inner().agents;
    let waiting = served.task(&project, "wait-file never").await;
    let known: BTreeMap<&str, String> = BTreeMap::from([
        ("project_id", project.clone()),
        ("task_id", task.clone()),
        ("account_id", account),
        ("agent_id", agents.first().unwrap().id.clone()),
        ("hook_id", "none".to_owned()),
        ("hook_run_id", "none".to_owned()),
        ("plan_id", "none".to_owned()),
        ("name", "none".to_owned()),
        ("consumer", "nobody".to_owned()),
    ]);

    let url = DatabaseUrl::sqlite(&served.home().join("db/agent-queue.db"));
    let mut theirs: Connection = open_migrated(&url, &served.home().join("backups"), SystemClock.now()).unwrap().0;
    theirs.batch("BEGIN EXCLUSIVE").unwrap();
    let pool = DescriptorPool::decode(aq_proto::FILE_DESCRIPTOR_SET).unwrap();
    let methods: Vec<_> = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).filter(looks).collect();
    let mut answered = 0;
    let mut offences = Vec::new();
    for method in &methods {
        match call(&served, method, request(method, &known).encode_to_vec()).await {
            Ok(()) => answered += 1,
            Err(status)
                if MISSING.contains(&method.name())
                    && matches!(status.code(), Code::NotFound | Code::InvalidArgument | Code::FailedPrecondition) => {}
            Err(status) => offences.push(format!("{}: {status:?}", method.name())),
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
    assert!(answered >= 40, "{answered} of {}", methods.len());
    // What was committed last is seen, and the lock is real.
    let all = pb::ListTasksRequest { include_finished: true, ..Default::default() };
    let listed = served.admin.tasks().list_tasks(all).await.unwrap().into_inner();
    assert!(listed.tasks.iter().any(|one| one.id == waiting), "{:?}", listed.tasks);
    let refused = served.admin.projects().pause_project(pb::PauseProjectRequest { project_id: project, ..Default::default() }).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
    theirs.batch("ROLLBACK").unwrap();
}
