//! Building the programs that show claims, running them, and reading what they say of themselves.
//!
//! A program tells a figure in a line of its standard output: `score: <claim>: <figure>; <how much was tried>`. One that fails, or says nothing of a
//! claim, has not shown it, whatever it printed before.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::claims::{Claim, POSTGRES, Program, SERVER};

/// Lines of a program that failed which are shown.
const TAIL: usize = 30;

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its program says so.
    Told {
        /// The figure.
        figure: String,
        /// How much was tried.
        amount: String,
    },
    /// Its program failed, or was silent about it.
    Failed,
}

/// What was built: programs by the folder of their package, their kind (`test`, `example`, `bin`, or `unit` for the tests inside a program) and their name.
#[derive(Debug)]
pub(crate) struct Built {
    root: PathBuf,
    programs: BTreeMap<(PathBuf, String, String), PathBuf>,
}

impl Built {
    /// Builds what `arguments` of cargo name.
    pub(crate) fn with(root: &Path, arguments: &[&str]) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("cargo cannot be run: {error}");
        let mut cargo = Command::new("cargo")
            .args(arguments)
            .args(["--locked", "--message-format", "json-render-diagnostics"])
            .current_dir(root)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(told)?;
        let mut programs = BTreeMap::new();
        for line in cargo.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
            let Ok(message) = serde_json::from_str::<Value>(&line.map_err(told)?) else { continue };
            let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
            let (Some(manifest), Some(kind), Some(name), Some(program)) =
                (text("/manifest_path"), text("/target/kind/0"), text("/target/name"), text("/executable"))
            else {
                continue;
            };
            let within = kind == "bin" && message.pointer("/profile/test").and_then(Value::as_bool) == Some(true);
            let kind = if within { "unit" } else { kind };
            let folder = Path::new(manifest).parent().unwrap_or(root).to_owned();
            programs.insert((folder, kind.to_owned(), name.to_owned()), PathBuf::from(program));
        }
        if !cargo.wait().map_err(told)?.success() {
            return Err(format!("cargo {} failed", arguments.join(" ")));
        }
        Ok(Self { root: root.to_owned(), programs })
    }

    fn program(&self, folder: &str, kind: &str, name: &str) -> Result<&Path, String> {
        let key = (self.root.join(folder), kind.to_owned(), name.to_owned());
        self.programs.get(&key).map(PathBuf::as_path).ok_or_else(|| format!("cargo built no {kind} called {name} in {folder}"))
    }
}

fn tests(built: &Built, of: (&str, &str), filter: &str, much: Option<(&str, &str, &str)>, long: bool) -> Result<Command, String> {
    let (package, target) = of;
    let program = built.program(package, "test", target).or_else(|_| built.program(package, "unit", target))?;
    let mut command = Command::new(program);
    command.current_dir(built.root.join(package)).args([filter, "--nocapture"]);
    if let Some((variable, quick, more)) = much {
        command.env(variable, if long { more } else { quick });
    }
    Ok(command)
}

/// How a program is called.
pub(crate) fn call(program: Program, built: &Built, long: bool, folder: &Path) -> Result<Command, String> {
    Ok(match program {
        Program::Tests { of, filter, much } => {
            let mut command = tests(built, of, filter, much, long)?;
            // What a claim says of the embedded database is not to be tried as often on the other one.
            command.env_remove(POSTGRES);
            command
        }
        Program::OnPostgres(filter, much) => tests(built, SERVER, filter, Some(much), long)?,
        Program::Torture { quick, long: more } => {
            let mut command = Command::new(built.program("server", "example", "torture")?);
            command.args(if long { more } else { quick }.split(' ')).arg("--aqd").arg(built.program("server", "bin", "aqd")?);
            command
        }
        Program::Load(row) => {
            let mut command = Command::new(built.program("server", "example", "load")?);
            command.arg("--folder").arg(folder).arg(row);
            if matches!(row, "latency" | "light") {
                command.arg("--aqd").arg(built.program("server", "bin", "aqd")?);
            }
            command
        }
    })
}

/// What a run said of each claim; `None`: it failed.
pub(crate) type Said = Option<BTreeMap<&'static str, Outcome>>;

/// Runs a program and reads what it says of these claims. `say` is told what a person should see.
pub(crate) fn run(mut command: Command, claims: &[Claim], say: &mut dyn FnMut(&str)) -> Result<Said, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    say(&format!("running {name} {}", arguments.join(" ")));
    let told = |error: std::io::Error| format!("{name} cannot be run: {error}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(told)?;
    let (mut said, mut tail) = (BTreeMap::new(), VecDeque::new());
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let line = line.map_err(told)?;
        if let Some((id, outcome)) = score(&line, claims) {
            join(&mut said, id, outcome);
        }
        tail.push_back(line);
        if tail.len() > TAIL {
            tail.pop_front();
        }
    }
    if child.wait().map_err(told)?.success() {
        return Ok(Some(said));
    }
    say(&format!("{name} failed; its last words:"));
    tail.iter().for_each(|line| say(line));
    Ok(None)
}

/// Parts of a program that tell the same figure of a claim tell it together.
fn join(said: &mut BTreeMap<&'static str, Outcome>, id: &'static str, outcome: Outcome) {
    match (said.get_mut(id), outcome) {
        (Some(Outcome::Told { figure, amount }), Outcome::Told { figure: same, amount: more }) if *figure == same => {
            *amount = format!("{amount}; {more}");
        }
        (_, outcome) => {
            said.insert(id, outcome);
        }
    }
}

/// The claim and the figure that a line tells. Test programs print the name of the test before what it says, so a line may begin with something else.
fn score(line: &str, claims: &[Claim]) -> Option<(&'static str, Outcome)> {
    let (_, told) = line.split_once("score: ")?;
    claims.iter().find_map(|claim| {
        let (figure, amount) = told.strip_prefix(claim.id)?.strip_prefix(": ")?.split_once("; ")?;
        // Cells of the table end at a bar.
        let cell = |text: &str| text.trim().replace('|', "/");
        Some((claim.id, Outcome::Told { figure: cell(figure), amount: cell(amount) }))
    })
}
