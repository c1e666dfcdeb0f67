//! Moves: compare-and-set, and the counters of unmet dependencies.

use aq_core::task::TaskStatus;
use aq_server::store::{StoreError, dependencies, dependents, task_figures, tasks};

use super::backend::on_both;
use super::samples::{add, agent_id, at, stage, task, task_id, task_in};

on_both! {
    /// F-002, I-04, I-13: only who saw the present status and run can move a task.
    fn a_stale_move_changes_nothing(home) {
        let mut db = home.open();
        stage(&mut db);
        add(&mut db, &[task_in(1, TaskStatus::Ready)]);
        let mut record = tasks::by_key(&mut db, 1).unwrap();
        record.task.status = TaskStatus::Assigned;
        record.task.assigned_agent = Some(agent_id("nova"));
        record.task.run_number = 1;
        assert!(tasks::compare_and_set(&mut db, &record, TaskStatus::Ready, 0).unwrap());
        assert!(!tasks::compare_and_set(&mut db, &record, TaskStatus::Ready, 0).unwrap());
        let stored = tasks::by_key(&mut db, 1).unwrap();
        assert_eq!(stored, record);
        record.task.status = TaskStatus::InProgress;
        assert!(!tasks::compare_and_set(&mut db, &record, TaskStatus::Assigned, 2).unwrap(), "an old run");
        assert!(tasks::compare_and_set(&mut db, &record, TaskStatus::Assigned, 1).unwrap());
        record.task.status = TaskStatus::Paused;
        record.task.assigned_agent = None;
        record.task.resume_after = None;
        let refused = tasks::compare_and_set(&mut db, &record, TaskStatus::InProgress, 1);
        assert!(matches!(refused, Err(StoreError::Refused(_))), "F-004");
    }

    /// F-010, F-024: two statements release ten thousand dependents, and hold them again.
    fn ten_thousand_dependents_are_released_and_held(home) {
        const COUNT: i64 = 10_000;
        let mut db = home.open();
        stage(&mut db);
        db.batch("BEGIN").unwrap();
        add(&mut db, &[task_in(1, TaskStatus::Completed), task(2)]);
        for key in 10..10 + COUNT {
            let mut record = task(key);
            // Every tenth waits for a second task too.
            record.unmet = if key % 10 == 0 { 2 } else { 1 };
            tasks::insert(&mut db, &record).unwrap();
            dependencies::insert(&mut db, key, 1).unwrap();
            if key % 10 == 0 {
                dependencies::insert(&mut db, key, 2).unwrap();
            }
        }
        db.batch("COMMIT").unwrap();
        // What follows is prepared beside the statement; a defect there ends the command.
        db.batch("BEGIN").unwrap();
        let defect = dependents::release(&mut db, 1, at(76), |promoted| assert_eq!(promoted.len(), 0, "a defect"));
        assert!(matches!(&defect, Err(StoreError::Panicked(text)) if text.contains("a defect")), "{defect:?}");
        db.batch("ROLLBACK").unwrap();
        let promoted = dependents::release(&mut db, 1, at(77), |promoted| promoted).unwrap();
        assert_eq!(promoted.len(), 9_000);
        assert!(promoted.is_sorted_by_key(|task| task.key));
        assert_eq!((promoted[0].key, &promoted[0].id, promoted[0].title.as_str()), (11, &task_id(11), "Title 11"));
        assert_eq!(tasks::by_key(&mut db, 11).unwrap().task.updated_at, at(77));
        let waiting = tasks::by_key(&mut db, 10).unwrap();
        assert_eq!((waiting.unmet, waiting.task.status), (1, TaskStatus::Defined));
        assert_eq!(dependencies::unmet(&mut db, 10).unwrap(), 1);
        assert_eq!(dependents::release(&mut db, 2, at(78), |promoted| promoted.len()).unwrap(), 1_000);
        let mut heads = Vec::new();
        task_figures::each_ready(&mut db, &mut |head| heads.push(head)).unwrap();
        assert_eq!(heads.len(), 10_000);
        assert!(heads.is_sorted_by_key(|(key, project, _, priority)| (project.clone(), *priority, *key)));
        let held = dependents::hold(&mut db, 2).unwrap();
        assert_eq!(held.len(), 1_000);
        assert!(held.iter().all(|record| record.unmet == 1 && record.task.status == TaskStatus::Ready));
        assert_eq!(dependents::release(&mut db, 999_999, at(1), |promoted| promoted).unwrap(), []);
    }

    /// F-027: timers are found by their instant, whatever else the task is.
    fn timers_are_found(home) {
        let mut db = home.open();
        stage(&mut db);
        assert_eq!(task_figures::timers(&mut db).unwrap(), []);
        for (key, instant) in [(1, 300), (2, 100), (3, 200)] {
            let mut record = task_in(key, TaskStatus::Paused);
            record.task.resume_after = Some(at(instant));
            tasks::insert(&mut db, &record).unwrap();
        }
        let mut timers = task_figures::timers(&mut db).unwrap();
        timers.sort_unstable();
        assert_eq!(timers, [(at(100), 2), (at(200), 3), (at(300), 1)]);
        let paused: Vec<_> = tasks::in_status(&mut db, TaskStatus::Paused).unwrap().iter().map(|record| record.key).collect();
        assert_eq!(paused, [1, 2, 3]);
    }

    /// D-27: edges are unique, never to oneself, never to nothing.
    fn edges_are_checked(home) {
        let mut db = home.open();
        stage(&mut db);
        add(&mut db, &[task(1), task(2)]);
        dependencies::insert(&mut db, 2, 1).unwrap();
        assert!(matches!(dependencies::insert(&mut db, 2, 1), Err(StoreError::Conflict(_))));
        assert!(matches!(dependencies::insert(&mut db, 2, 2), Err(StoreError::Refused(_))));
        assert!(matches!(dependencies::insert(&mut db, 2, 9), Err(StoreError::Refused(_))));
        assert_eq!(dependencies::upstream(&mut db, 2).unwrap(), [1]);
        assert_eq!(dependencies::downstream(&mut db, 1).unwrap(), [2]);
        assert!(dependencies::remove(&mut db, 2, 1).unwrap());
        assert!(!dependencies::remove(&mut db, 2, 1).unwrap());
        dependencies::insert(&mut db, 1, 2).unwrap();
        dependencies::remove_all(&mut db, 2).unwrap();
        assert_eq!(dependencies::upstream(&mut db, 1).unwrap(), [0_i64; 0]);
        assert_eq!(db.quick_check().unwrap(), Vec::<String>::new());
    }
}
