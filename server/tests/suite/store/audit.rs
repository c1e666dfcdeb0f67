//! The audit log in the database: whoever changes, removes, adds or moves a row by SQL is named, and old records go without breaking the rest.

use aq_core::audit::{Actor, Broken, Entry, Place, Record, Walk};
use aq_server::store::{AuditQuery, Connection, StoreError, audit};

use super::backend::on_both;
use super::samples::at;

/// A record of a call at this instant.
fn entry(instant: i64) -> Entry {
    Entry {
        at: at(instant),
        actor: Actor {
            key_id: "k1".into(),
            key_name: "läptop 'x'".into(),
            role: "gateway".into(),
            kind: "person".into(),
            person: "discord:7".into(),
            ..Actor::default()
        },
        method: "/agentqueue.v1.TaskService/StopTask".into(),
        resources: vec![format!("task:t{instant}"), "project:app".into()],
        project: "app".into(),
        choices: vec!["answer=allow".into()],
        request_id: "r".into(),
        call_id: "c".into(),
        origin: "unix uid=0 pid=7".into(),
        code: "OK".into(),
        note: String::new(),
    }
}

/// Records at the instants 1, 2, …
fn write(db: &mut Connection, count: i64) -> Vec<Record> {
    let mut last = audit::newest(db).unwrap();
    (1..=count)
        .map(|instant| {
            let record = Record::behind(last, entry(instant));
            audit::insert(db, &record).unwrap();
            last = record.place();
            record
        })
        .collect()
}

/// A walk over what is stored.
fn walk(db: &mut Connection) -> Result<u64, Broken> {
    let mut walk = Walk::behind(audit::cut(db).unwrap(), None);
    audit::after(db, 0, 1_000).unwrap().iter().try_for_each(|record| walk.take(record))?;
    walk.end(audit::newest(db).unwrap())?;
    Ok(walk.count())
}

