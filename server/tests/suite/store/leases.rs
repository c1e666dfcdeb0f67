//! Leases: an open run holds its agent and its workspace, and the database sees to it.

use std::sync::Barrier;

use aq_core::run::RunState;
use aq_core::task::TaskStatus;
use aq_server::store::{StoreError, Writer, runs, tasks};

use super::backend::on_both;
use super::model::Numbers;
use super::samples::{add, agent_id, at, run, stage, task_in};

on_both! {
    /// F-028, D-10, D-11, I-04: fifty acquirers at once on three workspaces give exactly three winners.
    fn fifty_acquirers_on_three_workspaces(home) {
        let mut db = home.open();
        stage(&mut db);
        let records: Vec<_> = (0..50).map(|key| task_in(key, TaskStatus::Ready)).collect();
        add(&mut db, &records);
        let (writer, thread) = Writer::start(home.open(), Numbers::default(), |_| ()).unwrap();
        let barrier = Barrier::new(50);
        let won: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..50_i64)
                .map(|key| {
                    let (writer, barrier) = (&writer, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let claimed = writer.submit_blocking(move |tx| {
                            let mut record = tasks::by_key(tx.db, key)?;
                            record.task.status = TaskStatus::Assigned;
                            record.task.assigned_agent = Some(agent_id(&format!("agent-{key}")));
                            record.task.run_number = 1;
                            assert!(tasks::compare_and_set(tx.db, &record, TaskStatus::Ready, 0)?);
                            runs::insert(tx.db, &run(key, 1, &format!("agent-{key}"), &format!("ws-{}", key % 3 + 1)))
                        });
                        match claimed {
                            Ok(()) => true,
                            Err(StoreError::Conflict(_)) => false,
                            Err(other) => panic!("{other}"),
                        }
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        writer.stop();
        thread.join();
        assert_eq!(won.iter().filter(|won| **won).count(), 3);
        let open = runs::open(&mut db).unwrap();
        let mut held: Vec<_> = open.iter().map(|record| record.run.workspace.as_str().to_owned()).collect();
        held.sort();
        assert_eq!(held, ["ws-1", "ws-2", "ws-3"]);
        let assigned = tasks::in_status(&mut db, TaskStatus::Assigned).unwrap();
        assert_eq!(assigned.len(), 3, "a lost claim left nothing behind");
        assert!(open.iter().all(|record| assigned.iter().any(|task| task.key == record.task_key)));
    }

    /// I-04: an agent works on one run; a workspace is held until its run is over, an agent until its part is.
    fn open_runs_are_the_leases(home) {
        let mut db = home.open();
        stage(&mut db);
        let records: Vec<_> = (1..=4).map(|key| task_in(key, TaskStatus::Ready)).collect();
        add(&mut db, &records);
        let mut first = run(1, 1, "nova", "ws-1");
        runs::insert(&mut db, &first).unwrap();
        assert!(matches!(runs::insert(&mut db, &run(2, 1, "nova", "ws-2")), Err(StoreError::Conflict(_))), "the agent");
        assert!(matches!(runs::insert(&mut db, &run(2, 1, "vega", "ws-1")), Err(StoreError::Conflict(_))), "the workspace");
        assert!(matches!(runs::insert(&mut db, &run(1, 1, "vega", "ws-2")), Err(StoreError::Conflict(_))), "the number");
        first.run.state = RunState::Concluding;
        runs::update(&mut db, &first).unwrap();
        runs::insert(&mut db, &run(2, 1, "nova", "ws-2")).unwrap();
        assert!(matches!(runs::insert(&mut db, &run(3, 1, "vega", "ws-1")), Err(StoreError::Conflict(_))));
        first.run.state = RunState::Ended;
        assert!(matches!(runs::update(&mut db, &first), Err(StoreError::Refused(_))), "ended without an instant");
        first.run.ended_at = Some(at(99));
        runs::update(&mut db, &first).unwrap();
        runs::insert(&mut db, &run(3, 1, "vega", "ws-1")).unwrap();
        assert_eq!(db.quick_check().unwrap(), Vec::<String>::new());
    }
}
