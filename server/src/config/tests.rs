//! Tests of the configuration as a whole: defaults, precedence, the report, and arbitrary input.

use proptest::prelude::*;

use super::sections::{DatabaseUrl, SandboxLevel};
use super::*;

fn source(text: &str) -> ConfigSource {
    ConfigSource {
        file: Some(ConfigFile { path: "/etc/agent-queue/config.yaml".into(), text: text.to_owned() }),
        environment: Environment::from_pairs([("HOME", "/home/u")]),
        ..ConfigSource::default()
    }
}

fn with_environment(text: &str, pairs: &[(&str, &str)]) -> ConfigSource {
    let environment = Environment::from_pairs([("HOME", "/home/u")].into_iter().chain(pairs.iter().copied()));
    ConfigSource { environment, ..source(text) }
}

/// F-035, config R1: an empty file and no file give the same defaults, without a warning.
#[test]
fn an_empty_file_gives_the_defaults() {
    let (mut empty, warnings) = load(&source("")).unwrap();
    assert_eq!(warnings, []);
    let (none, warnings) = load(&ConfigSource { file: None, ..source("") }).unwrap();
    assert_eq!(warnings, []);
    empty.file = None;
    assert_eq!(empty, none);
    insta::assert_snapshot!("defaults", none.dump().unwrap());
}

/// F-035: every documented key is read; writing the dump of the defaults back gives the same configuration and no complaint.
#[test]
fn the_dump_is_a_valid_document() {
    let (first, _) = load(&source("")).unwrap();
    let (second, warnings) = load(&source(&first.dump().unwrap())).unwrap();
    assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(first.dump().unwrap(), second.dump().unwrap());
}

/// F-035: the keys of the original system load, each with its old meaning or a warning that names the new place.
#[test]
fn a_file_of_the_original_system_loads() {
    let text = "
workspace_dir: ~/agent-queue-workspaces
database_path: ~/.agent-queue/agent-queue.db
global_token_budget_daily: 1000000
rate_limits: {anthropic: {tokens_per_minute: 10}}
discord:
  bot_token: ${NOT_SET_HERE}
  guild_id: '1'
agents: {heartbeat_interval_seconds: 30, stuck_timeout_seconds: 0, graceful_shutdown_timeout_seconds: 30}
scheduling: {rolling_window_hours: 24, min_task_guarantee: true}
pause_retry: {rate_limit_backoff_seconds: 60, token_exhaustion_retry_seconds: 300}
chat_provider: {provider: anthropic, model: ''}
hook_engine: {enabled: true, max_concurrent_hooks: 2}
monitoring: {stuck_task_threshold_seconds: 3600}
archive: {enabled: true, after_hours: 24.0, statuses: [COMPLETED]}
auto_task: {enabled: true, inherit_repo: true, base_priority: 100, use_llm_parser: false}
llm_logging: {enabled: false, retention_days: 30}
";
    let (config, warnings) = load(&source(text)).unwrap();
    assert_eq!(config.server.workspaces, std::path::Path::new("/home/u/agent-queue-workspaces"));
    assert_eq!(config.database.url, DatabaseUrl::Sqlite("/home/u/.agent-queue/agent-queue.db".into()));
    assert_eq!(config.budgets.day_tokens, Some(1_000_000));
    insta::assert_snapshot!("original_warnings", warnings.iter().map(|w| format!("{w}\n")).collect::<String>());
}

