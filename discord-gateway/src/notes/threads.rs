//! Which threads are about notes: known to everybody here, kept by the server, forgotten with their project.

use tonic::Status;

use super::desk::{Desk, desks};
use crate::bridge::Bridge;

/// Learns the threads that the server keeps.
pub(crate) async fn know(bridge: &Bridge) -> Result<(), Status> {
    for desk in desks(bridge).await? {
        bridge.notes_thread(desk.thread, Some((desk.project, desk.channel)));
    }
    Ok(())
}

/// A project is gone, and with it its threads, tables and views (F-193, D-104). Returns the threads.
pub(crate) async fn forget(bridge: &Bridge, project: &str) -> Result<Vec<u64>, Status> {
    drop_all(bridge, |desk| desk.project == project).await
}

/// A thread was deleted.
pub(crate) async fn gone(bridge: &Bridge, thread: u64) -> Result<(), Status> {
    drop_all(bridge, |desk| desk.thread == thread).await.map(drop)
}

async fn drop_all(bridge: &Bridge, of: impl Fn(&Desk) -> bool) -> Result<Vec<u64>, Status> {
    let found: Vec<Desk> = desks(bridge).await?.into_iter().filter(of).collect();
    for desk in &found {
        bridge.notes_thread(desk.thread, None);
        bridge.server.keep(Vec::new(), vec![desk.key()]).await?;
    }
    Ok(found.into_iter().map(|desk| desk.thread).collect())
}
