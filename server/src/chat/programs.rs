//! The tool that runs a program: off unless the configuration allows it, for administrators only, an argument vector and never a shell line, in a folder
//! beneath a root, contained and bounded, and told in the log with who asked (F-171, D-86).

use std::path::PathBuf;
use std::sync::Arc;

use aq_core::chat::ToolSpec;
use aq_core::principal::{Principal, Role};
use aq_core::runner_link::BoxFuture;
use serde_json::{Map, Value, json};

use super::rooms::{Roots, open, place};

/// The tool.
pub(super) const NAME: &str = "run_command";
/// Seconds that a program may run when nothing is said, and at most.
const SECONDS: (u64, u64) = (30, 120);
/// Most arguments, and their longest sum in bytes.
const MOST_ARGUMENTS: (usize, usize) = (100, 32 * 1024);
/// Longest output and error output that is told, in characters.
const TOLD: (usize, usize) = (4_000, 2_000);

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Longest run, in milliseconds.
    pub timeout_ms: u64,
    /// Longest output and error output that is kept, in characters.
    pub most: (usize, usize),
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// What it wrote.
    pub stdout: String,
    /// What it wrote as errors.
    pub stderr: String,
    /// Its exit code; `None`: it was ended.
    pub exit_code: Option<i32>,
    /// It ran too long.
    pub timed_out: bool,
}

/// Runs programs, contained and bounded.
pub trait Programs: Send + Sync {
    /// Runs one to its end. The error is a sentence.
    fn run(&self, command: Command) -> BoxFuture<'_, Result<Ended, String>>;
}

/// True for who may run programs of this machine.
pub(super) fn may(caller: &Principal) -> bool {
    matches!(caller.role, Role::Admin)
}

/// The tool.
pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: NAME.to_owned(),
        description: "Runs a program in a folder of a workspace, without a shell. For looking only: work belongs into a task.".to_owned(),
        schema: json!({
            "type": "object",
            "properties": {
                "argv": { "type": "array", "items": { "type": "string" }, "minItems": 1, "description": "The program and its arguments." },
                "directory": { "type": "string", "description": "The folder that it starts in, absolute." },
                "timeout_seconds": {
                    "type": "integer", "minimum": 1, "maximum": SECONDS.1, "description": "Longest run. Default: 30.",
                },
            },
            "required": ["argv", "directory"],
            "additionalProperties": false,
        }),
    }
}

fn argv(input: &Map<String, Value>) -> Result<Vec<String>, String> {
    let wrong = || "`argv` is required: a list of texts, the program first; there is no shell".to_owned();
    let list = input.get("argv").and_then(Value::as_array).ok_or_else(wrong)?;
    let words = list.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>().ok_or_else(wrong)?;
    let bytes: usize = words.iter().map(String::len).sum();
    let usable = words.first().is_some_and(|program| !program.trim().is_empty()) && words.iter().all(|word| !word.contains('\0'));
    if !usable || words.len() > MOST_ARGUMENTS.0 || bytes > MOST_ARGUMENTS.1 {
        return Err(wrong());
    }
    Ok(words)
}

/// Runs the tool.
///
/// # Errors
/// A sentence that says what was wrong and what helps.
pub(super) async fn run(
    programs: Arc<dyn Programs>,
    roots: Arc<dyn Roots>,
    caller: &Principal,
    input: &Map<String, Value>,
) -> Result<String, String> {
    if !may(caller) {
        return Err("programs are run for administrators only".to_owned());
    }
    let argv = argv(input)?;
    let wanted = input.get("directory").and_then(Value::as_str).ok_or("`directory` is required and must be a text")?;
    let place = place(&roots.of(caller).await, wanted)?;
    let directory = place.root.join(place.way.join("/"));
    let opened = tokio::task::spawn_blocking(move || open(&place, true).map(drop)).await.map_err(|_| "looking failed".to_owned())?;
    opened.map_err(|error| format!("`directory` cannot be used: {error}"))?;
    let seconds = match input.get("timeout_seconds") {
        None | Some(Value::Null) => SECONDS.0,
        Some(value) => {
            value.as_u64().filter(|seconds| (1..=SECONDS.1).contains(seconds)).ok_or("`timeout_seconds` must be from 1 to 120")?
        }
    };
    let shown: String = argv.join(" ").chars().take(500).collect();
    let actor = caller.actor();
    tracing::warn!(target: "audit", %actor, command = %shown, directory = %directory.display(), "the chat runs a program");
    let command = Command { argv, directory, timeout_ms: seconds.saturating_mul(1000), most: TOLD };
    let ended = programs.run(command).await?;
    tracing::warn!(target: "audit", %actor, command = %shown, exit_code = ?ended.exit_code, timed_out = ended.timed_out, "the program ended");
    let mut answer = json!({ "exit_code": ended.exit_code, "stdout": ended.stdout, "stderr": ended.stderr });
    if ended.timed_out {
        answer["timed_out"] = json!(format!("it was ended after {seconds} s"));
    }
    Ok(answer.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use aq_core::principal::ProjectScope;

    use super::*;

    struct One(PathBuf);

    impl Roots for One {
        fn of<'a>(&'a self, _: &'a Principal) -> BoxFuture<'a, Vec<PathBuf>> {
            Box::pin(async move { vec![self.0.clone()] })
        }
    }

    #[derive(Default)]
    struct Seen(Mutex<Vec<Command>>);

    impl Programs for Seen {
        fn run(&self, command: Command) -> BoxFuture<'_, Result<Ended, String>> {
            self.0.lock().unwrap().push(command);
            Box::pin(async { Ok(Ended { stdout: "out".into(), exit_code: Some(3), ..Ended::default() }) })
        }
    }

    /// F-171, D-86: argument vectors only, beneath a root only, for administrators only, for a bounded time.
    #[tokio::test]
    async fn programs_are_held_to_their_limits() {
        let home = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(home.path()).unwrap();
        std::fs::create_dir(root.join("src")).unwrap();
        let (seen, roots) = (Arc::new(Seen::default()), Arc::new(One(root.clone())));
        let admin = Principal::server();
        let try_it = |who: Principal, input: Value| {
            let (seen, roots) = (Arc::clone(&seen), Arc::clone(&roots));
            async move { run(seen, roots, &who, input.as_object().unwrap()).await }
        };
        let inside = root.join("src").display().to_string();
        let good = json!({ "argv": ["ls", "-l; rm -rf /"], "directory": inside, "timeout_seconds": 5 });
        assert!(try_it(admin.clone(), good.clone()).await.unwrap().contains("\"exit_code\":3"));
        let operator = Principal { role: Role::Operator, projects: ProjectScope::Only(BTreeSet::new()), ..admin.clone() };
        assert!(try_it(operator, good).await.unwrap_err().contains("administrators"));
        let bad = [
            json!({ "argv": "ls -l", "directory": inside }),
            json!({ "argv": [], "directory": inside }),
            json!({ "argv": ["ls", 7], "directory": inside }),
            json!({ "argv": ["ls"], "directory": "/etc" }),
            json!({ "argv": ["ls"], "directory": format!("{inside}/../..") }),
            json!({ "argv": ["ls"], "directory": format!("{inside}/none") }),
            json!({ "argv": ["ls"], "directory": inside, "timeout_seconds": 900 }),
            json!({ "argv": ["ls"] }),
        ];
        for input in bad {
            assert!(try_it(admin.clone(), input.clone()).await.is_err(), "{input}");
        }
        let ran = seen.0.lock().unwrap();
        assert_eq!((ran.len(), ran[0].argv.len(), ran[0].timeout_ms), (1, 2, 5000));
    }
}
