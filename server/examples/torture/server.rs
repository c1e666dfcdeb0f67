//! The server as a child process: started, waited for, killed.

use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use aq_proto::client::{Connection, Options, discover};
use tokio::time::{Instant, sleep};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::watch::CACHE_MIB;

/// How long a start may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The place where servers live one after another.
pub(crate) struct Den {
    program: PathBuf,
    home: PathBuf,
    log: PathBuf,
    log_read: u64,
}

/// One life of the server.
pub(crate) struct Server {
    child: Child,
    born: Instant,
    home: PathBuf,
    /// It was killed, or asked to end.
    released: bool,
}

impl Den {
    pub(crate) fn new(program: &Path, folder: &Path) -> Result<Self, String> {
        let configuration = folder.join("config.yaml");
        // Else the database's caches, which fill as its pages are touched, would hide what grows beside them.
        std::fs::write(&configuration, format!("# Defaults, but for this.\ndatabase: {{cache_mib: {CACHE_MIB}}}\n"))
            .map_err(|error| format!("{}: {error}", configuration.display()))?;
        Ok(Self { program: program.to_owned(), home: folder.join("home"), log: folder.join("server.log"), log_read: 0 })
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Starts a server; its log is appended to one file.
    pub(crate) fn start(&self) -> Result<Server, String> {
        let open = || std::fs::OpenOptions::new().create(true).append(true).open(&self.log);
        let (output, errors) = open().and_then(|file| Ok((file, open()?))).map_err(|error| format!("{}: {error}", self.log.display()))?;
        let born = Instant::now();
        let child = Command::new(&self.program)
            .arg("serve")
            .arg("--config")
            .arg(self.home.with_file_name("config.yaml"))
            .arg("--home")
            .arg(&self.home)
            .args(["--log-format", "json"])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", self.program.display()))?;
        Ok(Server { child, born, home: self.home.clone(), released: false })
    }

    /// What the servers logged since the last look, whole lines only.
    pub(crate) fn new_log(&mut self) -> String {
        let mut text = Vec::new();
        let read = std::fs::File::open(&self.log)
            .and_then(|mut file| file.seek(std::io::SeekFrom::Start(self.log_read)).map(|_| file))
            .and_then(|mut file| file.read_to_end(&mut text));
        if read.is_err() {
            return String::new();
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        text.truncate(whole);
        self.log_read += u64::try_from(whole).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Server {
    /// Waits until the server says SERVING, and how long that took since it was started.
    pub(crate) async fn ready(&mut self) -> Result<(Connection, Duration), String> {
        let mut last = String::new();
        while self.born.elapsed() < PATIENCE {
            if let Some(status) = self.fallen() {
                return Err(format!("the server ended by itself: {status}"));
            }
            match discover(&self.home) {
                Ok(address) if address.api_key.is_some() => {
                    match Connection::connect(&Options::new(address.endpoint, address.api_key)).await {
                        Ok(connection) => match serving(&connection).await {
                            Ok(true) => return Ok((connection, self.born.elapsed())),
                            Ok(false) => "it is not serving yet".clone_into(&mut last),
                            Err(error) => last = error,
                        },
                        Err(error) => last = error.to_string(),
                    }
                }
                Ok(_) => "it has written no key yet".clone_into(&mut last),
                Err(error) => last = error.to_string(),
            }
            sleep(Duration::from_millis(5)).await;
        }
        Err(format!("the server was not ready within {PATIENCE:?}: {last}"))
    }

    /// The process.
    pub(crate) fn pid(&self) -> Option<rustix::process::Pid> {
        i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw)
    }

    /// How it ended, when nobody ended it.
    pub(crate) fn fallen(&mut self) -> Option<ExitStatus> {
        if self.released { None } else { self.child.try_wait().ok().flatten() }
    }

    /// Kills it, so that nothing can be tidied up, and waits until it is gone.
    ///
    /// # Errors
    /// It had ended by itself before, or cannot be killed.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        if self.fallen().is_some() {
            return Err("it was gone before it was killed".to_owned());
        }
        self.released = true;
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|error| format!("the server cannot be killed: {error}"))
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        self.released = true;
        if let Some(pid) = self.pid() {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)
                .map_err(|error| format!("cannot be asked to end: {error}"))?;
        }
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("ended with {status} instead of success")),
                Ok(None) => sleep(Duration::from_millis(20)).await,
                Err(error) => return Err(error.to_string()),
            }
        }
        self.kill()?;
        Err(format!("did not end within {PATIENCE:?} after SIGTERM"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // A loop that breaks off leaves no server behind; there is nobody left to tell.
            drop(self.kill());
        }
    }
}

async fn serving(connection: &Connection) -> Result<bool, String> {
    let mut client = HealthClient::new(connection.channel());
    let answer = client.check(HealthCheckRequest::default()).await.map_err(|status| status.to_string())?;
    Ok(answer.into_inner().status() == ServingStatus::Serving)
}
