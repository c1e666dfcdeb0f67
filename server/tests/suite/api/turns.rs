//! Whose reads wait for whose.

use std::sync::Arc;

use aq_core::ids::TaskId;
use aq_core::principal::{ProjectScope, Role};
use aq_proto::client::ApiKey;
use aq_proto::v1 as pb;
use aq_server::api::KeyRing;
use aq_server::clock::Clock;
use aq_server::store::{Connection, DatabaseUrl, Reader, StoreError, api_keys, new_key};
use tokio::sync::{RwLock, oneshot};
use tokio::task::JoinHandle;

use super::fixture::{Server, principal};

/// Store R9, G15: what a key asks for waits for what the same key asked for before, and not for what others did.
#[tokio::test]
async fn keys_wait_for_themselves() {
    let server = Server::start().await;
    let gate = Arc::new(RwLock::new(()));
    let shut = gate.write().await;
    let busy = server.inner.reader.asked_by(&principal(Role::Operator, &[]).key_id);
    let queries = held(&busy, 20, &gate).await;

    let (operator, viewer) = (server.role(Role::Operator, &[]), server.role(Role::Viewer, &[]));
    let mut client = operator.projects();
    let mut late = Box::pin(client.list_projects(pb::ListProjectsRequest::default()));
    assert!(futures_util::poll!(&mut late).is_pending());
    viewer.projects().list_projects(pb::ListProjectsRequest::default()).await.unwrap();
    viewer.tasks().list_tasks(pb::ListTasksRequest::default()).await.unwrap();
    viewer.admin().get_status(pb::GetStatusRequest::default()).await.unwrap();
    assert!(futures_util::poll!(&mut late).is_pending(), "its turn comes after what its own key asked for before");

    drop(shut);
    late.await.unwrap();
    for query in queries {
        query.await.unwrap().unwrap();
    }
}

/// Store R9: whoever comes with a key is not kept waiting by what the server itself reads.
#[tokio::test]
async fn keys_are_looked_for_beside_the_servers_own_reads() {
    let server = Server::start().await;
    let gate = Arc::new(RwLock::new(()));
    let shut = gate.write().await;
    let queries = held(&server.inner.reader, 5, &gate).await;
    let ring = KeyRing::new(server.inner.reader.clone(), Arc::clone(&server.inner.clock) as Arc<dyn Clock>);
    let found = tokio::time::timeout(std::time::Duration::from_secs(60), ring.verify("nobody", "has this")).await;
    assert!(found.expect("the look for a key waits for the server").unwrap().is_none());
    drop(shut);
    for query in queries {
        query.await.unwrap().unwrap();
    }
}

/// Store R9, G15: a flood of keys that nobody has keeps newcomers waiting, and nobody whose key was known.
#[tokio::test]
async fn invented_keys_keep_no_owner_of_one_waiting() {
    let server = Server::start().await;
    let made = new_key(Role::Viewer, ProjectScope::All, "reads", server.inner.clock.now(), None);
    let (record, key) = (made.record, made.key.parse::<ApiKey>().unwrap());
    server.inner.engine.submit(move |tx| api_keys::insert(tx.db, &record)).await.unwrap();
    let ring = KeyRing::new(server.inner.reader.clone(), Arc::clone(&server.inner.clock) as Arc<dyn Clock>);
    assert!(ring.verify(key.kid(), "a wrong secret makes it known as well").await.unwrap().is_none());
    server.inner.clock.advance(5_000);

    let gate = Arc::new(RwLock::new(()));
    let shut = gate.write().await;
    let flood = server.inner.reader.asked_by("authentication of newcomers");
    let queries = held(&flood, 20, &gate).await;
    let mut newcomer = Box::pin(ring.verify("nobody", "has this"));
    assert!(futures_util::poll!(&mut newcomer).is_pending());
    let known = tokio::time::timeout(std::time::Duration::from_secs(60), ring.verify(key.kid(), key.secret())).await;
    assert!(known.expect("the key waits for the flood").unwrap().is_some());
    assert!(futures_util::poll!(&mut newcomer).is_pending(), "it stands behind the flood");

    drop(shut);
    assert!(newcomer.await.unwrap().is_none());
    for query in queries {
        query.await.unwrap().unwrap();
    }
}

