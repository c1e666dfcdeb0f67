//! The kill loop: a real server with real agents and real git, killed again and again at random instants, and everything it promised
//! checked in between. Asked for it, it kills shims and agents as well; or it lets the server live, with a trouble now and then, and watches what it needs.
//!
//! It is a client like any other and knows the server by its API, its repositories and the process table only; whom it kills besides, it finds by the
//! folders of the runs.
//!
//! Run: `cargo build -p aq-server --bin aqd && cargo run -p aq-server --example torture -- --kills 200`, with `--also shims,agents` behind it, or with
//! `--soak 144` instead.
//!
//! Spec: specs/server/torture.md

mod books;
mod calls;
mod check;
mod course;
mod figures;
mod git;
mod history;
mod hunter;
mod leftovers;
mod output;
mod server;
mod storm;
mod strikes;
mod watch;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// What the loop is asked for.
#[derive(Clone, Debug, Parser)]
#[command(name = "torture", about = "Kills a real server again and again, and checks that nothing is lost, doubled or left behind")]
struct Arguments {
    /// How many processes are killed; without `--also` each time the server.
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// What is killed besides the server: the shims of runs, their agents, or both (`shims,agents`).
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    also: Vec<strikes::Part>,
    /// What the random choices are made from; by default a new one, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Agents at work; 3, in a soak 20.
    #[arg(long)]
    agents: Option<usize>,
    /// Kills, in a soak troubles, between two checks; a check waits until every task is settled. 40, in a soak 10.
    #[arg(long)]
    check_every: Option<usize>,
    /// Longest time for killing, in minutes; what was reached by then is checked and told.
    #[arg(long)]
    minutes: Option<u64>,
    /// Instead of killing again and again: so many minutes of work with a trouble now and then, while it is watched what the server needs.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["kills", "also", "minutes"])]
    soak: Option<u64>,
    /// Seconds from one trouble of a soak to the next, on average. Scripts take naps of up to a sixth of it.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(3..), requires = "soak")]
    pause: u64,
    /// The server program; by default `aqd` beside this one.
    #[arg(long, value_name = "FILE")]
    aqd: Option<PathBuf>,
    /// Where everything is put; must not exist. By default a directory that is removed after a clean end.
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
}

impl Arguments {
    /// `target/debug/examples/torture` → `target/debug/aqd`.
    fn program(&self) -> Result<PathBuf, String> {
        if let Some(program) = &self.aqd {
            return Ok(program.clone());
        }
        let own = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        let program = own.ancestors().skip(1).map(|folder| folder.join("aqd")).find(|file| file.is_file());
        program.ok_or_else(|| format!("there is no aqd beside {}; run `cargo build -p aq-server --bin aqd` first", own.display()))
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the loop talks to people")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| rand::random::<u32>().into());
    let kept = arguments.home.is_some();
    let folder = arguments.home.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("aq-torture-{}", std::process::id())));
    let outcome = arguments.program().and_then(|program| {
        let plan = storm::Plan {
            program,
            folder: folder.clone(),
            seed,
            kills: arguments.kills,
            also: if arguments.soak.is_some() { vec![strikes::Part::Shim, strikes::Part::Agent] } else { arguments.also.clone() },
            agents: arguments.agents.unwrap_or(if arguments.soak.is_some() { 20 } else { 3 }).max(1),
            check_every: arguments.check_every.unwrap_or(if arguments.soak.is_some() { 10 } else { 40 }).max(1),
            time: arguments.soak.or(arguments.minutes).map(|minutes| Duration::from_secs(minutes.saturating_mul(60))),
            soak: arguments.soak.map(|_| Duration::from_secs(arguments.pause)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        runtime.block_on(storm::run(&plan))
    });
    match outcome {
        Ok(figures) => {
            print!("{}", figures.table(seed));
            let clean = figures.violations.is_empty();
            if clean && !kept {
                if let Err(error) = std::fs::remove_dir_all(&folder) {
                    eprintln!("{} cannot be removed: {error}", folder.display());
                }
            } else {
                println!("everything is kept in {}", folder.display());
            }
            let (kills, violations) = (figures.kills(), figures.violations.len());
            if let Some((minutes, needs)) = arguments.soak.zip(figures.needs) {
                let (troubles, tasks) = (figures.troubles.values().sum::<usize>(), figures.tasks);
                println!(
                    "score: soak: {violations} violations; {minutes} minutes, {troubles} troubles, {tasks} tasks, {needs}, seed {seed}"
                );
            } else if arguments.also.is_empty() {
                println!("score: server kills: {violations} violations; {kills} kills, seed {seed}");
            } else {
                println!("score: mixed kills: {violations} violations; {kills} kills ({}), seed {seed}", figures.mix());
            }
            println!("torture: {kills} kills, {violations} violations, seed {seed}");
            if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => {
            println!("everything is kept in {}", folder.display());
            println!("torture: broken off, seed {seed}: {message}");
            ExitCode::FAILURE
        }
    }
}
