//! Trees, edges on both sides, and who waits behind a failure.

use aq_core::task::TaskStatus;
use aq_server::store::{StoreError, dependencies, task_trees, tasks};

use super::backend::on_both;
use super::samples::{add, at, stage, task, task_id, task_in};

on_both! {
    /// F-023.
    fn trees_are_read_whole(home) {
        let mut db = home.open();
        stage(&mut db);
        // 1 ── 2 ── 4 ── 5 (done)
        //   └─ 3 (earlier by priority), 6 deleted
        for (key, parent) in [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(2)), (5, Some(4)), (6, Some(1))] {
            let mut record = if key == 5 { task_in(key, TaskStatus::Completed) } else { task(key) };
            record.parent_key = parent;
            record.task.priority = if key == 3 { 10 } else { 100 };
            record.deleted_at = (key == 6).then(|| at(9));
            tasks::insert(&mut db, &record).unwrap();
        }
        let mut shown = |depth, nodes| {
            let tree = task_trees::tree(&mut db, 1, depth, nodes).unwrap().unwrap();
            assert_eq!((tree.total, tree.completed), (4, 1), "everything is counted, whatever is shown");
            (tree.nodes.iter().map(|node| (node.record.key, node.depth)).collect::<Vec<_>>(), tree.truncated)
        };
        assert_eq!(shown(20, 100), (vec![(1, 0), (3, 1), (2, 1), (4, 2), (5, 3)], false));
        assert_eq!(shown(1, 100), (vec![(1, 0), (3, 1), (2, 1)], true));
        assert_eq!(shown(20, 2), (vec![(1, 0), (3, 1)], true));
        let below = task_trees::tree(&mut db, 4, 9, 9).unwrap().unwrap();
        assert_eq!((below.nodes[1].record.task.parent.clone(), below.truncated), (Some(task_id(4)), false));
        assert_eq!(task_trees::tree(&mut db, 6, 9, 9).unwrap(), None, "deleted");
        assert_eq!(task_trees::tree(&mut db, 99, 9, 9).unwrap(), None);
        let direct: Vec<_> = task_trees::subtasks(&mut db, 1).unwrap().iter().map(|record| record.key).collect();
        assert_eq!(direct, [3, 2]);
        assert_eq!(task_trees::root(&mut db, 5).unwrap(), 1);
        assert_eq!(task_trees::root(&mut db, 1).unwrap(), 1);
        assert!(matches!(task_trees::root(&mut db, 99), Err(StoreError::NotFound)));
        // Damage that no code of ours can make: the walk still ends.
        db.batch("UPDATE tasks SET parent_key = 5 WHERE key = 1").unwrap();
        assert_eq!(task_trees::root(&mut db, 4).unwrap(), 1);
        let circle = task_trees::tree(&mut db, 1, 20, 100).unwrap().unwrap();
        assert_eq!((circle.nodes.len(), circle.total), (5, 4));
    }

    /// F-024, F-025.
    fn edges_are_read_in_two_queries(home) {
        let mut db = home.open();
        stage(&mut db);
        add(&mut db, &[task_in(1, TaskStatus::Completed), task(2), task(3), task(4)]);
        for (task, upstream) in [(3, 1), (3, 2), (4, 3)] {
            dependencies::insert(&mut db, task, upstream).unwrap();
        }
        let blocking = dependencies::blocking(&mut db, 3).unwrap();
        assert_eq!(blocking.len(), 1);
        assert_eq!((blocking[0].key, &blocking[0].id, blocking[0].title.as_str()), (2, &task_id(2), "Title 2"));
        assert_eq!(dependencies::blocking(&mut db, 1).unwrap(), []);
        let map = dependencies::map(&mut db, &[1, 3, 4]).unwrap();
        let sides = |key: i64| {
            let keys = |links: &[aq_server::store::TaskLink]| links.iter().map(|link| link.key).collect::<Vec<_>>();
            (keys(&map[&key].depends_on), keys(&map[&key].blocks))
        };
        assert_eq!(sides(1), (vec![], vec![3]));
        assert_eq!(sides(3), (vec![1, 2], vec![4]));
        assert_eq!(sides(4), (vec![3], vec![]));
        assert_eq!(map[&3].depends_on[0].status, TaskStatus::Completed);
        assert!(dependencies::map(&mut db, &[]).unwrap().is_empty());
    }

    /// F-026, D-33: the threshold counts, and the walk goes through others.
    fn who_waits_behind_a_failure_is_found(home) {
        let mut db = home.open();
        stage(&mut db);
        // 1 FAILED ← 2 ← 3 ← 4(young);  5 BLOCKED ← 6 ← 3;  7 COMPLETED ← 8
        add(&mut db, &[task_in(1, TaskStatus::Failed), task(2), task(3)]);
        let mut young = task(4);
        young.task.updated_at = at(900);
        add(&mut db, &[young, task_in(5, TaskStatus::Blocked), task(6), task_in(7, TaskStatus::Completed), task(8)]);
        for (task, upstream) in [(2, 1), (3, 2), (4, 3), (6, 5), (3, 6), (8, 7)] {
            dependencies::insert(&mut db, task, upstream).unwrap();
        }
        let mut found = |before, limit| -> Vec<(i64, i64)> {
            task_trees::stuck(&mut db, at(before), limit).unwrap().iter().map(|stuck| (stuck.behind_key, stuck.key)).collect()
        };
        assert_eq!(found(500, 100), [(1, 2), (1, 3), (5, 3), (5, 6)]);
        assert_eq!(found(900, 100), [(1, 2), (1, 3), (1, 4), (5, 3), (5, 4), (5, 6)]);
        assert_eq!(found(500, 1), [(1, 2)]);
        assert_eq!(found(1, 100), []);
        let first = &task_trees::stuck(&mut db, at(500), 1).unwrap()[0];
        assert_eq!((&first.id, &first.behind, first.title.as_str()), (&task_id(2), &task_id(1), "Title 2"));
    }
}