/// Api R9: what was read of a key before it was revoked is not remembered after it.
#[tokio::test]
async fn a_key_that_is_revoked_while_it_is_read_is_refused_from_then_on() {
    let server = Server::start().await;
    let clock = Arc::clone(&server.inner.clock) as Arc<dyn Clock>;
    let made = new_key(Role::Viewer, ProjectScope::All, "reads", clock.now(), None);
    let (record, key) = (made.record, made.key.parse::<ApiKey>().unwrap());
    server.inner.engine.submit(move |tx| api_keys::insert(tx.db, &record)).await.unwrap();
    // With one thread, reads are done in their order.
    let reader = Reader::start(&DatabaseUrl::sqlite(&server.inner.home.path().join("db/agent-queue.db")), 1).unwrap();
    let (ring, newcomers) = (KeyRing::new(reader.clone(), Arc::clone(&clock)), reader.asked_by("authentication of newcomers"));
    let gate = Arc::new(RwLock::new(()));
    let shut = gate.write().await;
    let before = held(&newcomers, 1, &gate).await;
    let mut early = Box::pin(ring.verify(key.kid(), key.secret()));
    assert!(futures_util::poll!(&mut early).is_pending());
    let behind = held(&newcomers, 1, &gate).await;
    drop(shut);
    for query in before.into_iter().chain(behind) {
        query.await.unwrap().unwrap();
    }
    let (kid, now) = (key.kid().to_owned(), clock.now());
    server.inner.engine.submit(move |tx| api_keys::revoke(tx.db, &kid, now).map(drop)).await.unwrap();
    ring.forget(key.kid());
    assert!(early.await.unwrap().is_some(), "it was read before");
    assert!(ring.verify(key.kid(), key.secret()).await.unwrap().is_none());
}

/// Store R33, G15: of what waits to be written, a key that asks once comes before the rest of one that asks for much.
#[tokio::test]
async fn changes_wait_for_those_of_their_own_key() {
    let server = Server::start().await;
    let project = server.inner.project("App", 1).await.to_string();
    let engine = server.inner.engine.clone();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let (entered, inside) = oneshot::channel();
    let mut entered = Some(entered);
    let held = tokio::spawn({
        let engine = engine.clone();
        async move {
            let hold = engine.submit(move |_| {
                entered.take().map_or(Ok(()), |entered| entered.send(())).unwrap();
                let _opened = gate.recv();
                Ok::<_, StoreError>(())
            });
            hold.await
        }
    });
    inside.await.unwrap();
    let create = |role: Role, title: &str| {
        let client = server.role(role, &[]);
        let request = pb::CreateTaskRequest { project_id: project.clone(), title: title.to_owned(), ..Default::default() };
        tokio::spawn(async move { client.tasks().create_task(request).await })
    };
    let many: Vec<_> = (0..20).map(|number| create(Role::Operator, &format!("many {number}"))).collect();
    settled().await;
    let one = create(Role::Admin, "one");
    settled().await;
    drop(open);
    held.await.unwrap().unwrap();
    // Keys grow in the order in which the rows were written.
    let mut keys = Vec::new();
    for call in many.into_iter().chain([one]) {
        let id = TaskId::parse(&call.await.unwrap().unwrap().into_inner().id).unwrap();
        keys.push(server.inner.record(&id).await.key);
    }
    let one = keys.pop().unwrap();
    let before = keys.iter().filter(|key| **key < one).count();
    assert!(before <= 1, "{before} of the others came first");
    assert!(keys.is_sorted(), "those of one key keep their order: {keys:?}");
}

/// So many reads of one asker that wait at a gate, the first of them at a reader.
async fn held(reader: &Reader, count: usize, gate: &Arc<RwLock<()>>) -> Vec<JoinHandle<Result<(), StoreError>>> {
    let one = |_| {
        let (reader, gate) = (reader.clone(), Arc::clone(gate));
        let opened = move |_: &mut Connection| {
            let _opened = gate.blocking_read();
            Ok(())
        };
        tokio::spawn(async move { reader.read(opened).await })
    };
    let queries = (0..count).map(one).collect();
    tokio::task::yield_now().await;
    queries
}

/// Until everybody who could go on has: all of it happens on one thread.
async fn settled() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}
