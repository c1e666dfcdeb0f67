//! The engine of hooks with everything it reaches.

use std::sync::Arc;

use aq_core::chat::ChatModel;
use aq_core::principal::Principal;
use aq_core::runner_link::{BoxFuture, RunLimits};
use aq_runner::service::{Errand, RunnerService};

use super::started::Started;
use crate::background::{Background, OnExit};
use crate::chat::Books;
use crate::hooks::{Asker, Commands, HookEngine, Model, Parts, ProgramEnd, ProgramOrder, Programs};
use crate::tools::ToolBox;

/// Most characters of output and of error output that are kept.
const OUTPUT: (usize, usize) = (50_000, 10_000);
/// Most bytes of output that are written at all.
const WRITTEN: u64 = 16 * 1024 * 1024;
/// Time between asking politely and the end, in milliseconds.
const GRACE_MS: u64 = 2_000;

/// Runs programs of steps through the runner, contained like test commands.
struct Errands(Arc<RunnerService>);

impl Programs for Errands {
    fn run(&self, order: ProgramOrder) -> BoxFuture<'_, Result<ProgramEnd, String>> {
        let limits = RunLimits { wall_ms: order.timeout_ms, silence_ms: 0, output_bytes: WRITTEN, processes: 512, grace_ms: GRACE_MS };
        let errand = Errand { name: order.name, argv: order.argv, directory: order.directory, files: order.files, limits, most: OUTPUT };
        Box::pin(async move {
            let end = self.0.errand(errand).await?;
            Ok(ProgramEnd { stdout: end.stdout, stderr: end.stderr, exit_code: end.exit_code, timed_out: end.timed_out })
        })
    }

    fn clear(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.end_errands())
    }
}

/// Makes calls as tools: by the same table of permissions as everybody.
struct Calls(Arc<dyn ToolBox>);

impl Commands for Calls {
    fn call(&self, caller: Principal, name: String, arguments: serde_json::Value) -> BoxFuture<'_, Result<serde_json::Value, String>> {
        Box::pin(async move { self.0.call(&caller, &tool_name(&name), arguments).await.map_err(|error| error.to_string()) })
    }
}

/// The tool of a call: `StopTask` → `stop_task`.
fn tool_name(call: &str) -> String {
    let mut name = String::with_capacity(call.len() + 4);
    for (index, letter) in call.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Starts the engine, unless hooks are switched off.
pub(super) fn spawn(
    background: &Background,
    started: &Started,
    runner: &Arc<RunnerService>,
    tools: Arc<dyn ToolBox>,
    model: Option<Arc<dyn ChatModel>>,
) {
    let rules = started.policy.hooks;
    if !rules.enabled {
        tracing::info!("hooks are switched off");
        return;
    }
    let books = Books { engine: started.engine.clone(), clock: Arc::clone(&started.clock) };
    let asker = model.map(|model| Arc::new(Asker::new(model, Arc::clone(&tools), books)) as Arc<dyn Model>);
    let parts = Parts {
        engine: started.engine.clone(),
        reader: started.reader.clone(),
        bus: started.bus.clone(),
        clock: Arc::clone(&started.clock),
        wake: started.wake.clone(),
        git: Arc::new(aq_runner::git::Desk::new(runner.rooms().clone())),
        rules,
        programs: rules.shell.then(|| Arc::new(Errands(Arc::clone(runner))) as Arc<dyn Programs>),
        commands: Some(Arc::new(Calls(tools))),
        model: asker,
    };
    background.spawn("hooks", OnExit::Restart, move |shutdown| {
        let parts = parts.clone();
        async move { HookEngine::new(parts).await?.run(shutdown.drain().clone()).await }
    });
}
