//! API keys at work: when they were last used is known, and a revoked one is worth nothing at once.

use std::sync::Arc;

use aq_core::principal::{ProjectScope, Role};
use aq_server::api::KeyRing;
use aq_server::clock::Clock;
use aq_server::store::{StoreError, api_keys, new_key};

use crate::harness::Harness;

fn parts(key: &str) -> (String, String) {
    let (kid, secret) = key.strip_prefix("aq_").unwrap().split_once('_').unwrap();
    (kid.to_owned(), secret.to_owned())
}

/// I-43: the ring notes each use, which is written once a minute and never goes back; a key that was taken back is refused once the ring has forgotten it, and
/// by itself after five seconds; a wrong secret counts as no use.
#[tokio::test]
async fn the_use_of_a_key_is_remembered() {
    let server = Harness::start().await;
    let ring = KeyRing::new(server.reader.clone(), Arc::clone(&server.clock) as Arc<dyn Clock>);
    let made = new_key(Role::Viewer, ProjectScope::All, "reads", server.clock.now(), None);
    let (kid, secret) = parts(&made.key);
    let record = made.record.clone();
    server.engine.submit(move |tx| api_keys::insert(tx.db, &record)).await.unwrap();

    server.clock.advance(1_000);
    assert!(ring.verify(&kid, "wrong0123456789012345678901234567890123").await.unwrap().is_none());
    assert!(ring.take_used().is_empty());
    assert_eq!(ring.verify(&kid, &secret).await.unwrap().unwrap().role, Role::Viewer);
    let used = ring.take_used();
    assert_eq!(used, [(kid.clone(), server.clock.now())]);
    assert!(ring.take_used().is_empty(), "each use is written once");
    let (id, at) = used[0].clone();
    let noted = server.engine.submit(move |tx| {
        api_keys::note_used(tx.db, &id, at)?;
        // What comes late is older than what is known.
        api_keys::note_used(tx.db, &id, at.plus_millis(-500))?;
        Ok::<_, StoreError>(api_keys::get(tx.db, &id)?.unwrap().last_used_at)
    });
    assert_eq!(noted.await.unwrap(), Some(at));

    let (id, now) = (kid.clone(), server.clock.now());
    server.engine.submit(move |tx| api_keys::revoke(tx.db, &id, now).map(drop)).await.unwrap();
    assert!(ring.verify(&kid, &secret).await.unwrap().is_some(), "the ring trusts what it read for five seconds");
    server.clock.advance(5_000);
    assert!(ring.verify(&kid, &secret).await.unwrap().is_none());
    ring.forget(&kid);
    assert!(ring.verify(&kid, &secret).await.unwrap().is_none());
}
