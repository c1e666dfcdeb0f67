//! The reference of the command line, made from the arguments; kept in `specs/cli/reference.md`. Tests only.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use crate::args::Cli;

/// Headings are no deeper than this.
const DEEPEST: usize = 4;

fn reference() -> String {
    let mut root = Cli::command().term_width(100).disable_help_flag(false);
    root.build();
    let mut out = String::from(
        "# Reference of `aqctl`\n\nGenerated from the arguments (`cli/src/args.rs`, `cli/src/commands/`). A test fails when it is stale; write it anew with\n`AQ_UPDATE=1 cargo test -p aq-cli reference`. Global options are listed once, at the top.\n",
    );
    walk(&root, 1, &mut out);
    out
}

fn walk(command: &Command, depth: usize, out: &mut String) {
    let path = command.get_bin_name().unwrap_or("aqctl").to_owned();
    let mut shown = command.clone().bin_name(path.clone()).color(clap::ColorChoice::Never);
    if depth > 1 {
        let globals: Vec<String> = command.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.get_id().to_string()).collect();
        for id in globals {
            shown = shown.mut_arg(id, |arg| arg.hide(true));
        }
    }
    let help = shown.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let (heading, text) = ("#".repeat((depth + 1).min(DEEPEST)), lines.join("\n"));
    writeln!(out, "\n{heading} `{path}`\n\n```text\n{}\n```", text.trim_end()).unwrap();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        walk(sub, depth + 1, out);
    }
}

/// commands R1: the reference in the specs is what the arguments say.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test is told by a variable to write the file anew")]
fn the_reference_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/cli/reference.md");
    let fresh = reference();
    if std::env::var("AQ_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(path, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == fresh, "specs/cli/reference.md is stale; run: AQ_UPDATE=1 cargo test -p aq-cli reference");
}

/// commands R1: clap finds no contradiction in the arguments.
#[test]
fn the_arguments_are_sound() {
    Cli::command().debug_assert();
}

/// commands R1: every command says what it does.
#[test]
fn every_command_has_help() {
    fn check(command: &Command) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            assert!(sub.get_about().is_some(), "{} has no help", sub.get_name());
            for arg in sub.get_arguments().filter(|arg| !arg.is_hide_set()) {
                assert!(arg.get_help().is_some(), "{} {} has no help", sub.get_name(), arg.get_id());
            }
            check(sub);
        }
    }
    check(&Cli::command());
}
