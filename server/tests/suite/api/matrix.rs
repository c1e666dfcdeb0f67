//! Every call of the contract, through the transport, with a key of every role, reach and state: who gets in, who is refused, and that nothing of a project is told or
//! changed to a key that does not reach it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::principal::{Principal, ProjectScope, Role};
use aq_proto::client::{Connection, Options};
use aq_proto::v1 as pb;
use aq_server::api::{KeyRing, PERMISSIONS};
use aq_server::clock::Clock;
use aq_server::grpc::{Gate, GrpcOptions, Health, KeyStore, KeyStoreUnavailable, Permissions, bind, serve};
use aq_server::store::{ApiKey, api_keys, new_key};
use prost::Message as _;
use prost_reflect::{Cardinality, DescriptorPool, DynamicMessage, Kind, MethodDescriptor, Value};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::fixture::Server;
use super::raw::{Raw, methods, path, pool};

/// The ring, as the transport asks it.
struct Keys(KeyRing);

#[tonic::async_trait]
impl KeyStore for Keys {
    async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, KeyStoreUnavailable> {
        self.0.verify(kid, secret).await.map_err(|error| KeyStoreUnavailable(error.to_string()))
    }
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Valid,
    Expired,
    Revoked,
    /// The public part of a valid key, with another secret.
    Wrong,
    /// Nobody made it.
    Unknown,
    /// There is none.
    Missing,
}

const STANDINGS: [Standing; 6] =
    [Standing::Valid, Standing::Expired, Standing::Revoked, Standing::Wrong, Standing::Unknown, Standing::Missing];

/// What a key reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    All,
    /// The project that is asked about.
    Own,
    /// Another one.
    Other,
}

/// The reaches that keys of a role have: an administrator's is everything, an agent's the project of its task.
fn reaches(role: Role) -> &'static [Reach] {
    match role {
        Role::Admin => &[Reach::All],
        Role::Run => &[Reach::Own, Reach::Other],
        Role::Viewer | Role::Operator | Role::Gateway => &[Reach::All, Reach::Own, Reach::Other],
    }
}

/// Calls that somebody may make whose key reaches everything, and that keys limited to projects are refused.
const WHOLE_SERVER: [&str; 9] = [
    "/agentqueue.v1.ProjectService/CreateProject",
    "/agentqueue.v1.AgentService/CreateAgent",
    "/agentqueue.v1.AgentService/UpdateAgent",
    "/agentqueue.v1.AgentService/PauseAgent",
    "/agentqueue.v1.AgentService/ResumeAgent",
    "/agentqueue.v1.AgentService/DeleteAgent",
    "/agentqueue.v1.AccountService/SetBudget",
    "/agentqueue.v1.AdminService/PauseScheduling",
    "/agentqueue.v1.AdminService/ResumeScheduling",
];

