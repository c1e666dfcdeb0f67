//! Hostile configuration: any text is read, or refused with every problem in words and at its place.

mod property;

use aq_server::config::load;

use self::property::{config, source};
use crate::mutate::{corpus, mutants, tell};

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

/// Config R5: a secret that stands in its place is not shown by what is read.
#[test]
fn a_secret_in_its_place_is_masked() {
    let (config, _) = load(&source("chat_provider: {provider: anthropic, api_key: '${KEY}'}\n".to_owned())).unwrap();
    let shown = format!("{config:?}");
    assert!(shown.contains("api_key") && !shown.contains("sk-secret"), "{shown}");
}

/// Config R10: nor is one that was put where none belongs; where a home is, may be told.
#[test]
fn a_secret_in_a_wrong_place_is_masked() {
    let wrong = "accounts:\n  - {id: max, time_zone: '${KEY}'}\n  - {id: spare, time_zone: '${HOME}'}\n";
    let problems = load(&source(wrong.to_owned())).unwrap_err().to_string();
    assert!(problems.contains("`***`") && problems.contains("`/home/u`") && !problems.contains("sk-secret"), "{problems}");
}

/// F-035, F-036, config R1, R5: whatever stands in the file.
#[test]
fn configuration_of_any_shape_is_read_or_refused() {
    corpus("config").iter().for_each(|bytes| config(bytes));
    let seeds = FILES.map(|file| file.as_bytes().to_vec());
    mutants(&seeds, &SPICES, 1_500).for_each(|bytes| config(&bytes));
    tell("configuration of any shape", 1_500);
}
