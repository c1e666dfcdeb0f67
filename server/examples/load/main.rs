//! The load program: what the server does under load, beside bare programs that do the same durable work and nothing else.
//!
//! Each row is measured in turns with its bare side, in one run, so that what is compared is a ratio and not a machine. A run is a short
//! table; absolute figures stand beside the ratios.
//!
//! Run: `cargo run -p aq-server --profile load --example load -- --help`
//!
//! Spec: specs/server/load.md

mod bare_calls;
mod bare_life;
mod calls;
mod decide;
mod fill;
mod house;
mod latency;
mod lifecycle;
mod light;
mod machine;
mod player;
mod sample;
mod serve;
mod streams;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What is measured.
#[derive(Clone, Debug, Parser)]
#[command(name = "load", about = "Measures the server under load, beside bare programs that do the same durable work")]
struct Arguments {
    /// Where databases are put; filled ones are kept there for the next run. By default a directory that is removed.
    #[arg(long, value_name = "DIR", global = true)]
    folder: Option<PathBuf>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 2.0, global = true)]
    seconds: f64,
    /// How often ours and the bare side take turns.
    #[arg(long, default_value_t = 3, global = true)]
    rounds: usize,
    #[command(subcommand)]
    row: Row,
}

#[derive(Clone, Debug, Subcommand)]
enum Row {
    /// Fills the databases, so that a later measurement need not.
    Fill {
        /// READY tasks.
        #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000,1000000")]
        backlog: Vec<i64>,
    },
    /// Lifecycles per second: claim, start, finish and land, with all book-keeping.
    Lifecycle {
        /// READY tasks at the beginning.
        #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000,1000000")]
        backlog: Vec<i64>,
        /// Agents.
        #[arg(long, value_delimiter = ',', default_value = "4,64")]
        agents: Vec<usize>,
        /// Every run also reports the tokens of a message: a row of the ledger, and a file of output that is synchronised.
        #[arg(long)]
        tokens: bool,
    },
    /// From a task that may start to its claim and to its process, on an idle system.
    Latency {
        /// Tasks, one after the other.
        #[arg(long, default_value_t = 1000)]
        tasks: usize,
        /// The server program, for runs with real processes; without it only claims are measured.
        #[arg(long, value_name = "FILE")]
        aqd: Option<PathBuf>,
    },
    /// A thousand followers of a hundred runs, a third of whom do not read.
    Streams,
    /// Memory, idleness and starts of the server's own program.
    Light {
        /// The server program.
        #[arg(long, value_name = "FILE")]
        aqd: PathBuf,
    },
    /// The server of the streams, in a process of its own.
    #[command(hide = true)]
    Serve {
        /// Its home.
        home: PathBuf,
    },
    /// One scheduling decision, and one completion that many tasks wait for.
    Decide,
    /// Tasks created per second through the API, beside bare calls of the same messages.
    Create {
        /// Calls in flight.
        #[arg(long, value_delimiter = ',', default_value = "1,64")]
        in_flight: Vec<usize>,
    },
}

/// That of the server when it is installed.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the program talks to people")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = measure(&arguments);
    match outcome {
        Ok(lines) => {
            println!("{}", table::render(&lines));
            print!("{}", table::scores(&lines));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The whole path of the server's program: it is started in other folders.
fn whole(program: &Path) -> Result<PathBuf, String> {
    program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))
}

fn measure(arguments: &Arguments) -> Result<Vec<table::Line>, String> {
    let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = arguments.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let turns = sample::Turns { folder, seconds: arguments.seconds, rounds: arguments.rounds.max(1) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    match &arguments.row {
        Row::Fill { backlog } => {
            for count in backlog {
                fill::filled(&turns.folder, *count)?;
            }
            Ok(Vec::new())
        }
        Row::Lifecycle { backlog, agents, tokens } => lifecycle::measure(&runtime, &turns, backlog, agents, *tokens),
        Row::Latency { tasks, aqd } => {
            let program = aqd.as_deref().map(whole).transpose()?;
            latency::measure(&runtime, &turns, *tasks, program.as_deref())
        }
        Row::Decide => decide::measure(&runtime, &turns),
        Row::Streams => streams::measure(&runtime, &turns),
        Row::Light { aqd } => light::measure(&runtime, &turns, &whole(aqd)?),
        Row::Serve { home } => streams::server(&runtime, home).map(|()| Vec::new()),
        Row::Create { in_flight } => calls::measure(&runtime, &turns, in_flight),
    }
}
