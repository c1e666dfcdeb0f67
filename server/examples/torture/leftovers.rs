//! What must not be there when everything is over: processes, run folders, cries in the server's log.

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use super::books::{Books, Fate};
use super::figures::Figures;

/// How long the last processes and run folders may take to go, in tenths of a second.
const PATIENCE: usize = 300;

/// Waits until the server has let go of every run, or for as long as that may take. Runs are let go of after their end is told, and what is not done
/// when a server is told to stop is left to the next start.
pub(crate) async fn let_go(home: &Path) {
    for _ in 0..PATIENCE {
        if entries(&home.join("runs")).is_empty() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Looks for processes, run folders and work directories that outlived their task. No server runs.
pub(crate) async fn look(home: &Path, books: &Books, figures: &mut Figures) {
    let mut left = processes(home);
    for _ in 0..PATIENCE {
        if left.is_empty() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
        left = processes(home);
    }
    for process in left {
        figures.violation(format!("a process is left behind: {process}"));
    }
    for name in entries(&home.join("runs")) {
        figures.violation(format!("the run folder {name} is left behind"));
    }
    for name in entries(&home.join("quarantine")) {
        figures.violation(format!("the directory {name} was put into the quarantine"));
    }
    let ids: Vec<&str> = books.with_fate(Fate::Completed).map(|known| known.id.as_str()).collect();
    for project in &books.projects {
        let left = entries(&home.join("workspaces").join(&project.id));
        figures.directories_left += left.iter().filter(|name| ids.contains(&name.split('.').next().unwrap_or(name))).count();
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let read = std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()));
    read.map(Iterator::collect).unwrap_or_default()
}

/// The processes whose environment or command line names this home: shims, agents and whatever they started.
fn processes(home: &Path) -> Vec<String> {
    let own = std::process::id().to_string();
    let mark = home.as_os_str().as_encoded_bytes();
    let mut found = Vec::new();
    for pid in entries(Path::new("/proc")) {
        if pid == own || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let folder = Path::new("/proc").join(&pid);
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_default();
        let (environment, command) = (read("environ"), read("cmdline"));
        let holds = |text: &[u8]| text.windows(mark.len()).any(|part| part == mark);
        let run = environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"AQ_RUN_ID="));
        if holds(&command) || (run.is_some() && holds(&environment)) {
            let words = String::from_utf8_lossy(&command).replace('\0', " ");
            found.push(format!("{pid} of run {}: {}", String::from_utf8_lossy(run.unwrap_or_default()), words.trim()));
        }
    }
    found
}

/// Reads new lines of the server's log: what starts took up, errors, panics.
pub(crate) fn read_log(text: &str, figures: &mut Figures) {
    for line in text.lines() {
        if line.contains("panicked at") {
            figures.violation(format!("the server panicked: {line}"));
        }
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let field = |name: &str| entry.get(name).and_then(serde_json::Value::as_str);
        if field("level") == Some("ERROR") {
            figures.log_errors += 1;
            *figures.log_told.entry(field("message").unwrap_or_default().to_owned()).or_default() += 1;
        }
        if let Some(recovered) = field("recovered") {
            let numbers = recovered.split(|char: char| !char.is_ascii_digit()).filter_map(|number| number.parse::<usize>().ok());
            for (sum, number) in figures.taken_up.iter_mut().zip(numbers) {
                *sum += number;
            }
        }
    }
}
