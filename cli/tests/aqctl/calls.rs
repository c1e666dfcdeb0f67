//! Calls that answer once: data, ids, errors and exit codes, through the binary.

use crate::fake::{Environment, Fake};
use aq_proto::v1::TaskStatus;

/// commands R4, R3: data is proto JSON on standard output, talk is on standard error.
#[test]
fn data_and_talk_are_apart() {
    let server = Fake::with_tasks([("swift-falcon", TaskStatus::Ready)]).start();
    let environment = Environment::with_server(server.address);
    let done = environment.run(&["task", "list", "-o", "json"]).expect(0);
    let value: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(value["tasks"][0]["status"], "TASK_STATUS_READY");
    let done = environment.run(&["task", "list"]).expect(0);
    assert!(done.stdout.starts_with("ID") && done.stdout.contains("swift-falcon"), "{}", done.stdout);
    assert_eq!(done.stderr, "");
}

/// rendering R6: an empty list says so on standard error, `-q` silences it.
#[test]
fn an_empty_list_says_so() {
    let server = Fake::default().start();
    let environment = Environment::with_server(server.address);
    let done = environment.run(&["task", "list"]).expect(0);
    assert_eq!((done.stdout.as_str(), done.stderr.starts_with("no tasks; add one with")), ("", true));
    assert_eq!(environment.run(&["-q", "task", "list"]).expect(0).stderr, "");
}

/// commands R5: a beginning is enough, an ambiguous one is refused, `@last` is the newest.
#[test]
fn ids_are_resolved() {
    let server = Fake::with_tasks([("swift-falcon", TaskStatus::Ready), ("swift-fox", TaskStatus::Ready)]).start();
    let environment = Environment::with_server(server.address);
    assert!(environment.run(&["task", "show", "swift-fa"]).expect(0).stdout.starts_with("swift-falcon"));
    assert!(environment.run(&["task", "show", "@last"]).expect(0).stdout.starts_with("swift-falcon"));
    let done = environment.run(&["task", "show", "swift"]).expect(2);
    assert!(done.stderr.contains("swift-falcon, swift-fox"), "{}", done.stderr);
}

/// errors R3, client R2: a key file that cannot be used is told with its path and where it was named, also when that was a variable set long ago.
#[test]
fn a_key_file_that_cannot_be_used() {
    let server = Fake::default().start();
    let environment = Environment::with_server(server.address);
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.key");
    std::fs::write(&empty, "").unwrap();
    std::fs::set_permissions(&empty, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (file, wrong) in [(empty, "is empty"), (folder.path().join("none.key"), "cannot read")] {
        let path = file.to_string_lossy().into_owned();
        let done = environment.run(&["--key-file", &path, "task", "list"]).expect(4);
        for told in [wrong, &path, "--key-file or AQ_KEY_FILE names this file"] {
            assert!(done.stderr.contains(told), "{told}: {}", done.stderr);
        }
    }
}

/// errors, table: every kind of failure has its exit code, and names the next step.
#[test]
fn exit_codes() {
    let server = Fake::with_tasks([("swift-falcon", TaskStatus::Ready)]).start();
    let environment = Environment::with_server(server.address);
    let _usage = environment.run(&["task"]).expect(2);
    let done = environment.run(&["task", "show", "nothing-like-it"]).expect(3);
    assert!(done.stderr.contains("hint: see: aqctl task list"), "{}", done.stderr);
    let done = environment.run(&["run", "show", "swift-falcon"]).expect(4);
    assert!(done.stderr.contains("--key-file"), "{}", done.stderr);
    let _denied = environment.run(&["run", "list"]).expect(4);
    let _conflict = environment.run(&["task", "stop", "swift-falcon"]).expect(5);
    let done = environment.run(&["task", "edit", "swift-falcon", "--title", ""]).expect(2);
    assert!(done.stderr.contains("task.title: must not be empty"), "{}", done.stderr);
    let _old_server = environment.run(&["task", "explain", "swift-falcon"]).expect(1);
    let _no_yes = environment.run(&["task", "delete", "swift-falcon"]).expect(2);
    drop(server);
    let done = environment.run(&["task", "list"]).expect(6);
    assert!(done.stderr.contains("aqctl server start"), "{}", done.stderr);
}

/// D-77, commands R5: an empty operand is refused before anything is asked, by its name, whatever the verb.
#[test]
fn an_empty_operand_is_named() {
    let environment = Environment::new();
    let lines: [(&[&str], &str); 8] = [
        (&["task", "show", ""], "TASK"),
        (&["plan", "approve", ""], "PLAN"),
        (&["answer", "", "yes"], "TASK"),
        (&["say", "swift-falcon", ""], "TEXT"),
        (&["diff", ""], "TASK"),
        (&["chain", ""], "TASK"),
        (&["hook", "show", ""], "HOOK"),
        (&["project", "show", ""], "PROJECT"),
    ];
    for (line, name) in lines {
        let done = environment.run(line).expect(2);
        assert!(done.stderr.contains(name) && done.stderr.contains("value is required"), "{line:?}: {}", done.stderr);
    }
}

/// commands R2: without a server the home says so; a key that others can read is refused.
#[test]
fn the_home_is_searched() {
    let environment = Environment::new();
    let done = environment.run(&["status"]).expect(6);
    assert!(done.stderr.contains("no server has used") && done.stderr.contains("aqctl server start"), "{}", done.stderr);
    std::fs::create_dir_all(environment.home()).unwrap();
    std::fs::write(environment.home().join("endpoint"), "unix:/nowhere/aqd.sock").unwrap();
    std::fs::write(environment.home().join("admin.key"), "aq_k1_0123456789abcdefABCDEFGH").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(environment.home().join("admin.key"), mode).unwrap();
    assert!(environment.run(&["status"]).expect(4).stderr.contains("chmod 600"));
}

/// F-240, server-control R8: health needs no key.
#[test]
fn health_is_asked() {
    let server = Fake::default().start();
    let environment = Environment::with_server(server.address);
    assert_eq!(environment.run(&["health"]).expect(0).stdout, "SERVING\n");
    let _unknown = environment.run(&["health", "no.such.Service"]).expect(3);
    drop(server);
    let _gone = environment.run(&["health"]).expect(6);
}

/// commands R12: completion offers ids, and is silent without a server.
#[test]
fn completion_offers_ids() {
    let server = Fake::with_tasks([("swift-falcon", TaskStatus::Ready)]).start();
    let complete = |environment: &Environment| {
        let mut command = environment.command(&["--", "aqctl", "task", "show", ""]);
        command.env("COMPLETE", "fish").output().unwrap()
    };
    let offered = complete(&Environment::with_server(server.address));
    assert!(String::from_utf8_lossy(&offered.stdout).contains("swift-falcon"), "{offered:?}");
    let silent = complete(&Environment::new());
    assert_eq!(String::from_utf8_lossy(&silent.stderr), "");
    assert!(silent.status.success());
}

/// commands R3: a reader that goes away is no failure.
#[test]
fn a_closed_pipe_is_no_failure() {
    let server = Fake::with_tasks([("swift-falcon", TaskStatus::Ready)]).start();
    let mut child = Environment::with_server(server.address).spawn(&["task", "list"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
