//! The writer: shared commits, commands that fail alone, facts after the commit, an orderly end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, mpsc};

use aq_server::store::{Reader, StoreError, Tx, Writer, settings};
use futures_util::future::{join, join_all};

use super::backend::Home;
use super::backend::on_both;
use super::model::{Numbers, add, spoil};

type Batches = mpsc::Receiver<Vec<(String, i64)>>;

fn start(home: &Home) -> (Writer<Numbers>, aq_server::store::WriterThread, Batches) {
    let (told, facts) = mpsc::channel();
    let (writer, thread) = Writer::start(home.open(), Numbers::default(), move |batch| told.send(batch).unwrap()).unwrap();
    (writer, thread, facts)
}

/// Without the runtime's fairness among futures: what is queued together must be queued in one go.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(tokio::task::unconstrained(future))
}

/// Holds the writer up until everything in `queued` has been queued, so that it shares one batch.
async fn together<T>(writer: &Writer<Numbers>, queued: impl Future<Output = T>) -> T {
    let (open, gate) = mpsc::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let mut entered = Some(entered);
    let held = writer.submit(move |_| {
        entered.take().unwrap().send(()).unwrap();
        let _opened = gate.recv();
        Ok::<_, StoreError>(())
    });
    let others = async {
        // The batch of the gate is closed now; what comes is the next one.
        inside.await.unwrap();
        // Polled in order: everything is queued, then the gate opens.
        join(queued, async move { drop(open) }).await.0
    };
    let (held, answer) = join(held, others).await;
    held.unwrap();
    answer
}