/// F-038, D-105, config R6: everything wrong is told at once, with its place and a remedy.
#[test]
fn all_problems_are_reported_together() {
    let text = "
server: {listen: 0.0.0.0:50051, grace_seconds: soon, tls_key_file: /k.pem, hoem: /x}
database: {url: 'mysql://root:hunter2@db/x'}
scheduling: {rolling_window_hours: 0, global_token_budget_daily: 5}
budgets: {day_tokens: 7, run_usd: null, period: weekly, run_tokens: -1}
accounts:
  - {id: claude-max, config_dir: ~/.claude, api_key: k}
  - {id: claude-max}
  - just text
agents:
  sandbox: landlok
  stuck_timeout_seconds: [1]
  env_passthrough: [AQ_DATABASE_URL]
  predefined:
    - {id: 'Worker One', runtime: cluade}
    - {id: w2, runtime: command, profile: bild, account: claude-mx}
    - {runtime: scripted}
runtimes: {command: {profiles: {build: {argv: [make]}, empty: {}}}, claude: {program: ./claude}}
archive: {statuses: [IN_PROGRESS, compleated], after_hours: .nan}
auto_task: {plan_file_patterns: [/etc/*.md, ../x.md], max_steps_per_plan: 10000}
retention: 30
logging: {filter: 'a=b=c', format: xml}
chat_provider: {provider: ollama}
pause_retry: {rate_limit_backoff_seconds: 600}
schedulling: {}
git: {identity_email: '${UNSET_EMAIL}'}
";
    let problems = load(&source(text)).unwrap_err();
    assert!(!problems.to_string().contains("hunter2"));
    insta::assert_snapshot!("problems", problems);
}

/// F-036: names are replaced at any depth, and a number may come from the environment.
#[test]
fn names_are_replaced_at_any_depth() {
    let text = "
agents: {stuck_timeout_seconds: '${TIMEOUT}', predefined: [{id: '${PREFIX}-1', runtime: scripted}]}
archive: {enabled: '${OFF}'}
";
    let pairs = [("TIMEOUT", "90"), ("PREFIX", "night"), ("OFF", "false")];
    let (config, _) = load(&with_environment(text, &pairs)).unwrap();
    assert_eq!(config.agents.stuck_timeout.as_secs(), 90);
    assert_eq!(config.agents.predefined.first().unwrap().id.to_string(), "night-1");
    assert!(!config.archive.enabled);
}

/// F-036, F-037: an unset name is an error that names it; the sidecar can set it.
#[test]
fn an_unset_name_is_named() {
    let mut source = source("git: {identity_name: 'x ${MISSING_NAME}'}");
    let problems = load(&source).unwrap_err();
    assert!(problems.to_string().contains("environment variable MISSING_NAME is not set"), "{problems}");
    source.sidecar = Some("MISSING_NAME=y".to_owned());
    assert_eq!(load(&source).unwrap().0.git.identity_name, "x y");
}

/// F-039: a value out of the environment shows neither in the report, nor in the dump, nor in `Debug`.
#[test]
fn secrets_never_show() {
    let secret = "hush-hush-9f2";
    let text = "
accounts: [{id: a, api_key: '${KEY}'}]
database: {url: 'postgres://u:${KEY}@db/aq'}
chat_provider: {api_key: '${KEY}'}
runtimes: {command: {profiles: {p: {argv: [x], env: {TOKEN: '${KEY}'}}}}}
agents: {env_passthrough: [KEY]}
";
    let (config, _) = load(&with_environment(text, &[("KEY", secret)])).unwrap();
    assert!(config.agents.environment.get("KEY").is_some_and(|value| value.expose() == secret));
    assert!(!config.dump().unwrap().contains(secret));
    assert!(!format!("{config:?}").contains(secret));
    let wrong = "
server: {listen: '${KEY}', grace_seconds: '${KEY}', home: '${KEY}'}
agents: {sandbox: '${KEY}', predefined: '${KEY}'}
logging: {filter: '${KEY}===', format: '${KEY}'}
archive: {after_hours: '${KEY}', enabled: '${KEY}'}
budgets: {run_tokens: '${KEY}'}
";
    let problems = load(&with_environment(wrong, &[("KEY", secret)])).unwrap_err();
    assert!(problems.errors() >= 10, "{problems}");
    assert!(!problems.to_string().contains(secret), "{problems}");
}

/// config R3: defaults < file < environment < command line.
#[test]
fn the_command_line_wins() {
    let text = "{server: {home: /from/file, listen: '127.0.0.1:1'}, logging: {format: json}}";
    let mut source = with_environment(text, &[("AQ_HOME", "/from/environment"), ("AQ_LISTEN", "127.0.0.1:2")]);
    source.overrides.home = Some("/from/flag".to_owned());
    let (config, _) = load(&source).unwrap();
    assert_eq!(config.server.home, std::path::Path::new("/from/flag"));
    assert_eq!(config.server.listen.unwrap().port(), 2);
    assert_eq!(config.logging.format, sections::LogFormat::Json);
    assert_eq!(config.agents.sandbox, SandboxLevel::Landlock);
}

/// F-239: a listener beyond loopback without TLS is refused; the loopback ones of both families are not.
#[test]
fn a_remote_listener_needs_tls() {
    for (listen, fine) in [("127.0.0.1:1", true), ("[::1]:1", true), ("0.0.0.0:1", false), ("10.0.0.1:1", false), ("[::]:1", false)] {
        let plain = load(&source(&format!("server: {{listen: '{listen}'}}")));
        assert_eq!(plain.is_ok(), fine, "{listen}");
        let secured = format!("server: {{listen: '{listen}', tls_cert_file: /c.pem, tls_key_file: /k.pem}}");
        assert!(load(&source(&secured)).is_ok(), "{listen}");
    }
}

/// config R1: without HOME there is no default home, and the report says what to give.
#[test]
fn no_home_is_an_error_that_names_the_flag() {
    let problems = load(&ConfigSource::default()).unwrap_err();
    assert!(problems.to_string().contains("--home"), "{problems}");
}

/// config table: every key of the dump stands in the spec's table.
#[test]
fn the_spec_lists_every_key() {
    let spec = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/server/config.md")).unwrap();
    let (config, _) = load(&source("")).unwrap();
    let dump: serde_yaml::Mapping = serde_yaml::from_str(&config.dump().unwrap()).unwrap();
    for (section, entries) in &dump {
        for (key, _) in entries.as_mapping().into_iter().flatten() {
            let name = format!("| {}.{} |", section.as_str().unwrap(), key.as_str().unwrap());
            assert!(spec.contains(&name), "specs/server/config.md has no row {name}");
        }
    }
}

/// Words that make a random document hit our sections more often than noise would.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "server", "agents", "budgets", "accounts", "runtimes", "predefined", "id", "argv", "profiles", "home", "url", "listen",
            ": ", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", "${", "${HOME}", "~", "null", "0", "-1", "1e999", "&a ",
            "*a ", "!t ", "'", "\"", "#", "|\n", "? ",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    /// config R9: no text makes loading panic, and a refusal always names at least one error.
    #[test]
    fn loading_never_panics(pieces in prop::collection::vec(piece(), 0..200)) {
        let mut text = pieces.concat();
        let cut = (0..=text.len().min(8192)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(cut);
        match load(&source(&text)) {
            Ok((config, _)) => prop_assert!(config.dump().is_ok()),
            Err(problems) => prop_assert!(problems.errors() > 0),
        }
    }

    /// config R9: neither does any value of any type at any known place.
    #[test]
    fn no_value_anywhere_panics(
        path in prop::sample::select(vec![
            "server", "database.url", "server.listen", "agents.predefined", "accounts", "runtimes.command.profiles",
            "budgets.run_usd", "archive.after_hours", "archive.statuses", "logging.filter", "auto_task.plan_file_patterns",
        ]),
        value in prop_oneof![any::<i64>().prop_map(|n| n.to_string()), any::<f64>().prop_map(|n| format!("{n:e}")),
            Just("{}".to_owned()), Just("[]".to_owned()), Just("[[]]".to_owned()), Just("{a: {b: c}}".to_owned()),
            Just("[{id: a}, 3]".to_owned()), any::<String>().prop_map(|s| format!("{s:?}"))],
    ) {
        let depth = path.split('.').count();
        let text = format!("{{{}: {value}{}", path.replace('.', ": {"), "}".repeat(depth));
        match load(&source(&text)) {
            Ok((config, _)) => prop_assert!(config.dump().is_ok()),
            Err(problems) => prop_assert!(problems.errors() > 0),
        }
    }
}
