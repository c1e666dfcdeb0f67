//! Hostile configuration: any text is read, or refused with every problem in words and at its place.

#[path = "../../core/tests/fuzz/mutate.rs"]
mod mutate;

use aq_server::config::{ConfigFile, ConfigSource, Environment, load};

use self::mutate::{mutants, tell};

const FILES: [&str; 3] = [
    "server:\n  listen: 127.0.0.1:7460\n  log: {format: json}\ndatabase:\n  url: sqlite:///var/lib/aq.db\nagents:\n  sandbox: landlock\n",
    "accounts:\n  - name: Max\n    reserve: 0.2\n    quiet_hours: ['23:00-06:00']\n    time_zone: Europe/Vienna\n  - {name: Key, provider_key: ${KEY}}\nbudgets:\n  run: 20M\n",
    "scheduling: {rolling_window_hours: 24, min_task_guarantee: true}\narchive: {enabled: true, after_hours: 24.0, statuses: [COMPLETED]}\ndiscord:\n  bot_token: ${NOT_SET}\n",
];
const SPICES: [&str; 17] = [
    "${",
    "}",
    "${KEY}",
    "$",
    ": ",
    "\n  - ",
    "&a ",
    "*a",
    "!!binary ",
    "|\n",
    ">-\n",
    "\t",
    "{{",
    "[[[",
    "999999999999999999999",
    "-1",
    "\u{0}",
];

/// F-035, F-036, config R1, R5: no text makes the server panic, no error is empty, and no secret of the environment is told in one.
#[test]
fn configuration_of_any_shape_is_read_or_refused() {
    let seeds = FILES.map(|file| file.as_bytes().to_vec());
    for bytes in mutants(&seeds, &SPICES, 1_500) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let source = ConfigSource {
            file: Some(ConfigFile { path: "/etc/config.yaml".into(), text: text.clone() }),
            environment: Environment::from_pairs([("HOME", "/home/u"), ("KEY", "sk-secret-5af3")]),
            ..ConfigSource::default()
        };
        match load(&source) {
            Ok((config, warnings)) => {
                let told = warnings.iter().map(ToString::to_string).collect::<String>();
                assert!(!told.contains("sk-secret") && !format!("{config:?}").contains("sk-secret"), "{text:?}");
            }
            Err(problems) => {
                let told = problems.to_string();
                assert!(!told.trim().is_empty() && !told.contains("sk-secret"), "{text:?}: {told}");
            }
        }
    }
    tell("configuration of any shape", 1_500);
}