/// A server behind its transport, with two projects that have a task each.
struct World {
    server: Server,
    endpoint: String,
    stop: CancellationToken,
    /// What exists of the project that is asked about, by the name of the field that names it.
    known: BTreeMap<&'static str, String>,
    tasks: BTreeMap<Reach, String>,
    _socket: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let server = Server::start().await;
        let admin = server.admin();
        let (mine, other) = (admin.project("mine").await, admin.project("other").await);
        admin.agent("nova").await;
        let (own, theirs) = (admin.task(&mine.id, "of mine").await, admin.task(&other.id, "of other").await);
        let socket = tempfile::tempdir().unwrap();
        let options = GrpcOptions {
            unix_socket: Some(socket.path().join("aqd.sock")),
            calls_per_second: 1_000_000,
            bad_keys_per_minute: 1_000_000,
            streams_per_principal: 10_000,
            ..GrpcOptions::default()
        };
        let permissions = PERMISSIONS.iter().fold(Permissions::new(), |table, (path, roles)| table.allow(path, roles));
        let ring = KeyRing::new(server.inner.reader.clone(), Arc::clone(&server.inner.clock) as Arc<dyn Clock>);
        let listeners = bind(&options).await.unwrap();
        let (endpoint, stop, health) = (listeners.endpoint().unwrap(), CancellationToken::new(), Health::starting().await);
        let gate = Gate { keys: Arc::new(Keys(ring)), permissions, calls: None, witness: Some(Arc::new(server.api.clone())) };
        let (routes, ended) = (server.api.routes(), stop.clone());
        tokio::spawn(async move { serve(listeners, &options, gate, routes, health, ended).await });
        let known = BTreeMap::from([("project_id", mine.id.clone()), ("task_id", own.id.clone()), ("depends_on_task_id", own.id.clone())]);
        let tasks = BTreeMap::from([(Reach::All, own.id.clone()), (Reach::Own, own.id), (Reach::Other, theirs.id)]);
        Self { server, endpoint, stop, known, tasks, _socket: socket }
    }

    /// A connection with a key of this kind.
    async fn client(&self, role: Role, reach: Reach, standing: Standing) -> Connection {
        let now = self.server.inner.clock.now();
        let only = |id: &str| ProjectScope::Only(BTreeSet::from([ProjectId::parse(id).unwrap()]));
        let scope = match reach {
            Reach::All => ProjectScope::All,
            Reach::Own => only("mine"),
            Reach::Other => only("other"),
        };
        let mut made = new_key(role, scope, "", now, Some(now.plus_millis(if standing == Standing::Expired { 0 } else { 86_400_000 })));
        made.record.run = (role == Role::Run).then(|| RunRef { task: TaskId::parse(&self.tasks[&reach]).unwrap(), number: 1 });
        made.record.revoked_at = (standing == Standing::Revoked).then_some(now);
        let other = new_key(role, ProjectScope::All, "", now, None).key;
        let key = match standing {
            Standing::Wrong => format!("aq_{}_{}", made.record.kid, other.rsplit('_').next().unwrap()),
            _ => made.key,
        };
        let record: ApiKey = made.record;
        if standing != Standing::Unknown {
            self.server.inner.engine.submit(move |tx| api_keys::insert(tx.db, &record)).await.unwrap();
        }
        let key = (standing != Standing::Missing).then(|| key.parse().unwrap());
        let connection = Connection::connect(&Options::new(self.endpoint.parse().unwrap(), key)).await.unwrap();
        if role == Role::Gateway && standing != Standing::Missing { connection.on_behalf_of("discord:7").unwrap() } else { connection }
    }

    /// A request that names what there is, or what there is not.
    fn request(&self, method: &MethodDescriptor, real: bool) -> Vec<u8> {
        let mut request = DynamicMessage::new(method.input());
        for field in method.input().fields() {
            let name = field.name();
            let text = match self.known.get(name) {
                Some(id) if real => id.clone(),
                _ if name.ends_with("_id") && name != "request_id" => "no-such-one".to_owned(),
                _ => continue,
            };
            if matches!(field.kind(), Kind::String) && field.cardinality() != Cardinality::Repeated {
                request.set_field(&field, Value::String(text));
            }
        }
        request.encode_to_vec()
    }

    /// True when the call names something of the project.
    fn names(&self, method: &MethodDescriptor) -> bool {
        method.input().fields().any(|field| self.known.contains_key(field.name()) && field.cardinality() != Cardinality::Repeated)
    }

    /// Everything that people see of the project.
    async fn seen(&self) -> String {
        let admin = self.server.admin();
        let project = admin.projects().get_project(pb::GetProjectRequest { project_id: "mine".into() }).await.unwrap().into_inner();
        let tasks = pb::ListTasksRequest { project_ids: vec!["mine".into()], include_finished: true, ..Default::default() };
        let tasks = admin.tasks().list_tasks(tasks).await.unwrap().into_inner();
        let notes = pb::ListNotesRequest { project_id: "mine".into(), ..Default::default() };
        let notes = admin.notes().list_notes(notes).await.unwrap().into_inner();
        let hooks = pb::ListHooksRequest { project_id: "mine".into(), ..Default::default() };
        let hooks = admin.hooks().list_hooks(hooks).await.unwrap().into_inner();
        format!("{project:?} {tasks:?} {notes:?} {hooks:?}")
    }
}

