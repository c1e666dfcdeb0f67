//! Rows of the server's own program: memory, idleness, and how soon it is ready after it was killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aq_proto::client::{Connection, Options, discover};
use tokio::runtime::Runtime;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::fill;
use super::sample::{Turns, median, now};
use super::table::{Floor, Line};

/// Time over which an idle server is watched.
const WATCHED: Duration = Duration::from_secs(60);
/// The copy and the check of the day, and what is cleared away once an hour, come first 20 to 40 seconds after a start; by then they are done.
const SETTLED: Duration = Duration::from_secs(48);

/// Resident memory of a process, in MiB; 0 when it is gone.
pub(crate) fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().split(' ').next()).and_then(|text| text.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// Processor time of a process, in milliseconds, threads that have ended included: the pool of blocking threads lets idle ones go, and a sum over
/// those that are left would go backwards. The kernel tells it in hundredths of a second.
fn worked(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the program's name in parentheses; user and system time are fields 14 and 15 of the line (proc_pid_stat(5)).
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10.0
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Killed, so that nothing can be tidied up: the next start has everything to do.
        let _gone = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Starts the server and waits until it serves; also how many milliseconds that took.
async fn start(program: &Path, home: &Path) -> Result<(Server, f64), String> {
    let begin = now();
    // The file of the last life would be found before the new one listens; what it names does not answer until then.
    let config = home.with_file_name("config.yaml");
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .arg("--home")
        .arg(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let server = Server(command.spawn().map_err(|error| format!("{}: {error}", program.display()))?);
    while begin.elapsed() < Duration::from_secs(60) {
        if let Ok(address) = discover(home)
            && address.api_key.is_some()
            && let Ok(connection) = Connection::connect(&Options::new(address.endpoint, address.api_key)).await
            && let Ok(answer) = HealthClient::new(connection.channel()).check(HealthCheckRequest::default()).await
            && answer.into_inner().status() == ServingStatus::Serving
        {
            return Ok((server, begin.elapsed().as_secs_f64() * 1e3));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err("the server was not ready within a minute".to_owned())
}

/// A home whose database holds `count` READY tasks; `None`: an empty home.
fn home(turns: &Turns, count: Option<i64>) -> Result<tempfile::TempDir, String> {
    let folder = tempfile::tempdir_in(&turns.folder).map_err(|error| error.to_string())?;
    std::fs::write(folder.path().join("config.yaml"), "# Defaults.\n").map_err(|error| error.to_string())?;
    let database = folder.path().join("home/db");
    std::fs::create_dir_all(&database).map_err(|error| error.to_string())?;
    if let Some(count) = count {
        fill::copy(&fill::filled(&turns.folder, count)?, &database.join("agent-queue.db"))?;
    }
    Ok(folder)
}

/// Watches a server that has nothing to do: its share of a core, and what the day's copy, check and clearing cost.
async fn idle(pid: u32, what: &str) -> [Line; 2] {
    let begun = worked(pid);
    tokio::time::sleep(SETTLED).await;
    let settled = worked(pid);
    tokio::time::sleep(WATCHED).await;
    let per_second = (worked(pid) - settled) / WATCHED.as_secs_f64();
    let daily = (settled - begun - per_second * SETTLED.as_secs_f64()).max(0.0);
    [
        Line {
            what: format!("idle, {what}"),
            value: per_second / 10.0,
            unit: "% of a core",
            floor: Floor::AtMost(0.1),
            beside: format!("over {WATCHED:?}, {SETTLED:?} after the start"),
        },
        Line {
            what: format!("copy, check and clearing of a day, {what}"),
            value: daily,
            unit: "ms",
            floor: Floor::Told,
            beside: format!("processor time; spread over the day {:.4} % of a core", daily / 864_000.0),
        },
    ]
}

async fn all(turns: &Turns, program: &Path) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (count, most) in [(None, Some(36.0)), (Some(100_000), None), (Some(1_000_000), Some(192.0))] {
        let folder = home(turns, count)?;
        let place = folder.path().join("home");
        let what = count.map_or_else(|| "an empty server".to_owned(), |count| format!("{count} READY tasks"));
        let (server, first) = start(program, &place).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let pid = server.0.id();
        let memory = resident(pid);
        lines.push(Line {
            what: format!("resident memory, {what}"),
            value: memory,
            unit: "MiB",
            floor: most.map_or(Floor::Told, Floor::AtMost),
            beside: format!("first start {first:.0} ms"),
        });
        if count == Some(100_000) {
            lines.extend(idle(pid, &what).await);
        }
        let mut server = server;
        let mut times = Vec::new();
        for _ in 0..turns.rounds.max(3) {
            drop(server);
            let (next, taken) = start(program, &place).await?;
            (server, times) = (next, [times, vec![taken]].concat());
        }
        lines.push(Line {
            what: format!("ready after a kill, {what}"),
            value: median(&times),
            unit: "ms",
            floor: if count == Some(100_000) { Floor::AtMost(250.0) } else { Floor::Told },
            beside: format!("from the start of the process to the first answer, {} rounds", times.len()),
        });
    }
    Ok(lines)
}

/// Measures them all.
pub(crate) fn measure(runtime: &Runtime, turns: &Turns, program: &Path) -> Result<Vec<Line>, String> {
    runtime.block_on(all(turns, program))
}
