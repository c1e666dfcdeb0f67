//! `aqctl server logs`.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::clean;
use crate::commands::follow::following;
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::globals::Format;
use crate::local::log;

/// How often the file is looked at.
const STEP: Duration = Duration::from_millis(250);

/// Show the server's log
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Go on with what is written
    #[arg(short, long)]
    follow: bool,
    /// The last N lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    tail: usize,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let path = log::path(&context.home()?);
    let missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => CliError::new(Kind::NotFound, format!("there is no log at {}", path.display()))
            .hint("a server that systemd runs logs there: journalctl --user -u agent-queue"),
        _ => error.into(),
    };
    let (lines, position) = log::last_lines(&path, args.tail).map_err(missing)?;
    print(context, &lines.join("\n"))?;
    if !args.follow {
        return Ok(());
    }
    following(context, "aqctl server logs -f", follow(context, &path, position)).await
}

/// A line of the log as data.
#[derive(Serialize)]
struct Line<'a> {
    line: &'a str,
}

/// Prints whole lines: as they are, or one document for each.
fn print(context: &Context, text: &str) -> Result<(), CliError> {
    if context.ui.format == Format::Table {
        return context.ui.print(&clean::block(text));
    }
    text.lines().try_for_each(|line| context.ui.show_next_data(&Line { line }))
}

async fn follow(context: &Context, path: &Path, mut position: u64) -> Result<(), CliError> {
    loop {
        tokio::time::sleep(STEP).await;
        match log::behind(path, position) {
            Ok((text, behind)) => {
                position = behind;
                print(context, &text)?;
            }
            // A log that is being replaced is there again in a moment.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => position = 0,
            Err(error) => return Err(error.into()),
        }
    }
}