/// The status of a call, and its first answer.
async fn call(connection: &Connection, path: &str, body: Vec<u8>) -> Result<Option<Vec<u8>>, Status> {
    let mut grpc = tonic::client::Grpc::new(connection.channel());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let answer = grpc.server_streaming(tonic::Request::new(body), path.parse().unwrap(), Raw).await?;
    answer.into_inner().message().await
}

/// Api R1, R2, gRPC R4, I-41, I-42, I-43: roles × calls × projects × states of keys, every cell. A key that is expired, revoked, wrong, unknown or missing opens nothing,
/// whatever its role; a role reaches the calls of the table and no other; a key of another project is told nothing of this one and changes nothing in it; and a key
/// that reaches it is let in.
#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_the_matrix() {
    let world = World::start().await;
    let table: BTreeMap<&str, &[Role]> = PERMISSIONS.iter().copied().collect();
    let pool: DescriptorPool = pool();
    let methods = methods(&pool);
    let before = world.seen().await;
    let (mut cells, mut hidden, mut offences) = (BTreeMap::<Standing, usize>::new(), BTreeSet::new(), Vec::new());
    for role in Role::ALL {
        for reach in reaches(*role) {
            for standing in STANDINGS {
                let client = world.client(*role, *reach, standing).await;
                for method in &methods {
                    let path = path(method);
                    let allowed = table[path.as_str()].contains(role);
                    *cells.entry(standing).or_default() += 1;
                    // Whoever reaches it asks for what is not there: what is right would be done, and is shown elsewhere.
                    let foreign = *reach == Reach::Other && world.names(method);
                    let answer = call(&client, &path, world.request(method, foreign)).await;
                    let code = answer.as_ref().err().map_or(Code::Ok, Status::code);
                    let limited = *reach != Reach::All && WHOLE_SERVER.contains(&path.as_str());
                    let right = match (standing, allowed) {
                        (Standing::Valid, true) if foreign => !matches!(code, Code::Ok | Code::Unauthenticated | Code::Internal),
                        (Standing::Valid, true) if limited => code != Code::Ok && code != Code::Unauthenticated,
                        (Standing::Valid, true) => !matches!(code, Code::PermissionDenied | Code::Unauthenticated | Code::Internal),
                        (Standing::Valid, false) => code == Code::PermissionDenied,
                        _ => code == Code::Unauthenticated,
                    };
                    if foreign && allowed && code == Code::NotFound {
                        hidden.insert(path.clone());
                    }
                    if !right {
                        offences.push(format!("{role} {reach:?} {standing:?} {path}: {answer:?}"));
                    }
                }
            }
        }
    }
    assert!(offences.is_empty(), "{} cells are wrong:\n{}", offences.len(), offences.join("\n"));
    let keys: usize = Role::ALL.iter().map(|role| reaches(*role).len()).sum();
    assert_eq!(methods.len(), PERMISSIONS.len());
    assert!(STANDINGS.iter().all(|standing| cells[standing] == keys * methods.len()), "{cells:?}");
    assert_eq!(world.seen().await, before, "a key of another project changed something");
    // audit R1, R2: refusals of keys that are known are recorded with their way, and nothing of the log was lost among them.
    let admin = world.server.admin();
    let refused = pb::ListAuditRecordsRequest { refused_only: true, page_size: 200, ..Default::default() };
    let told = admin.admin().list_audit_records(refused).await.unwrap().into_inner().records;
    assert!(
        told.len() == 200 && told.iter().all(|record| record.origin.starts_with("unix uid=") && !record.call_id.is_empty()),
        "{told:?}"
    );
    assert!(admin.admin().verify_audit_log(pb::VerifyAuditLogRequest::default()).await.unwrap().into_inner().sound);
    assert!(hidden.len() >= 40, "{} calls said that there is no such thing: {hidden:?}", hidden.len());
    println!(
        "score: authority: 0 cells answered otherwise; {} cells: {} calls, {keys} roles with what they reach, {} states of keys",
        keys * methods.len() * 6,
        methods.len(),
        STANDINGS.len()
    );
    world.stop.cancel();
}
