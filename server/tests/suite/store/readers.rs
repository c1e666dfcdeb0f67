//! Readers: whose query is next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aq_server::store::{Reader, StoreError, settings};
use futures_util::future::join_all;
use tokio::sync::RwLock;

use super::backend::on_both;

on_both! {
    /// Store R9: whoever asks for much has all threads but one at most, and gets what it asked for; others are answered meanwhile.
    fn who_reads_much_keeps_nobody_waiting(home) {
        drop(home.open());
        let reader = Reader::start(home.url(), 3).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (gate, begun) = (Arc::new(RwLock::new(())), Arc::new(AtomicUsize::new(0)));
            let shut = gate.write().await;
            let greedy = reader.asked_by("greedy");
            let queries = (0..50).map(|number| {
                let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
                greedy.read(move |db| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    let _opened = gate.blocking_read();
                    settings::get(db, "n").map(|_| number)
                })
            });
            let mut queries = Box::pin(join_all(queries));
            assert!(futures_util::poll!(&mut queries).is_pending());
            for asker in ["modest", "another", "modest"] {
                let answer = reader.asked_by(asker).read(|db| settings::get(db, "n")).await;
                assert_eq!(answer.unwrap(), None, "{asker} is answered");
            }
            reader.read(|db| settings::get(db, "n")).await.expect("so is the server itself");
            assert!(begun.load(Ordering::SeqCst) <= 2, "two of three threads");
            drop(shut);
            let answers: Result<Vec<usize>, StoreError> = queries.await.into_iter().collect();
            assert_eq!(answers.unwrap(), (0..50).collect::<Vec<_>>());
        });
    }

    /// Store R9: a reader's thread outlives a query that panics, and keeps nothing of one that was answered.
    fn a_reader_outlives_a_query_that_panics(home) {
        drop(home.open());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reader = Reader::start(home.url(), 1).unwrap();
        runtime.block_on(async {
            let panicked = reader.read(|_| -> Result<(), StoreError> { panic!("a defect of a query") }).await;
            assert!(matches!(panicked, Err(StoreError::Panicked(_))), "{panicked:?}");
            let kept = Arc::new(());
            let held = Arc::clone(&kept);
            reader.read(move |db| settings::get(db, "n").map(|_| drop(held))).await.unwrap();
            assert_eq!(Arc::strong_count(&kept), 1);
        });
    }
}
