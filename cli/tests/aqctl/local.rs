//! What `aqctl` does on this machine: starting, the first steps, the unit.

use std::os::unix::fs::PermissionsExt as _;

use crate::fake::{Environment, script};

/// F-231, server-control R1: a server that does not come up is told with the end of its log, which is the user's only.
#[test]
fn a_failed_start_shows_the_log() {
    let environment = Environment::new();
    let program = environment.dir.path().join("aqd");
    script(&program, "#!/bin/sh\necho \"args: $*\"\necho \"session $(ps -o sid= -p $$) of $$\"\necho boom >&2\nexit 3\n");
    let done = environment.run(&["server", "start", "--program", program.to_str().unwrap()]).expect(1);
    assert!(done.stderr.contains("boom") && done.stderr.contains("ended at once"), "{}", done.stderr);
    let home = environment.home();
    assert!(done.stderr.contains(&format!("args: --home {} serve", home.display())), "{}", done.stderr);
    let log = home.join("logs/aqd.log");
    assert_eq!(log.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(environment.run(&["server", "logs", "-n", "1"]).expect(0).stdout.contains("boom"));
}

/// F-231, server-control R3: stopping what does not run is no failure; its status is.
#[test]
fn nothing_runs_in_a_fresh_home() {
    let environment = Environment::new();
    assert!(environment.run(&["server", "stop"]).expect(0).stderr.contains("not running"));
    assert_eq!(environment.run(&["server", "status"]).expect(6).stdout, "not running\n");
    let _no_log = environment.run(&["server", "logs"]).expect(3);
}

/// F-230, server-control R2: a held lock is a running server.
#[test]
fn a_held_lock_is_a_running_server() {
    let environment = Environment::new();
    std::fs::create_dir_all(environment.home()).unwrap();
    std::fs::write(environment.home().join("aqd.lock"), std::process::id().to_string()).unwrap();
    let file = std::fs::File::open(environment.home().join("aqd.lock")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    assert!(environment.run(&["server", "start"]).expect(0).stderr.contains("running already"));
    let done = environment.run(&["server", "status"]).expect(6);
    assert!(done.stdout.contains(&std::process::id().to_string()), "{}", done.stdout);
}

/// D-106, server-control R9: the configuration is written once and kept afterwards.
#[test]
fn init_writes_once() {
    let environment = Environment::new();
    let done = environment.run(&["init"]).expect(0);
    assert!(done.stdout.contains("aqctl server start"), "{}", done.stdout);
    let path = environment.dir.path().join(".config/agent-queue/config.yaml");
    std::fs::write(&path, "mine: 1").unwrap();
    assert!(environment.run(&["init"]).expect(0).stderr.contains("kept"));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "mine: 1");
}

/// server-control R6: the unit can be seen without systemd.
#[test]
fn the_unit_is_printed() {
    let environment = Environment::new();
    let done = environment.run(&["service", "install", "--print", "--program", "/opt/aqd"]).expect(0);
    assert!(done.stdout.contains("KillMode=process") && done.stdout.contains("\"/opt/aqd\" --home"), "{}", done.stdout);
    let _not_installed = environment.run(&["service", "status"]).expect(3);
}

/// server-control R7: doctor goes on without a server, and fails.
#[test]
fn doctor_without_a_server() {
    let environment = Environment::new();
    std::fs::create_dir_all(environment.home().join("quarantine/swift-falcon.1.20261130")).unwrap();
    let done = environment.run(&["doctor", "-o", "json"]).expect(1);
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["ok"], false);
    let checks = report["checks"].as_array().unwrap();
    let server = checks.iter().find(|check| check["name"] == "server").unwrap();
    assert_eq!((server["verdict"].as_str(), server["hint"].as_str().unwrap().contains("aqctl server start")), (Some("failed"), true));
    let quarantine = checks.iter().find(|check| check["name"] == "quarantine").unwrap();
    assert_eq!((quarantine["verdict"].as_str(), quarantine["message"].as_str().unwrap().contains("swift-falcon")), (Some("warning"), true));
}

/// server-control R12: doctor changes nothing by itself; with `--fix` it closes what others can read, and says so.
#[test]
fn doctor_mends_when_asked() {
    let environment = Environment::new();
    let (home, key) = (environment.home(), environment.home().join("admin.key"));
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(&key, "aq_k1_0123456789abcdefABCDEFGH").unwrap();
    let set = |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    set(&home, 0o755);
    set(&key, 0o640);
    let checks = |arguments: &[&str]| {
        let done = environment.run(&[arguments, &["-o", "json"]].concat()).expect(1);
        let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let told = |name: &str| report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
        (told("home"), told("private files"))
    };
    let (of_home, of_key) = checks(&["doctor"]);
    assert_eq!((of_home["verdict"].as_str(), of_key["verdict"].as_str()), (Some("failed"), Some("failed")));
    assert!(of_key["hint"].as_str().unwrap().contains("aqctl doctor --fix"), "{of_key}");
    assert_eq!((mode(&home), mode(&key)), (0o755, 0o640));
    let (of_home, of_key) = checks(&["doctor", "--fix"]);
    assert_eq!((of_home["verdict"].as_str(), of_key["verdict"].as_str()), (Some("ok"), Some("ok")));
    assert!(of_key["message"].as_str().unwrap().contains("mended: its mode is 600 now"), "{of_key}");
    assert_eq!((mode(&home), mode(&key)), (0o700, 0o600));
}

/// server-control R11: what is no message of the contract is data too, where data is asked for.
#[test]
fn local_answers_are_data() {
    let environment = Environment::new();
    let json = |arguments: &[&str], code: i32| -> serde_json::Value {
        let done = environment.run(&[arguments, &["-o", "json"]].concat()).expect(code);
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", done.stdout))
    };
    assert_eq!(json(&["server", "status"], 6), serde_json::json!({ "state": "stopped", "endpoint": null, "pid": null }));
    assert_eq!(json(&["service", "status"], 3)["state"], "not installed");
    assert!(json(&["service", "install", "--print", "--program", "/opt/aqd"], 0)["text"].as_str().unwrap().contains("/opt/aqd"));
    let init = json(&["init"], 0);
    assert_eq!((&init["written"], init["next"].as_array().unwrap().len()), (&true.into(), 6));
    assert_eq!(init["programs"].as_array().unwrap().len(), 4);

    let folder = environment.home().join("logs");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("aqd.log"), "one\n\u{1b}[2Jtwo\n").unwrap();
    let lines = environment.run(&["server", "logs", "-o", "json"]).expect(0).stdout;
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["line"]), (2, &"one".into()));
    let yaml = environment.run(&["server", "logs", "-o", "yaml"]).expect(0).stdout;
    assert_eq!(yaml.matches("---").count(), 2, "{yaml}");
}