on_both! {
    /// Store R3: commands that wait together share one commit, and each gets its own answer.
    fn a_batch_shares_one_commit(home) {
        let (writer, thread, facts) = start(home);
        let answers = block_on(together(&writer, join_all((1..=100).map(|value| writer.submit(move |tx| add(tx, "sum", value))))));
        let sums: Vec<i64> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(sums, (1..=100).map(|n| n * (n + 1) / 2).collect::<Vec<_>>());
        writer.stop();
        thread.join();
        let batches: Vec<_> = facts.into_iter().collect();
        assert_eq!(batches.len(), 1, "one commit, one announcement");
        assert_eq!(batches[0].iter().map(|(_, sum)| *sum).collect::<Vec<_>>(), sums, "in order");
        assert_eq!(settings::get(&mut home.open(), "sum").unwrap().as_deref(), Some("5050"));
    }

    /// Store R4: a command that fails takes back its rows, its state and its facts, and nobody else's, whether its batch was run without savepoints
    /// first, as the first one is, or with them from the start, as those are that follow a failure.
    fn a_failing_command_fails_alone(home) {
        let (writer, thread, facts) = start(home);
        for (ran, expected) in [(7, [Some(1), None, Some(4), None, Some(9)]), (5, [Some(10), None, Some(13), None, Some(18)])] {
            let runs = Arc::<AtomicUsize>::default();
            let answers = block_on(together(&writer, join_all((1..=5).map(|value| {
                let runs = Arc::clone(&runs);
                writer.submit(move |tx| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    add(tx, "sum", value)?;
                    match value {
                        2 => Err(StoreError::Refused("no".to_owned())),
                        // A statement that the database itself refuses; on PostgreSQL it breaks the transaction up to the savepoint.
                        4 => tx.db.batch("INSERT INTO settings VALUES ('sum', '0')").map(|()| 0),
                        _ => Ok(tx.state.values["sum"]),
                    }
                })
            }))));
            assert_eq!(answers.into_iter().map(Result::ok).collect::<Vec<_>>(), expected);
            assert_eq!(runs.load(Ordering::SeqCst), ran);
        }
        writer.stop();
        thread.join();
        let told: Vec<_> = facts.into_iter().flatten().map(|(_, sum)| sum).collect();
        assert_eq!(told, [1, 4, 9, 10, 13, 18]);
        assert_eq!(settings::get(&mut home.open(), "sum").unwrap().as_deref(), Some("18"));
    }

    /// Store R4: a command that panics fails alone, and so does a part of a command that does; the writer goes on.
    fn a_panicking_command_fails_alone(home) {
        let (writer, thread, facts) = start(home);
        let answers = block_on(together(&writer, join_all((1..=4).map(|value| {
            writer.submit(move |tx| {
                let sum = add(tx, "sum", value)?;
                assert_ne!(value, 2, "a defect");
                let part = tx.apart(|tx| {
                    add(tx, "sum", 100)?;
                    assert_ne!(value, 3, "a defect of a part");
                    Err::<(), _>(StoreError::Refused("no".to_owned()))
                })?;
                assert!(matches!((value, &part), (3, Err(StoreError::Panicked(_))) | (1 | 4, Err(StoreError::Refused(_)))), "{part:?}");
                Ok::<_, StoreError>(sum)
            })
        }))));
        assert!(matches!(&answers[1], Err(StoreError::Panicked(text)) if text.contains("a defect")), "{:?}", answers[1]);
        assert_eq!(answers.into_iter().map(Result::ok).collect::<Vec<_>>(), [Some(1), None, Some(4), Some(8)]);
        writer.stop();
        thread.join();
        assert_eq!(facts.into_iter().flatten().map(|(_, sum)| sum).collect::<Vec<_>>(), [1, 4, 8]);
        assert_eq!(settings::get(&mut home.open(), "sum").unwrap().as_deref(), Some("8"));
    }

    /// Store R3: a batch takes no further command when those in it have announced enough, and none waits for more.
    fn a_batch_ends_when_it_has_announced_enough(home) {
        let (writer, thread, facts) = start(home);
        let large = |count: usize| move |tx: &mut Tx<'_, Numbers>| (0..count).try_fold(0, |_, _| add(tx, "n", 1));
        let sizes = [100, 100, 100, 100, 700, 1, 1];
        let answers = block_on(together(&writer, join_all(sizes.map(|count| writer.submit(large(count))))));
        let answers: Vec<i64> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, [100, 200, 300, 400, 1100, 1101, 1102]);
        writer.stop();
        thread.join();
        assert_eq!(facts.into_iter().map(|batch| batch.len()).collect::<Vec<_>>(), [300, 800, 2]);
    }

    /// Store R33: a command behind hundreds of another asker has its turn among the first of them, and each asker's run in their order.
    fn who_writes_much_keeps_nobody_waiting(home) {
        let (writer, thread, _facts) = start(home);
        let (greedy, modest) = (writer.asked_by("greedy"), writer.asked_by("modest"));
        let queued = async {
            let many = join_all((0..300).map(|_| greedy.submit(|tx| add(tx, "n", 1))));
            let few = join_all((0..3).map(|_| modest.submit(|tx| add(tx, "n", 1))));
            join(many, few).await
        };
        let (many, few) = block_on(together(&writer, queued));
        assert_eq!(few.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [2, 4, 6]);
        let many: Vec<i64> = many.into_iter().map(Result::unwrap).collect();
        assert!(many.is_sorted() && many.len() == 300 && many.last() == Some(&303), "{many:?}");
        writer.stop();
        thread.join();
    }

    /// Store R6: nothing is announced and nothing answered before others can read it.
    fn facts_follow_the_commit(home) {
        let (told, facts) = mpsc::channel();
        let url = home.url().clone();
        let connection = home.open();
        let mut other = home.open();
        let (writer, thread) = Writer::start(connection, Numbers::default(), move |batch| {
            let seen = settings::get(&mut other, "n").unwrap();
            told.send((batch, seen)).unwrap();
        })
        .unwrap();
        let reader = Reader::start(&url, 2).unwrap();
        for value in 1..=20 {
            assert_eq!(writer.submit_blocking(|tx| add(tx, "n", 1)).unwrap(), value);
            let (batch, seen) = facts.try_recv().expect("facts come before the answer");
            assert_eq!((batch, seen), (vec![("n".to_owned(), value)], Some(value.to_string())));
            let read = block_on(reader.read(|db| settings::get(db, "n"))).unwrap();
            assert_eq!(read, Some(value.to_string()), "a reader sees what was acknowledged");
        }
        let refused = block_on(reader.read(|db| settings::set(db, "n", "0")));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "readers cannot write: {refused:?}");
        assert_eq!(block_on(reader.read(|db| db.quick_check())).unwrap(), Vec::<String>::new());
        writer.stop();
        thread.join();
    }

    /// Store R7: what was queued before the stop is written and answered, what comes after is told so.
    fn stopping_drains_the_queue(home) {
        let (writer, thread, _facts) = start(home);
        let answers = block_on(together(&writer, async {
            let queued = join_all((0..600).map(|_| writer.submit(|tx| add(tx, "n", 1))));
            let (answers, ()) = join(queued, async { writer.stop() }).await;
            answers
        }));
        assert_eq!(answers.into_iter().filter(Result::is_ok).count(), 600);
        block_on(writer.ended());
        thread.join();
        assert!(matches!(writer.submit_blocking(|tx| add(tx, "n", 1)), Err(StoreError::Closed)));
        assert_eq!(settings::get(&mut home.open(), "n").unwrap().as_deref(), Some("600"));
    }
}