on_both! {
    /// audit R3: what was written is read back unchanged, in order, and behind each other.
    fn records_are_read_as_written(home) {
        let mut db = home.open();
        assert_eq!((audit::newest(&mut db).unwrap(), walk(&mut db)), (Place::default(), Ok(0)));
        let written = write(&mut db, 5);
        drop(db);
        let mut db = home.open();
        assert_eq!(audit::after(&mut db, 0, 10).unwrap(), written);
        assert_eq!(audit::after(&mut db, 3, 1).unwrap(), written[3..4]);
        assert_eq!((audit::newest(&mut db).unwrap(), audit::last(&mut db).unwrap()), (written[4].place(), 5));
        assert_eq!(walk(&mut db), Ok(5));
        let again = audit::insert(&mut db, &written[2]);
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    }

    /// audit R9: lists are newest first, and every condition counts.
    fn lists_obey_their_conditions(home) {
        let mut db = home.open();
        write(&mut db, 4);
        let other = Entry { project: "web".into(), code: "PERMISSION_DENIED".into(), method: "/x/Y".into(), ..entry(9) };
        let other = Record::behind(audit::newest(&mut db).unwrap(), Entry { actor: Actor { key_id: "k2".into(), ..Actor::default() }, ..other });
        audit::insert(&mut db, &other).unwrap();
        let mut seqs = |query: &AuditQuery, before| -> Vec<u64> {
            audit::page(&mut db, query, before, 3).unwrap().iter().map(|record| record.seq).collect()
        };
        assert_eq!(seqs(&AuditQuery::default(), None), [5, 4, 3]);
        assert_eq!(seqs(&AuditQuery::default(), Some(3)), [2, 1]);
        assert_eq!(seqs(&AuditQuery { since: Some(at(2)), until: Some(at(4)), ..AuditQuery::default() }, None), [3, 2]);
        assert_eq!(seqs(&AuditQuery { refused: true, ..AuditQuery::default() }, None), [5]);
        assert_eq!(seqs(&AuditQuery { key_id: Some("k2".into()), ..AuditQuery::default() }, None), [5]);
        assert_eq!(seqs(&AuditQuery { project: Some("web".into()), ..AuditQuery::default() }, None), [5]);
        assert_eq!(seqs(&AuditQuery { methods: vec!["/x/Y".into()], ..AuditQuery::default() }, None), [5]);
        assert_eq!(seqs(&AuditQuery { person: Some("discord:7".into()), ..AuditQuery::default() }, None), [4, 3, 2]);
    }

    /// audit R6: every column is covered by the hash; a change of any is named.
    fn a_changed_row_is_named(home) {
        let mut db = home.open();
        write(&mut db, 4);
        let texts = [
            "key_id", "key_name", "role", "kind", "person", "run", "method", "resources", "project_id", "choices", "request_id", "call_id", "origin", "code",
            "note",
        ];
        for column in texts {
            db.batch(&format!("UPDATE audit_log SET {column} = {column} || '-' WHERE seq = 3")).unwrap();
            let broken = walk(&mut db).unwrap_err();
            assert_eq!((broken.seq, broken.problem.contains("changed")), (3, true), "{column}");
            db.batch(&format!("UPDATE audit_log SET {column} = substr({column}, 1, length({column}) - 1) WHERE seq = 3")).unwrap();
            assert_eq!(walk(&mut db), Ok(4), "{column}");
        }
        db.batch("UPDATE audit_log SET at = at + 1 WHERE seq = 3").unwrap();
        assert_eq!(walk(&mut db).unwrap_err().seq, 3);
        db.batch("UPDATE audit_log SET at = at - 1 WHERE seq = 3").unwrap();
        db.batch("UPDATE audit_log SET hash = previous_hash WHERE seq = 2").unwrap();
        assert_eq!(walk(&mut db).unwrap_err().seq, 2);
    }

    /// audit R6: removed rows are named, within the log and at both ends.
    fn a_removed_row_is_named(home) {
        let mut db = home.open();
        write(&mut db, 6);
        db.batch("DELETE FROM audit_log WHERE seq = 6").unwrap();
        assert_eq!(walk(&mut db).unwrap_err().seq, 6);
        db.batch("DELETE FROM audit_log WHERE seq IN (3, 4)").unwrap();
        let broken = walk(&mut db).unwrap_err();
        assert_eq!((broken.seq, broken.problem.as_str()), (3, "was removed, and so was what follows up to 4"));
        db.batch("DELETE FROM audit_log WHERE seq = 1").unwrap();
        assert_eq!(walk(&mut db).unwrap_err().seq, 1);
        db.batch("DELETE FROM audit_log").unwrap();
        assert_eq!(walk(&mut db).unwrap_err().seq, 1);
    }

    /// audit R6: rows that are swapped, put in between or put behind are named; the next record of ours keeps the evidence.
    fn a_moved_or_added_row_is_named(home) {
        let mut db = home.open();
        let written = write(&mut db, 5);
        db.batch("UPDATE audit_log SET seq = 100 WHERE seq = 2; UPDATE audit_log SET seq = 2 WHERE seq = 3; UPDATE audit_log SET seq = 3 WHERE seq = 100").unwrap();
        assert_eq!(walk(&mut db).unwrap_err().seq, 2);
        db.batch("UPDATE audit_log SET seq = 100 WHERE seq = 2; UPDATE audit_log SET seq = 2 WHERE seq = 3; UPDATE audit_log SET seq = 3 WHERE seq = 100").unwrap();
        assert_eq!(walk(&mut db), Ok(5));

        // A row with its own right hash, behind the newest one: only the mark tells that it is none of ours.
        let forged = Record::behind(written[4].place(), entry(77));
        audit::insert(&mut db, &forged).unwrap();
        let row = |name: &str| format!("UPDATE audit_marks SET seq = {}, hash = (SELECT hash FROM audit_log WHERE seq = {}) WHERE name = '{name}'", 5, 5);
        db.batch(&row("newest")).unwrap();
        let broken = walk(&mut db).unwrap_err();
        assert_eq!((broken.seq, broken.problem.as_str()), (6, "was added at the end by somebody else"));
    }

    /// audit R8: what is old goes from the oldest on, a number at a time, never the newest; the rest verifies, and a row removed by hand is still named.
    fn a_cut_keeps_the_rest_verifiable(home) {
        let mut db = home.open();
        let written = write(&mut db, 10);
        assert_eq!(audit::remove_some_before(&mut db, at(5), 3).unwrap(), 3);
        assert_eq!((audit::cut(&mut db).unwrap(), walk(&mut db)), (written[2].place(), Ok(7)));
        assert_eq!(audit::remove_some_before(&mut db, at(5), 3).unwrap(), 1);
        assert_eq!(audit::remove_some_before(&mut db, at(5), 3).unwrap(), 0);
        assert_eq!((audit::cut(&mut db).unwrap().seq, walk(&mut db)), (4, Ok(6)));
        db.batch("DELETE FROM audit_log WHERE seq = 5").unwrap();
        assert_eq!(walk(&mut db).unwrap_err().seq, 5);
        assert_eq!(audit::remove_some_before(&mut db, at(1_000), 100).unwrap(), 4, "the newest stays");
        assert_eq!((audit::last(&mut db).unwrap(), walk(&mut db)), (10, Ok(1)));
        write(&mut db, 1);
        assert_eq!((audit::last(&mut db).unwrap(), walk(&mut db)), (11, Ok(2)));
    }
}
