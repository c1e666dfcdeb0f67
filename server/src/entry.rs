//! What the command line of `aqd` does.
//!
//! Spec: specs/server/README.md

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;

use crate::app;
use crate::args::{Arguments, Command};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{ConfigSource, Environment, Problem, ServerConfig, Severity, inspect, load};
use crate::demo;
use crate::home::Again;
use crate::store::open_migrated;
use crate::telemetry;

/// Exit code of a wrong command line or configuration (EX_USAGE).
const USAGE: u8 = 64;

/// The program: hidden entries first, then the command line. The program's own name comes first.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    // Shims, confined agents and scripted agents are this program under hidden names; they come before everything else.
    match aq_runner::entry::internal_main(&arguments) {
        Some(code) => code,
        None => run(arguments),
    }
}

/// Runs the command line.
fn run(arguments: Vec<OsString>) -> ExitCode {
    let called = PathBuf::from(arguments.first().cloned().unwrap_or_default());
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too, and go to standard output with code 0.
            let code = if error.use_stderr() { USAGE } else { 0 };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    if !cfg!(target_os = "linux") {
        return fail("aqd runs on Linux only: it needs pidfds, subreapers and Landlock. Run it there and reach it with aqctl from here.");
    }
    let environment = Environment::of_process();
    if let Command::Demo(wanted) = arguments.command() {
        return demo::run(wanted, arguments.common.home);
    }
    let config = match configuration(&arguments, environment.clone()) {
        Ok(config) => config,
        Err(code) => return code,
    };
    match arguments.command() {
        Command::Serve(_) => serve(config, &environment, &arguments, &called),
        Command::CheckConfig { print } => check(&config, &environment, print),
        Command::Migrate => migrate(&config),
        Command::Restore { file } => restore(&config, &file),
        Command::Doctor { json } => doctor(&config, &environment, json),
        Command::Demo(_) => ExitCode::SUCCESS,
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("aqd: {message}");
    ExitCode::FAILURE
}

fn tell(problems: &[Problem]) {
    for problem in problems {
        eprintln!("{problem}");
    }
}

fn working_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

fn configuration(arguments: &Arguments, environment: Environment) -> Result<ServerConfig, ExitCode> {
    let directory = working_directory();
    let source = ConfigSource::read(arguments.common.config.as_deref(), environment, arguments.overrides(&directory))
        .map_err(|error| fail(&error.to_string()))?;
    match load(&source) {
        Ok((config, warnings)) => {
            tell(&warnings);
            Ok(config)
        }
        Err(problems) => {
            tell(&problems.0);
            Err(ExitCode::from(USAGE))
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("aq-worker").build()
}

fn serve(config: ServerConfig, environment: &Environment, arguments: &Arguments, called: &Path) -> ExitCode {
    let home = config.server.home.clone();
    if let Err(error) = telemetry::init(&config.logging, &home) {
        return fail(&error.to_string());
    }
    let (program, runtime) = match std::env::current_exe().and_then(|program| Ok((program, runtime()?))) {
        Ok(parts) => parts,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let directory = working_directory();
    let file = ConfigSource::named(arguments.common.config.as_deref(), environment);
    let again = Again {
        // The name it was called by, where that is a path: a link to the newest version leads the next start there.
        program: if called.components().count() > 1 { directory.join(called) } else { program.clone() },
        arguments: arguments.again(&directory, &home, file.as_deref()),
    };
    match runtime.block_on(app::serve(config, environment, program, &again)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "aqd ended");
            fail(&error.to_string())
        }
    }
}

fn check(config: &ServerConfig, environment: &Environment, print: bool) -> ExitCode {
    let found = inspect(config, environment);
    tell(&found);
    if print {
        match config.dump() {
            Ok(text) => print!("{text}"),
            Err(error) => return fail(&error),
        }
    }
    if found.iter().any(|problem| problem.severity == Severity::Error) {
        return ExitCode::from(USAGE);
    }
    if !print {
        println!("the configuration is good");
    }
    ExitCode::SUCCESS
}

fn migrate(config: &ServerConfig) -> ExitCode {
    let home = match crate::home::Home::open(&config.server.home) {
        Ok(home) => home,
        Err(error) => return fail(&error.to_string()),
    };
    // PostgreSQL connections need a runtime around them; SQLite ones do not mind.
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    let _inside = runtime.enter();
    let opened = open_migrated(&app::database(config), &home.path().join("backups"), SystemClock.now());
    match opened {
        Ok((_, migrated)) if migrated.applied.is_empty() => println!("the database is up to date"),
        Ok((_, migrated)) => {
            println!("applied {}", migrated.applied.join(", "));
            if let Some(backup) = migrated.backup {
                println!("the copy made before: {}", backup.display());
            }
        }
        Err(error) => return fail(&error.to_string()),
    }
    ExitCode::SUCCESS
}

fn restore(config: &ServerConfig, copy: &Path) -> ExitCode {
    let restored = match app::restore(&config.server.home, &app::database(config), copy, SystemClock.now()) {
        Ok(restored) => restored,
        Err(error) => return fail(&error.to_string()),
    };
    println!("{} is the database now; the next start brings it up to date", copy.display());
    if let Some(aside) = restored.aside {
        println!("what was there before: {}", aside.display());
    }
    if let Some(key) = restored.key_aside {
        println!("the copy does not know the administrator's key, so the next start makes a new one; the old one: {}", key.display());
    }
    ExitCode::SUCCESS
}

/// What can be checked without a running server. What only a server knows is checked by `aqctl doctor`.
fn doctor(config: &ServerConfig, environment: &Environment, json: bool) -> ExitCode {
    let problems = inspect(config, environment);
    let git = crate::config::find_program("git", environment);
    let mut lines = vec![
        ("home", config.server.home.display().to_string(), true),
        match app::Walls::find(config, environment) {
            Ok(walls) => ("sandbox", walls.text, true),
            Err(missing) => ("sandbox", missing.to_string(), false),
        },
        ("git", git.as_deref().map_or("not found; install git".to_owned(), |path: &Path| path.display().to_string()), git.is_some()),
        ("database", app::database(config).to_string(), true),
    ];
    for problem in &problems {
        lines.push(("config", problem.to_string(), problem.severity != Severity::Error));
    }
    if json {
        let list: Vec<_> =
            lines.iter().map(|(check, text, good)| serde_json::json!({ "check": check, "ok": good, "text": text })).collect();
        println!("{}", serde_json::Value::Array(list));
    } else {
        for (check, text, good) in &lines {
            println!("{} {check}: {text}", if *good { "ok  " } else { "FAIL" });
        }
    }
    if lines.iter().all(|(_, _, good)| *good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
