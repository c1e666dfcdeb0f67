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

/// What names a program: the folder of its package, its kind (`test`, `example`, `bin`, or `unit` for the tests inside a program) and its name.
type Name = (PathBuf, String, String);

/// What was built.
#[derive(Debug)]
pub(crate) struct Built {
    root: PathBuf,
    programs: BTreeMap<Name, PathBuf>,
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
            programs.extend(program(&line.map_err(told)?));
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

/// The program that a message of cargo tells of. The tests inside a program are another file than the program itself, and cargo gives both the same kind.
fn program(message: &str) -> Option<(Name, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let (kind, tested) = (text("/target/kind/0")?, message.pointer("/profile/test")?.as_bool()?);
    let kind = if tested && kind != "test" { "unit" } else { kind };
    let folder = Path::new(text("/manifest_path")?).parent()?.to_owned();
    Some(((folder, kind.to_owned(), text("/target/name")?.to_owned()), PathBuf::from(text("/executable")?)))
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

#[cfg(test)]
mod tests {
    use super::super::claims::CLAIMS;
    use super::*;

    fn message(kind: &str, test: bool, executable: Option<&str>) -> String {
        let (target, profile) = (serde_json::json!({"kind": [kind], "name": "torture"}), serde_json::json!({"test": test}));
        serde_json::json!({
            "reason": "compiler-artifact", "manifest_path": "/aq/server/Cargo.toml", "target": target, "profile": profile, "executable": executable,
        })
        .to_string()
    }

    /// R1: a program is never taken for the tests inside it, nor they for the program; libraries and other lines are neither.
    #[test]
    fn tests_inside_a_program_are_no_program() {
        let kind = |kind, test| program(&message(kind, test, Some("/aq/target/torture-1"))).map(|((_, kind, _), _)| kind);
        assert_eq!(kind("example", false).as_deref(), Some("example"));
        assert_eq!(kind("example", true).as_deref(), Some("unit"));
        assert_eq!(kind("bin", true).as_deref(), Some("unit"));
        assert_eq!(kind("test", true).as_deref(), Some("test"));
        assert_eq!(program(&message("lib", false, None)), None);
        assert_eq!(program("   Compiling aq-server"), None);
    }

    /// R1: a figure is what stands behind its claim, wherever the line begins, and never ends a cell of the table.
    #[test]
    fn a_line_tells_a_figure() {
        let soak = score("test a ... score: soak: 0 lost | found; 20 agents; 2 minutes\n", CLAIMS);
        assert_eq!(soak, Some(("soak", Outcome::Told { figure: "0 lost / found".to_owned(), amount: "20 agents; 2 minutes".to_owned() })));
        for line in ["soak: 0 lost; 20 agents", "score: soak: 0 lost", "score: soaks: 0 lost; 20 agents", "score: unheard: 0; 1"] {
            assert_eq!(score(line, CLAIMS), None, "{line}");
        }
    }

    /// R2, R5: parts that found the same are told together, another figure takes the place of the earlier one, and a program that fails has shown nothing.
    #[test]
    fn parts_are_joined_and_failures_show_nothing() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            run(command, CLAIMS, &mut |_| ()).unwrap()
        };
        let told = |figure: &str, amount: &str| Outcome::Told { figure: figure.to_owned(), amount: amount.to_owned() };
        let parts = shell("echo 'score: soak: 0 lost; 2 minutes'; echo 'score: soak: 0 lost; 3 minutes'").unwrap();
        assert_eq!(parts.get("soak"), Some(&told("0 lost", "2 minutes; 3 minutes")));
        let worse = shell("echo 'score: soak: 0 lost; 2 minutes'; echo 'score: soak: 1 lost; 3 minutes'").unwrap();
        assert_eq!(worse.get("soak"), Some(&told("1 lost", "3 minutes")));
        assert_eq!(shell("echo 'score: soak: 0 lost; 2 minutes'; exit 3"), None);
    }
}
