//! `aqctl server start`.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use aq_proto::client::{Options, discover};

use crate::clean;
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::local::health::{self, Serving};
use crate::local::launch::{self, Launch};
use crate::local::lock::{self, Lock};
use crate::local::{log, program};

/// How long the server may take until it serves.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether it serves.
const STEP: Duration = Duration::from_millis(50);
/// Lines of the log that are shown when it does not start.
const LINES: usize = 20;

/// Start the server in the background, and wait until it serves
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub(crate) struct Args {
    /// Configuration file of the server [default: ~/.config/agent-queue/config.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's program [default: aqd beside aqctl, else on PATH]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Stay in the foreground
    #[arg(long)]
    foreground: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    launch(context, args, &plain(context, args)?).await
}

/// The server that `start` starts.
fn plain(context: &Context, args: &Args) -> Result<Launch, CliError> {
    let program = match &args.program {
        Some(path) => std::path::absolute(path)?,
        None => program::find_ours("aqd", &context.environment).ok_or_else(|| {
            CliError::failure("aqd is neither beside aqctl nor on PATH").hint("name it with --program, or install it beside aqctl")
        })?,
    };
    let config = args.config.as_ref().map(std::path::absolute).transpose()?;
    Ok(Launch::new(program, context.home()?, config.as_deref()))
}

/// The server that ran last in the home, with what `args` change of it; the plain one where none ran (server-control R10).
///
/// # Errors
/// When its program or the configuration file is not there any more.
pub(super) fn again(context: &Context, args: &Args) -> Result<Launch, CliError> {
    let Some(mut launch) = Launch::as_before(context.home()?)? else { return plain(context, args) };
    if let Some(path) = &args.program {
        launch.program = std::path::absolute(path)?;
    }
    if !program::is_executable(&launch.program) {
        let missing = format!("{} is no program that can be started; nothing was stopped", launch.program.display());
        return Err(CliError::failure(missing).hint("name the server's program with --program"));
    }
    if let Some(config) = &args.config {
        // Of two, the server heeds the later one.
        launch.arguments.extend(["--config".into(), std::path::absolute(config)?.into_os_string()]);
    }
    let named = launch.arguments.iter().rposition(|word| word == "--config").and_then(|at| launch.arguments.get(at + 1));
    match named.map(Path::new) {
        Some(config) if !config.exists() => {
            Err(CliError::failure(format!("there is no {} any more; nothing was stopped", config.display()))
                .hint("name another configuration with --config"))
        }
        _ => Ok(launch),
    }
}

/// Starts a server and waits until it serves, unless one is running.
pub(super) async fn launch(context: &Context, args: &Args, launch: &Launch) -> Result<(), CliError> {
    let home = &launch.home;
    if let Lock::Held(pid) = lock::look(home)? {
        let pid = pid.map(|pid| format!(" (process {})", pid.as_raw_nonzero())).unwrap_or_default();
        context.ui.talk(format!("the server is running already{pid}"));
        return Ok(());
    }
    if args.foreground {
        let error = std::os::unix::process::CommandExt::exec(&mut launch::foreground(launch));
        return Err(CliError::failure(format!("cannot start {}: {error}", launch.program.display())));
    }
    let mut child = launch::spawn(launch).map_err(|error| CliError::failure(format!("cannot start the server: {error}")))?;
    let patience = context.globals.timeout.map_or(PATIENCE, Duration::from);
    let waited = tokio::time::timeout(patience, until_serving(home, &mut child)).await;
    match waited {
        Ok(Ok(())) => {
            context.ui.talk(format!("the server serves (process {}); see: aqctl status", child.id()));
            Ok(())
        }
        Ok(Err(error)) => Err(with_log(home, error)),
        Err(_) => {
            let error = CliError::new(Kind::Timeout, format!("the server does not serve after {}", humantime::format_duration(patience)));
            Err(with_log(home, error.hint("it may still be starting; see: aqctl server status")))
        }
    }
}

/// Waits until health says SERVING.
async fn until_serving(home: &Path, child: &mut Child) -> Result<(), CliError> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Err(
                CliError::failure(format!("the server ended at once: {status}")).hint("check the configuration with: aqd check-config")
            );
        }
        // An endpoint file may be left from the server before; only an answer counts.
        if let Ok(found) = discover(home) {
            let options =
                Options { connect_timeout: Duration::from_secs(1), deadline: Duration::from_secs(1), ..Options::new(found.endpoint, None) };
            if matches!(health::ask(&options, "").await, Ok(Serving::Yes)) {
                return Ok(());
            }
        }
        tokio::time::sleep(STEP).await;
    }
}

/// The error with the end of the log.
fn with_log(home: &Path, mut error: CliError) -> CliError {
    let path = log::path(home);
    if let Ok((lines, _)) = log::last_lines(&path, LINES) {
        error = error.detail(format!("last lines of {}:", path.display()));
        for line in lines {
            error = error.detail(format!("  {}", clean::line(&line)));
        }
    }
    error
}
