//! Lists for people: what they show, in which order, page by page.

use aq_core::event::{Event, EventKind};
use aq_core::task::{TaskStatus, TaskType};
use aq_server::store::events::NewEvent;
use aq_server::store::{
    Archived, Connection, EventQuery, Finished, RunQuery, TaskOrder, TaskQuery, archive, events, run_lists, runs, task_lists, tasks,
};

use super::backend::on_both;
use super::samples::{add, agent_id, at, event, fact, project_id, run, stage, task, task_id, task_in};

fn keys(db: &mut Connection, query: &TaskQuery, order: TaskOrder) -> Vec<i64> {
    let page = task_lists::page(db, query, order, None, 100).unwrap();
    assert_eq!(page.total, u64::try_from(page.tasks.len()).unwrap());
    page.tasks.iter().map(|record| record.key).collect()
}

/// Six tasks of `app` (priorities 100, 50, 100, 50, 100, 100) and one of `other`; 5 is COMPLETED, 6 BLOCKED.
fn six(db: &mut Connection) {
    stage(db);
    aq_server::store::projects::insert(db, &aq_core::project::Project::new(project_id("other"), "Other", at(0))).unwrap();
    for key in 1..=6 {
        let mut record = match key {
            5 => task_in(key, TaskStatus::Completed),
            6 => task_in(key, TaskStatus::Blocked),
            2 => task_in(key, TaskStatus::InProgress),
            _ => task(key),
        };
        record.task.priority = if key % 2 == 0 && key < 6 { 50 } else { 100 };
        record.task.updated_at = at(100 - key);
        tasks::insert(db, &record).unwrap();
    }
    let mut other = task(7);
    other.task.project = project_id("other");
    other.task.title = "50% of_it \\ ÄRGER".into();
    other.task.task_type = Some(TaskType::Docs);
    other.parent_key = Some(1);
    tasks::insert(db, &other).unwrap();
}

