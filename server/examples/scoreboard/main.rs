//! The scoreboard: runs the programs that show what we claim, and writes what they say into the README. No cell is written in any other way.
//!
//! Run: `cargo scoreboard --help`
//!
//! Spec: specs/server/scoreboard.md

mod board;
mod claims;
#[path = "../load/machine.rs"]
mod machine;
mod programs;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aq_server::clock::{Clock as _, SystemClock};
use clap::Parser;

use claims::{CLAIMS, Claim, GATEWAY, POSTGRES, Program};
use programs::{Built, Outcome};

/// What builds the tests that a quick run runs.
const TESTS: &[&str] = &["test", "--workspace", "--no-run"];

/// What builds the other programs of a quick run: of an example that is tested, the command for tests makes the tests alone.
const PROGRAMS: &[&str] = &["build", "--workspace", "--bins", "--examples"];

/// What builds the programs of a long run, optimised.
#[rustfmt::skip]
const OPTIMISED: &[&str] = &[
    "build", "--profile", "optimised", "-p", "aq-server", "-p", "aq-runner", "-p", "aq-core", "--bin", "aqd", "--example", "torture",
    "--test", "suite", "--test", "fuzz", "--test", "git", "--test", "process",
];

/// What builds the tests inside the gateway's program, optimised; cargo makes them with its word for tests alone.
const INSIDE: &[&str] = &["test", "--no-run", "--profile", "optimised", "-p", "aq-discord-gateway", "--bin", "aq-discord"];

/// What builds the programs that are measured, as they are installed.
const MEASURED: &[&str] = &["build", "--profile", "load", "-p", "aq-server", "--bin", "aqd", "--example", "load"];

/// What is run.
#[derive(Clone, Debug, Parser)]
#[command(name = "scoreboard", about = "Runs the programs that show what Agent Queue claims, and prints what they say")]
struct Arguments {
    /// Only these claims; `--list` names them.
    #[arg(value_name = "CLAIM")]
    only: Vec<String>,
    /// As much as belongs to a release: thousands of kills, a hundred thousand histories, and the measurements; everything is built optimised.
    /// Takes hours; keep the machine quiet.
    #[arg(long)]
    long: bool,
    /// Of a long run: programs whose speed is not measured are built as the tests are, which saves half an hour of building.
    #[arg(long, requires = "long")]
    unoptimised: bool,
    /// Writes the figures into the README. Rows that did not run stay as they are.
    #[arg(long)]
    write: bool,
    /// Lists the claims and what shows them.
    #[arg(long)]
    list: bool,
    /// Where the load program keeps its databases.
    #[arg(long, value_name = "DIR", default_value = "/var/tmp/aq-load")]
    folder: PathBuf,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the program talks to people")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        CLAIMS.iter().for_each(|claim| println!("{:<64} {}", claim.id, claim.promise));
        return ExitCode::SUCCESS;
    }
    let said = run(&arguments, &mut |line| println!("{line}"));
    match said {
        Ok((table, true)) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Ok((table, false)) => {
            println!("{table}\nNot everything was shown.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("scoreboard: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The claims that were asked for.
#[expect(clippy::disallowed_methods, reason = "the tests that need a database are told of it by the environment")]
fn chosen(arguments: &Arguments) -> Result<Vec<Claim>, String> {
    if let Some(unknown) = arguments.only.iter().find(|id| CLAIMS.iter().all(|claim| claim.id != id.as_str())) {
        return Err(format!("there is no claim `{unknown}`; --list names them all"));
    }
    let on_postgres = std::env::var_os(POSTGRES).is_some();
    let wanted = |claim: &&Claim| match (arguments.only.is_empty(), claim.shown_by) {
        (true, Program::Load(_)) => arguments.long,
        (true, Program::OnPostgres(..)) => on_postgres,
        (true, _) => true,
        (false, _) => arguments.only.iter().any(|id| id == claim.id),
    };
    let chosen: Vec<_> = CLAIMS.iter().filter(wanted).copied().collect();
    match chosen.iter().find(|claim| matches!(claim.shown_by, Program::OnPostgres(..)) && !on_postgres) {
        Some(claim) => Err(format!("`{}` needs PostgreSQL; say where an empty database is with {POSTGRES}", claim.id)),
        None => Ok(chosen),
    }
}

/// Runs what is wanted; the table, and whether everything was shown.
fn run(arguments: &Arguments, say: &mut dyn FnMut(&str)) -> Result<(String, bool), String> {
    let claims = chosen(arguments)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    std::env::set_current_dir(root).map_err(|error| format!("{}: {error}", root.display()))?;
    let commit = machine::commit();
    let day = SystemClock.now().to_string();
    let circumstances = format!("{commit}, {}, {}", day.split('T').next().unwrap_or_default(), machine::processor());

    let mut programs: BTreeMap<Program, Vec<Claim>> = BTreeMap::new();
    for claim in &claims {
        programs.entry(claim.shown_by).or_default().push(*claim);
    }
    let (mut rows, mut good) = (BTreeMap::new(), true);
    let optimised = arguments.long && !arguments.unoptimised;
    let mut builds: BTreeMap<_, Built> = BTreeMap::new();
    for (program, claims) in programs {
        let wanted = match program {
            Program::Load(_) => MEASURED,
            Program::Tests { of: GATEWAY, .. } if optimised => INSIDE,
            _ if optimised => OPTIMISED,
            Program::Torture { .. } => PROGRAMS,
            _ => TESTS,
        };
        let built = match builds.entry(wanted) {
            Entry::Occupied(built) => built.into_mut(),
            Entry::Vacant(place) => place.insert(Built::with(root, wanted)?),
        };
        let command = programs::call(program, built, arguments.long, &arguments.folder)?;
        let said = programs::run(command, &claims, say)?;
        for claim in claims {
            let outcome = said.as_ref().and_then(|said| said.get(claim.id)).unwrap_or(&Outcome::Failed);
            good &= *outcome != Outcome::Failed;
            rows.insert(claim.promise.to_owned(), board::row(outcome, &circumstances));
        }
    }
    let table = board::render(if arguments.only.is_empty() { CLAIMS } else { &claims }, &rows);
    if arguments.write {
        write(&root.join("README.md"), rows)?;
    }
    Ok((table, good))
}

/// Writes rows into the table as it is now: a long run takes hours, in which somebody may have written something else.
fn write(readme: &Path, rows: BTreeMap<String, board::Row>) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", readme.display());
    let text = std::fs::read_to_string(readme).map_err(told)?;
    let written = board::write(&text, rows).ok_or("the README has no place for the scoreboard")?;
    std::fs::write(readme, written).map_err(told)
}
