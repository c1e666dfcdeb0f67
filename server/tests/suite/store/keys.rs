//! Accounts, API keys, recorded requests and durable readers.

use std::collections::BTreeSet;

use aq_core::account::{Account, LimitWindow};
use aq_core::ids::RunRef;
use aq_core::limits::{AccountPolicy, Meter, read_zone};
use aq_core::output::LimitStatus;
use aq_core::principal::{ProjectScope, Role};
use aq_server::store::{ApiKey, RecordedRequest, SecretHash, StoreError, accounts, api_keys, consumers, reader_records, requests};

use super::backend::on_both;
use super::samples::{account_id, at, project_id, task_id};

fn window(name: &str) -> LimitWindow {
    LimitWindow {
        name: name.to_owned(),
        status: LimitStatus::Rejected,
        used: Some(0.25),
        resets_at: Some(at(900)),
        source: "event".to_owned(),
        observed_at: at(7),
        meter: Meter { base_used: Some(0.1), base_at: at(3), spent: 0, heard_spent: 9, capacity: Some(1e6) },
    }
}

fn key(kid: &str) -> ApiKey {
    ApiKey {
        kid: kid.to_owned(),
        hash: SecretHash::of("s3cret"),
        name: "laptop".to_owned(),
        role: Role::Operator,
        projects: ProjectScope::All,
        run: None,
        created_at: at(1),
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

on_both! {
    /// F-054: what is known of the windows survives, in the order of their bytes.
    fn accounts_keep_their_windows(home) {
        let mut db = home.open();
        let mut account = Account::new(account_id("max"), "Max", at(1));
        account.windows = vec![window("Opus"), window("five_hour")];
        account.policy = AccountPolicy {
            stop_at: Some(0.9),
            reserve_hours: vec!["09:00-18:00".parse().unwrap()],
            quiet: vec!["23:00-06:30".parse().unwrap()],
            zone: read_zone("Europe/Vienna").unwrap(),
        };
        accounts::insert(&mut db, &account).unwrap();
        accounts::insert(&mut db, &Account::new(account_id("other"), "Other", at(2))).unwrap();
        account.login_dir = "/l".into();
        account.reserve = 0.2;
        account.paused = true;
        account.updated_at = at(3);
        accounts::update(&mut db, &account).unwrap();
        let changed = LimitWindow { status: LimitStatus::Allowed, used: None, resets_at: None, ..window("Opus") };
        accounts::put_window(&mut db, &account.id, &changed).unwrap();
        accounts::put_window(&mut db, &account.id, &window("Weekly")).unwrap();
        account.windows = vec![changed, window("Weekly"), window("five_hour")];
        assert_eq!(accounts::get(&mut db, &account.id).unwrap(), Some(account.clone()));
        let all = accounts::all(&mut db).unwrap();
        assert_eq!((all.len(), &all[0], all[1].windows.len()), (2, &account, 0));
        assert!(accounts::remove_window(&mut db, &account.id, "Weekly").unwrap());
        assert!(!accounts::remove_window(&mut db, &account.id, "Weekly").unwrap());
        accounts::delete(&mut db, &account.id, at(4)).unwrap();
        assert_eq!(accounts::get(&mut db, &account.id).unwrap(), None);
        assert!(matches!(accounts::update(&mut db, &account), Err(StoreError::NotFound)));
        assert!(matches!(accounts::insert(&mut db, &account), Err(StoreError::Conflict(_))));
        let stranger = accounts::put_window(&mut db, &account_id("nobody"), &window("w"));
        assert!(matches!(stranger, Err(StoreError::Refused(_))));
    }

    /// I-43: a key works until it is taken back or expires, and a run's key goes with its run.
    fn api_keys_end(home) {
        let mut db = home.open();
        let scoped = ApiKey {
            projects: ProjectScope::Only(BTreeSet::from([project_id("a"), project_id("b")])),
            expires_at: Some(at(100)),
            ..key("k1")
        };
        let run = RunRef { task: task_id(1), number: 2 };
        let of_run = ApiKey { role: Role::Run, run: Some(run.clone()), ..key("k2") };
        for key in [&scoped, &of_run] {
            api_keys::insert(&mut db, key).unwrap();
        }
        assert!(matches!(api_keys::insert(&mut db, &scoped), Err(StoreError::Conflict(_))));
        assert_eq!(api_keys::get(&mut db, "k1").unwrap(), Some(scoped.clone()));
        assert_eq!(api_keys::get(&mut db, "k2").unwrap(), Some(of_run));
        assert_eq!(api_keys::get(&mut db, "k3").unwrap(), None);
        assert_eq!(api_keys::all(&mut db).unwrap(), std::slice::from_ref(&scoped), "keys of runs are not listed");
        assert!(scoped.admits("s3cret", at(99)) && !scoped.admits("s3cret", at(100)) && !scoped.admits("S3cret", at(99)));
        assert!(format!("{scoped:?}").contains("SecretHash(..)"), "the hash is never printed");
        assert!(api_keys::revoke(&mut db, "k1", at(5)).unwrap());
        assert!(!api_keys::revoke(&mut db, "k1", at(6)).unwrap());
        assert!(matches!(api_keys::revoke(&mut db, "k9", at(6)), Err(StoreError::NotFound)));
        let revoked = api_keys::get(&mut db, "k1").unwrap().unwrap();
        assert_eq!(revoked.revoked_at, Some(at(5)));
        assert!(!revoked.admits("s3cret", at(6)));
        assert_eq!(api_keys::revoke_of_run(&mut db, &run, at(7)).unwrap(), 1);
        assert_eq!(api_keys::revoke_of_run(&mut db, &run, at(8)).unwrap(), 0);
        assert_eq!(api_keys::remove_of_runs_before(&mut db, at(7)).unwrap(), 0);
        assert_eq!(api_keys::remove_of_runs_before(&mut db, at(8)).unwrap(), 1);
        assert!(api_keys::get(&mut db, "k1").unwrap().is_some(), "keys of people stay for the audit");
    }

    /// I-27: the same request has the same answer, per principal.
    fn requests_are_answered_once(home) {
        let mut db = home.open();
        let answer = RecordedRequest { method: "/m".into(), fingerprint: "f".into(), response: vec![0, 255, 10] };
        assert_eq!(requests::lookup(&mut db, "p", "1").unwrap(), None);
        requests::insert(&mut db, "p", "1", &answer, at(10)).unwrap();
        assert!(matches!(requests::insert(&mut db, "p", "1", &answer, at(11)), Err(StoreError::Conflict(_))));
        requests::insert(&mut db, "q", "1", &answer, at(20)).unwrap();
        assert_eq!(requests::lookup(&mut db, "p", "1").unwrap(), Some(answer));
        assert_eq!(requests::remove_before(&mut db, at(20)).unwrap(), 1);
        assert_eq!(requests::lookup(&mut db, "p", "1").unwrap(), None);
        assert!(requests::lookup(&mut db, "q", "1").unwrap().is_some());
    }

    /// A durable reader never goes back, and a stream whose lease was taken over cannot move it.
    fn consumers_only_go_forward(home) {
        let mut db = home.open();
        assert_eq!(consumers::get(&mut db, "discord").unwrap(), None);
        let first = consumers::take_lease(&mut db, "discord", "one", at(100), 5, at(1)).unwrap();
        assert_eq!((first.acknowledged, first.holder.as_str(), first.lease_until), (5, "one", at(100)));
        assert_eq!(consumers::acknowledge(&mut db, "discord", "one", 9, at(2)).unwrap().unwrap().acknowledged, 9);
        assert_eq!(consumers::acknowledge(&mut db, "discord", "one", 7, at(3)).unwrap().unwrap().acknowledged, 9);
        let second = consumers::take_lease(&mut db, "discord", "two", at(200), 0, at(4)).unwrap();
        assert_eq!((second.acknowledged, second.holder.as_str()), (9, "two"));
        assert_eq!(consumers::acknowledge(&mut db, "discord", "one", 20, at(5)).unwrap(), None);
        assert!(!consumers::keep_lease(&mut db, "discord", "one", at(300), at(5)).unwrap());
        assert!(consumers::keep_lease(&mut db, "discord", "two", at(300), at(5)).unwrap());
        let all = consumers::all(&mut db).unwrap();
        assert_eq!((all.len(), all[0].acknowledged, all[0].lease_until, all[0].updated_at), (1, 9, at(300), at(5)));
        assert!(consumers::remove(&mut db, "discord").unwrap());
    }

    /// Gateway R2: what a reader remembers is read back by prefix and page, replaced and forgotten, and belongs to it alone.
    fn records_of_readers_are_kept(home) {
        let mut db = home.open();
        for (key, value) in [("run:a:1", "1"), ("run:b:1", "2"), ("thread:9", "3"), ("run:a:1", "ü🚀")] {
            reader_records::keep(&mut db, "discord", key, value, at(1)).unwrap();
        }
        reader_records::keep(&mut db, "other", "run:a:1", "theirs", at(1)).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(reader_records::page(&mut db, "discord", "run:", "", 9).unwrap(), [pair("run:a:1", "ü🚀"), pair("run:b:1", "2")]);
        assert_eq!(reader_records::page(&mut db, "discord", "run:", "run:a:1", 9).unwrap(), [pair("run:b:1", "2")]);
        assert_eq!(reader_records::page(&mut db, "discord", "", "", 2).unwrap().len(), 2);
        assert!(reader_records::forget(&mut db, "discord", "run:a:1").unwrap());
        assert!(!reader_records::forget(&mut db, "discord", "run:a:1").unwrap());
        assert_eq!(reader_records::page(&mut db, "other", "", "", 9).unwrap(), [pair("run:a:1", "theirs")]);
    }
}
