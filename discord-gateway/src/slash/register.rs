//! Registering the commands with Discord, when they have changed.

use serde_json::{Value, json};

use super::catalogue::{COMMANDS, Command, Opt, Takes};
use crate::bridge::Bridge;
use crate::custom_id::fingerprint;
use crate::outbound::{Call, Method};

fn option(option: &Opt) -> Value {
    let mut made = json!({ "name": option.name, "description": option.about, "required": option.required });
    match option.takes {
        Takes::Text => made["type"] = json!(3),
        Takes::Offered(_) => (made["type"], made["autocomplete"]) = (json!(3), json!(true)),
        Takes::Whole(least, most) => (made["type"], made["min_value"], made["max_value"]) = (json!(4), json!(least), json!(most)),
        Takes::Number => (made["type"], made["min_value"]) = (json!(10), json!(0)),
        Takes::Flag => made["type"] = json!(5),
        Takes::Channel => (made["type"], made["channel_types"]) = (json!(7), json!([0])),
        Takes::One(words) => {
            made["type"] = json!(3);
            made["choices"] = words.iter().map(|word| json!({ "name": word, "value": word })).collect();
        }
    }
    made
}

fn options(command: &Command) -> Vec<Value> {
    // Discord wants what is required first.
    let (first, then): (Vec<&Opt>, Vec<&Opt>) = command.options.iter().partition(|option| option.required);
    first.into_iter().chain(then).map(option).collect()
}

/// The commands as Discord takes them.
pub(super) fn described() -> Value {
    let mut made: Vec<Value> = Vec::new();
    for command in COMMANDS {
        let Some((group, word)) = command.words.split_once(' ') else {
            made.push(
                json!({ "name": command.words, "description": command.about, "type": 1, "options": options(command), "contexts": [0] }),
            );
            continue;
        };
        let sub = json!({ "name": word, "description": command.about, "type": 1, "options": options(command) });
        match made.iter_mut().find(|known| known["name"] == group).and_then(|known| known["options"].as_array_mut()) {
            Some(subs) => subs.push(sub),
            None => made.push(json!({ "name": group, "description": format!("Everything about a {group}"), "type": 1, "options": [sub], "contexts": [0] })),
        }
    }
    Value::Array(made)
}

/// Registers the commands in the guild, unless they are the ones that were registered last.
pub(crate) async fn register(bridge: &Bridge) -> Result<(), String> {
    let (_, application) = bridge.ids();
    let body = described();
    let print = format!("{application} {} {}", bridge.config.guild_id, fingerprint(&body.to_string()));
    if bridge.server.record("commands").await.map_err(|status| status.message().to_owned())?.as_deref() == Some(&print) {
        return Ok(());
    }
    let path = format!("/applications/{application}/guilds/{}/commands", bridge.config.guild_id);
    bridge.out.call(Call::new(Method::Put, path, Some(body)).lasting()).await.map_err(|error| error.to_string())?;
    tracing::info!(commands = COMMANDS.len(), "commands registered");
    bridge.server.keep_one("commands".to_owned(), print).await.map_err(|status| status.message().to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// F-188, F-220, D-91: what is registered stays within Discord's limits, and every command is there once.
    #[test]
    fn commands_stay_within_limits() {
        let made = described();
        let commands = made.as_array().unwrap();
        assert!(commands.len() <= 100);
        let words: BTreeSet<&str> = COMMANDS.iter().map(|command| command.words).collect();
        assert_eq!(words.len(), COMMANDS.len());
        for command in commands {
            let options = command["options"].as_array().unwrap();
            assert!(options.len() <= 25 && command.to_string().len() < 8000, "{}", command["name"]);
            for option in options {
                let length = option["description"].as_str().unwrap().chars().count();
                assert!((1..=100).contains(&length), "{option}");
                let inner = option["options"].as_array().into_iter().flatten().map(|option| option["required"].as_bool().unwrap());
                let inner: Vec<bool> = inner.collect();
                assert!(inner.is_sorted_by(|a, b| a >= b), "{}: required options come first", option["name"]);
            }
        }
    }

    /// F-220: each command of the original is there, under its own name or with its name beside it; `/help` tells where the one is that no
    /// gateway may have. Those that only its text names are there too.
    #[test]
    fn every_command_of_the_original_is_there() {
        let ours: BTreeSet<&str> = COMMANDS.iter().flat_map(|command| command.was.split(", ").chain([command.words])).collect();
        for name in ["set-channel", "set-control-interface", "set-status", "repos", "add-repo"] {
            assert!(ours.contains(name), "/{name} of the text is missing");
        }
        let named = [
            "status",
            "projects",
            "agents",
            "budget",
            "events",
            "orchestrator",
            "create-project",
            "edit-project",
            "delete-project",
            "pause",
            "resume",
            "create-channel",
            "channel-map",
            "set-project",
            "restart",
            "tasks",
            "active-tasks",
            "task",
            "task-result",
            "task-diff",
            "task-deps",
            "agent-error",
            "chain-health",
            "add-task",
            "edit-task",
            "stop-task",
            "restart-task",
            "delete-task",
            "approve-task",
            "skip-task",
            "archive-task",
            "restore-task",
            "reopen-with-feedback",
            "archive-tasks",
            "list-archived",
            "archive-settings",
            "create-agent",
            "edit-agent",
            "pause-agent",
            "resume-agent",
            "delete-agent",
            "workspaces",
            "add-workspace",
            "release-workspace",
            "git-status",
            "git-branches",
            "git-checkout",
            "project-commit",
            "project-push",
            "project-merge",
            "project-create-branch",
            "create-branch",
            "checkout-branch",
            "commit",
            "push",
            "merge",
            "git-commit",
            "git-push",
            "git-branch",
            "git-merge",
            "git-pr",
            "git-files",
            "git-log",
            "git-diff",
            "notes",
            "write-note",
            "delete-note",
            "hooks",
            "create-hook",
            "edit-hook",
            "delete-hook",
            "fire-hook",
            "hook-runs",
        ];
        assert_eq!(named.len(), 73);
        for name in named {
            let elsewhere = super::super::overview::ELSEWHERE.contains(&format!("`/{name}`"));
            assert!(ours.contains(name) || elsewhere, "/{name} is missing");
        }
    }
}
