//! Whose reads wait for whose.

use std::sync::Arc;

use aq_core::principal::Role;
use aq_proto::v1 as pb;
use aq_server::store::StoreError;
use tokio::sync::RwLock;

use super::fixture::{Server, principal};

/// Store R9, G15: what a key asks for waits for what the same key asked for before, and not for what others did.
#[tokio::test]
async fn keys_wait_for_themselves() {
    let server = Server::start().await;
    let gate = Arc::new(RwLock::new(()));
    let shut = gate.write().await;
    let busy = server.inner.reader.asked_by(&principal(Role::Operator, &[]).key_id);
    let queries: Vec<_> = (0..20)
        .map(|_| {
            let (busy, gate) = (busy.clone(), Arc::clone(&gate));
            tokio::spawn(async move {
                let opened = busy.read(move |_| {
                    let _opened = gate.blocking_read();
                    Ok::<_, StoreError>(())
                });
                opened.await
            })
        })
        .collect();
    tokio::task::yield_now().await;

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