/// Store R5: a batch that cannot be committed is run again command by command, and only the bad one fails.
#[test]
fn a_failing_commit_is_retried_one_by_one_on_sqlite() {
    let home = Home::sqlite();
    let (writer, thread, facts) = start(&home);
    let answers = block_on(together(
        &writer,
        join_all((1..=4).map(|value| {
            writer.submit(move |tx| {
                let sum = add(tx, "sum", value)?;
                if value == 2 {
                    spoil(tx)?;
                }
                Ok::<_, StoreError>(sum)
            })
        })),
    ));
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.map_err(|error| error.to_string())).collect();
    assert_eq!(answers[0], Ok(1));
    assert!(answers[1].as_ref().is_err_and(|error| error.contains("FOREIGN KEY")), "{:?}", answers[1]);
    assert_eq!(answers[2..], [Ok(4), Ok(8)]);
    writer.stop();
    thread.join();
    let batches: Vec<_> = facts.into_iter().collect();
    assert_eq!(batches.concat().iter().map(|(_, sum)| *sum).collect::<Vec<_>>(), [1, 4, 8], "told once each");
    assert_eq!(settings::get(&mut home.open(), "sum").unwrap().as_deref(), Some("8"));
}

/// Store R8: when the connection breaks, the writer ends and says so; readers connect again.
#[test]
fn a_broken_connection_ends_the_writer_on_postgres() {
    let Some(home) = Home::postgres() else { return };
    let (writer, thread, _facts) = start(&home);
    let reader = Reader::start(home.url(), 1).unwrap();
    assert_eq!(writer.submit_blocking(|tx| add(tx, "n", 1)).unwrap(), 1);
    let cut = |purpose: &str| {
        format!("SELECT pg_terminate_backend(pg_backend_pid()) WHERE 'aqd {purpose}' = current_setting('application_name')")
    };
    let sql = cut("writer");
    let lost = writer.submit_blocking(move |tx| tx.db.batch(&sql));
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    block_on(writer.ended());
    thread.join();
    assert!(matches!(writer.submit_blocking(|tx| add(tx, "n", 1)), Err(StoreError::Closed)));
    let sql = cut("reader");
    assert!(block_on(reader.read(move |db| db.batch(&sql))).is_err());
    assert_eq!(block_on(reader.read(|db| settings::get(db, "n"))).unwrap().as_deref(), Some("1"));
}

/// Store R22: a batch that cannot even begin is answered whole, at once: its commands do not wait for the lock of another program one after the other.
#[test]
fn a_batch_that_cannot_begin_is_answered_whole_on_sqlite() {
    let home = Home::sqlite();
    let theirs = Arc::new(Mutex::new(home.open()));
    let (open, gate) = mpsc::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (lock, mut entered) = (Arc::clone(&theirs), Some(entered));
    // Facts are published between two batches: the other program takes the lock right there, and the next batch is queued.
    let publish = move |_| {
        if let Some(entered) = entered.take() {
            lock.lock().unwrap().batch("BEGIN IMMEDIATE").unwrap();
            entered.send(()).unwrap();
            let _opened = gate.recv();
        }
    };
    let (writer, thread) = Writer::start(home.open(), Numbers::default(), publish).unwrap();
    writer.submit_blocking(|tx| tx.db.batch("PRAGMA busy_timeout = 100")).unwrap();
    let held = writer.submit(|tx| add(tx, "gate", 1));
    let free = Once::new();
    // The first answer frees the lock: whoever were tried after it would be written.
    let call = async |value: i64| {
        let answer = writer.submit(move |tx| add(tx, "sum", value)).await;
        free.call_once(|| theirs.lock().unwrap().batch("COMMIT").unwrap());
        answer
    };
    let others = async {
        inside.await.unwrap();
        join(join_all((1..=20).map(&call)), async move { drop(open) }).await.0
    };
    let (held, answers) = block_on(join(held, others));
    held.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Locked(_)))), "{answers:?}");
    assert_eq!(writer.submit_blocking(|tx| add(tx, "sum", 1)).unwrap(), 1);
    writer.stop();
    thread.join();
}