on_both! {
    /// F-022.
    fn lists_hide_what_is_finished(home) {
        let mut db = home.open();
        six(&mut db);
        let all = TaskQuery::default();
        assert_eq!(keys(&mut db, &all, TaskOrder::Priority), [2, 4, 1, 3, 7], "priority, then age");
        let page = task_lists::page(&mut db, &all, TaskOrder::Priority, None, 100).unwrap();
        assert_eq!((page.total, page.hidden, page.next), (5, 2, None));
        assert_eq!(page.tasks[4].task.parent, Some(task_id(1)), "parents are named");
        let app = TaskQuery { projects: Some(vec![project_id("app")]), ..TaskQuery::default() };
        assert_eq!(keys(&mut db, &TaskQuery { finished: Finished::Show, ..app.clone() }, TaskOrder::Priority), [2, 4, 1, 3, 5, 6]);
        assert_eq!(keys(&mut db, &TaskQuery { finished: Finished::Only, ..app.clone() }, TaskOrder::Priority), [5, 6]);
        let named = TaskQuery { statuses: vec![TaskStatus::Completed, TaskStatus::InProgress], ..app.clone() };
        assert_eq!(keys(&mut db, &named, TaskOrder::Priority), [2, 5], "a finished status that is named is shown");
        assert_eq!(task_lists::page(&mut db, &named, TaskOrder::Priority, None, 9).unwrap().hidden, 0);
        assert_eq!(keys(&mut db, &TaskQuery { projects: Some(Vec::new()), ..TaskQuery::default() }, TaskOrder::Priority), [0_i64; 0]);
        let counts = task_lists::count_by_status(&mut db, &app).unwrap();
        let counts: Vec<_> = counts.into_iter().collect();
        assert_eq!(
            counts,
            [(TaskStatus::Defined, 3), (TaskStatus::InProgress, 1), (TaskStatus::Completed, 1), (TaskStatus::Blocked, 1)]
        );
    }

    /// F-022.
    fn lists_are_filtered_and_ordered(home) {
        let mut db = home.open();
        six(&mut db);
        let text = |text: &str| TaskQuery { text: text.to_owned(), ..TaskQuery::default() };
        for (wanted, found) in [("TITLE", vec![2, 4, 1, 3]), ("task-3", vec![3]), ("50%", vec![7]), ("of_it \\", vec![7]), ("5_%", vec![])] {
            assert_eq!(keys(&mut db, &text(wanted), TaskOrder::Priority), found, "{wanted}");
        }
        let roots = TaskQuery { roots_only: true, ..TaskQuery::default() };
        assert_eq!(keys(&mut db, &roots, TaskOrder::NewestFirst), [4, 3, 2, 1]);
        assert_eq!(keys(&mut db, &roots, TaskOrder::OldestFirst), [1, 2, 3, 4]);
        assert_eq!(keys(&mut db, &roots, TaskOrder::RecentlyChanged), [1, 2, 3, 4]);
        assert_eq!(keys(&mut db, &TaskQuery { parent: Some(1), ..TaskQuery::default() }, TaskOrder::Priority), [7]);
        assert_eq!(keys(&mut db, &TaskQuery { agent: Some(agent_id("nova")), ..TaskQuery::default() }, TaskOrder::Priority), [2]);
        assert_eq!(keys(&mut db, &TaskQuery { task_type: Some(TaskType::Docs), ..TaskQuery::default() }, TaskOrder::Priority), [7]);
    }

    /// F-022: pages of every size and order hold each task exactly once.
    fn pages_follow_each_other(home) {
        let mut db = home.open();
        six(&mut db);
        let query = TaskQuery { finished: Finished::Show, ..TaskQuery::default() };
        for order in [TaskOrder::Priority, TaskOrder::NewestFirst, TaskOrder::OldestFirst, TaskOrder::RecentlyChanged] {
            let whole = keys(&mut db, &query, order);
            for size in 1..=8 {
                let (mut seen, mut after) = (Vec::new(), None);
                loop {
                    let page = task_lists::page(&mut db, &query, order, after, size).unwrap();
                    assert_eq!(page.total, 7);
                    seen.extend(page.tasks.iter().map(|record| record.key));
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(seen, whole, "{order:?} by {size}");
            }
        }
    }

    /// F-032, F-033, D-29, D-30: archiving hides and forgets nothing.
    fn the_archive_is_a_mark(home) {
        let mut db = home.open();
        six(&mut db);
        assert!(!archive::archive(&mut db, 1, at(500)).unwrap(), "not finished");
        assert!(archive::archive(&mut db, 5, at(500)).unwrap());
        assert!(!archive::archive(&mut db, 5, at(501)).unwrap());
        assert!(archive::archive(&mut db, 6, at(502)).unwrap());
        let finished = TaskQuery { finished: Finished::Show, ..TaskQuery::default() };
        assert_eq!(keys(&mut db, &finished, TaskOrder::Priority), [2, 4, 1, 3, 7]);
        let only = TaskQuery { archived: Archived::Only, ..finished.clone() };
        assert_eq!(keys(&mut db, &only, TaskOrder::RecentlyArchived), [6, 5]);
        let first = task_lists::page(&mut db, &only, TaskOrder::RecentlyArchived, None, 1).unwrap();
        let second = task_lists::page(&mut db, &only, TaskOrder::RecentlyArchived, first.next, 1).unwrap();
        assert_eq!((second.tasks[0].key, second.next), (5, None));
        assert_eq!(keys(&mut db, &TaskQuery { archived: Archived::Show, ..finished }, TaskOrder::OldestFirst), [1, 2, 3, 4, 5, 6, 7]);
        let kept = tasks::by_key(&mut db, 6).unwrap();
        assert_eq!((kept.task.title.as_str(), kept.task.status, kept.task.archived_at), ("Title 6", TaskStatus::Blocked, Some(at(502))));
        assert!(archive::unarchive(&mut db, 6, at(503)).unwrap());
        assert!(!archive::unarchive(&mut db, 6, at(503)).unwrap());
        assert_eq!(tasks::by_key(&mut db, 6).unwrap().task.archived_at, None);
    }

    /// F-033: a sweep takes what is old enough, finished, and has no open subtask.
    fn sweeps_choose_what_may_go(home) {
        let mut db = home.open();
        stage(&mut db);
        let mut records: Vec<_> = (1..=5).map(|key| task_in(key, TaskStatus::Completed)).collect();
        records[1].task.status = TaskStatus::Failed;
        records[4].task.updated_at = at(1_000);
        let mut open = task(10);
        open.parent_key = Some(3);
        let mut done = task_in(11, TaskStatus::Completed);
        done.parent_key = Some(4);
        add(&mut db, &records);
        add(&mut db, &[open, done]);
        let completed = [TaskStatus::Completed, TaskStatus::Ready];
        let app = project_id("app");
        assert_eq!(archive::candidates(&mut db, Some(&app), &completed, at(500), 0, 10).unwrap(), [1, 4, 11]);
        assert_eq!(archive::candidates(&mut db, None, &completed, at(500), 1, 1).unwrap(), [4]);
        let finished = [TaskStatus::Completed, TaskStatus::Failed];
        assert_eq!(archive::candidates(&mut db, None, &finished, at(1_000), 0, 10).unwrap(), [1, 2, 4, 5, 11]);
        assert_eq!(archive::candidates(&mut db, None, &[], at(1_000), 0, 10).unwrap(), [0_i64; 0]);
        assert_eq!(archive::candidates(&mut db, Some(&project_id("nowhere")), &finished, at(1_000), 0, 10).unwrap(), [0_i64; 0]);
    }

    /// F-030: every run of every task, newest first.
    fn runs_are_listed_newest_first(home) {
        let mut db = home.open();
        stage(&mut db);
        add(&mut db, &[task(1), task(2)]);
        for (key, number) in [(1, 1), (1, 2), (2, 1)] {
            let mut record = run(key, number, "nova", "ws-1");
            // All at one instant: the order still is whole.
            record.run.started_at = at(5);
            record.run.state = aq_core::run::RunState::Ended;
            record.run.ended_at = Some(at(6));
            let end = aq_core::run::RunEnd { result: aq_core::run::RunResult::Done, class: None, message: String::new() };
            record.run.end = Some(end);
            runs::insert(&mut db, &record).unwrap();
        }
        runs::insert(&mut db, &run(2, 2, "nova", "ws-1")).unwrap();
        let numbers = |records: &[aq_server::store::RunRecord]| -> Vec<(i64, u32)> {
            records.iter().map(|record| (record.task_key, record.run.id.number)).collect()
        };
        let all = run_lists::page(&mut db, &RunQuery::default(), None, 50).unwrap();
        assert_eq!(numbers(&all.runs), [(2, 2), (2, 1), (1, 2), (1, 1)]);
        assert_eq!((all.total, all.next), (4, None));
        let first = run_lists::page(&mut db, &RunQuery::default(), None, 2).unwrap();
        let second = run_lists::page(&mut db, &RunQuery::default(), first.next.as_ref(), 2).unwrap();
        assert_eq!((numbers(&second.runs), second.total, second.next), (vec![(1, 2), (1, 1)], 4, None));
        let of_task = RunQuery { task_key: Some(1), ..RunQuery::default() };
        assert_eq!(numbers(&run_lists::page(&mut db, &of_task, None, 9).unwrap().runs), [(1, 2), (1, 1)]);
        let open = RunQuery { open_only: true, agent: Some(agent_id("nova")), ..RunQuery::default() };
        assert_eq!(numbers(&run_lists::page(&mut db, &open, None, 9).unwrap().runs), [(2, 2)]);
        let none = RunQuery { projects: Some(vec![project_id("nowhere")]), ..RunQuery::default() };
        assert_eq!(run_lists::page(&mut db, &none, None, 9).unwrap().total, 0);
        assert_eq!(runs::ended_since(&mut db, at(6)).unwrap().len(), 3);
    }

    /// Store R31, F-030, F-133: events by task, project, run and kind.
    fn events_are_filtered(home) {
        let mut db = home.open();
        let list = [
            event(1, EventKind::TaskCreated, Some(1)),
            event(2, EventKind::TaskCreated, Some(2)),
            event(3, EventKind::SystemStarted, None),
            NewEvent::new(Event { run: Some(2), ..fact(4, EventKind::TaskCompleted, Some(1)) }, Some(1)),
        ];
        stage(&mut db);
        for key in 1..=2 {
            tasks::insert(&mut db, &task_in(key, TaskStatus::Ready)).unwrap();
        }
        events::insert(&mut db, &list).unwrap();
        let mut seqs = |query: &EventQuery, before| -> Vec<u64> {
            events::page(&mut db, query, before, 10).unwrap().iter().map(|event| event.seq).collect()
        };
        assert_eq!(seqs(&EventQuery::default(), None), [4, 3, 2, 1]);
        assert_eq!(seqs(&EventQuery::default(), Some(3)), [2, 1]);
        assert_eq!(seqs(&EventQuery { tasks: vec![task_id(1)], ..EventQuery::default() }, None), [4, 1]);
        assert_eq!(seqs(&EventQuery { projects: Some(vec![project_id("app")]), ..EventQuery::default() }, None), [4, 2, 1]);
        assert_eq!(seqs(&EventQuery { projects: Some(Vec::new()), ..EventQuery::default() }, None), [0_u64; 0]);
        assert_eq!(seqs(&EventQuery { kinds: vec![EventKind::SystemStarted], ..EventQuery::default() }, None), [3]);
        assert_eq!(seqs(&EventQuery { run: Some(2), ..EventQuery::default() }, None), [4]);
    }
}
