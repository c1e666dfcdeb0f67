//! The course of the demonstration, and how it looks on a terminal.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aq_proto::client::Connection;
use aq_proto::resume::{ResumeOptions, stream_run_output};
use aq_proto::v1 as pb;
use futures_util::StreamExt as _;
use futures_util::stream::SelectAll;
use pb::output_item::Body;
use pb::stream_run_output_response::Event;

use super::client::{self, Server};
use super::repositories;
use super::work::PROJECTS;
use crate::args::{DemoAgent, DemoArguments};

/// Agents of the demonstration.
const AGENTS: usize = 3;

/// A queued task, for the lines about it.
struct Queued {
    id: String,
    project: String,
}

/// Runs the demonstration; `home` overrides the scratch folder, which is then kept.
#[must_use]
pub fn run(arguments: DemoArguments, home: Option<PathBuf>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("aqd demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    let kept = arguments.keep || home.is_some();
    let folder = home.unwrap_or_else(|| std::env::temp_dir().join(format!("aq-demo-{}", std::process::id())));
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = play(arguments.agent, &folder) => outcome,
            _ = tokio::signal::ctrl_c() => Err("interrupted; the server was ended".to_owned()),
        }
    });
    let code = match outcome {
        Ok(()) => {
            farewell(&folder, kept);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("aqd demo: {message}");
            ExitCode::FAILURE
        }
    };
    if kept || code != ExitCode::SUCCESS {
        eprintln!("everything is kept in {}", folder.display());
    } else if let Err(error) = std::fs::remove_dir_all(&folder) {
        eprintln!("{} cannot be removed: {error}", folder.display());
    }
    code
}

async fn play(agent: DemoAgent, folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let mut server = Server::start(&folder.join("home"))?;
    let connection = server.connect().await?;
    println!("Agent Queue: a server (process {}) in {}", server.pid(), folder.display());
    println!(
        "{AGENTS} agents, {}\n",
        match agent {
            DemoAgent::Scripted => "scripted: real processes and real git, and no tokens are spent",
            DemoAgent::Claude => "Claude Code: this spends tokens of your own plan",
        }
    );
    client::add_agents(&connection, agent, AGENTS).await?;
    let mut queued = Vec::new();
    let mut folders = Vec::new();
    for project in &PROJECTS {
        let repository = folder.join(project.name.to_lowercase());
        repositories::create(&repository, project.name)?;
        let id = client::add_project(&connection, project, &repository).await?;
        let tasks = client::queue(&connection, &id, project.items, agent).await?;
        println!("project {} (weight {}): {} tasks", project.name, project.weight, tasks.len());
        for (item, task) in project.items.iter().zip(&tasks) {
            let after: Vec<_> = item.after.iter().filter_map(|key| project.items.iter().position(|other| other.key == *key)).collect();
            let names: Vec<_> = after.into_iter().filter_map(|index| tasks.get(index)).map(|task| task.id.as_str()).collect();
            let waits = if names.is_empty() { String::new() } else { format!("  after {}", names.join(", ")) };
            println!("  {:<16} {}{waits}", task.id, item.title);
        }
        queued.extend(tasks.into_iter().map(|task| Queued { id: task.id, project: project.name.to_owned() }));
        folders.push((project.name, repository));
    }
    println!();
    follow(&connection, &queued).await?;
    println!();
    for (name, repository) in folders {
        println!("history of {name}:\n{}", repositories::history(&repository)?);
    }
    server.end().await;
    Ok(())
}

/// Prints what the agents do, as it happens, until every task is settled; the error names the tasks that did not complete.
async fn follow(connection: &Connection, queued: &[Queued]) -> Result<(), String> {
    let mut streams = SelectAll::new();
    for task in queued {
        let request = pb::StreamRunOutputRequest { task_id: task.id.clone(), follow: true, ..Default::default() };
        let stream = stream_run_output(connection.runs(), request, ResumeOptions::default());
        streams.push(Box::pin(stream.map(move |message| (task, message))));
    }
    let mut failed = Vec::new();
    while let Some((task, message)) = streams.next().await {
        let name = format!("{}/{}", task.project.to_lowercase(), task.id);
        match message.map_err(|error| format!("{name}: {error}"))?.event {
            Some(Event::Item(item)) => {
                if let Some(line) = line(&item) {
                    println!("{name:<28} {line}");
                }
            }
            Some(Event::End(end)) => {
                let status = end.task_status();
                if status == pb::TaskStatus::Completed {
                    println!("{name:<28} ✓ completed");
                } else {
                    println!("{name:<28} ✗ {}", status.as_str_name());
                    failed.push(task.id.clone());
                }
            }
            _ => {}
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("these tasks did not complete: {}", failed.join(", "))) }
}

/// An item in one line; `None` for what a passer-by does not need.
fn line(item: &pb::OutputItem) -> Option<String> {
    let one = |text: &str| text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(90).collect::<String>();
    match item.body.as_ref()? {
        Body::Note(note) => Some(format!("· {}", one(&note.text))),
        Body::Text(text) => Some(format!("  {}", one(&text.text))),
        Body::Thinking(text) => Some(format!("  ({})", one(&text.text))),
        Body::ToolCall(call) => Some(format!("  → {} {}", call.name, one(&call.summary))),
        Body::ToolResult(result) if result.is_error => Some(format!("  ← failed: {}", one(&result.text))),
        Body::Error(error) => Some(format!("  ! {}", one(&error.text))),
        Body::Question(question) => Some(format!("  ? {}", one(&question.text))),
        Body::Usage(usage) => usage.tokens.map(|tokens| format!("  {} tokens in, {} out", tokens.input, tokens.output)),
        _ => None,
    }
}

fn farewell(folder: &Path, kept: bool) {
    println!("Every task ran in a directory of its own, was checked, and landed on main.");
    println!("What to type next:");
    println!("  cargo run --bin aqctl -- init            write a configuration and see which agents are installed");
    println!("  cargo run --bin aqctl -- server start    a server of your own");
    println!("  cargo run --bin aqctl -- project create NAME --repo /path/to/your/repository");
    println!("  cargo run --bin aqctl -- task add \"What is to be done\" --project NAME");
    println!("  cargo run --bin aqctl -- watch");
    if kept {
        println!("The demonstration is kept in {}; look around in it, or remove it.", folder.display());
    }
}
