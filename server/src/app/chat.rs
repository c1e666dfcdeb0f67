//! The model that the configuration and the environment name, and the chat over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aq_core::chat::{ChatModel, Limits};
use aq_core::runner_link::{BoxFuture, RunLimits};
use aq_runner::service::{Errand, RunnerService};

use super::maintenance::{FIRST_AFTER, SWEEP_EVERY, pause};
use crate::api::Api;
use crate::background::{Background, OnExit};
use crate::chat::{Books, Command, Ended, ModelPlans, Parts, Programs, Roots, Settings, Talker, Workspaces};
use crate::chat_models::{
    ANTHROPIC_URL, Anthropic, Login, OPENAI_URL, Ollama, OllamaOptions, OpenAi, Patience, Patient, Recorded, Recorder, remove_old,
};
use crate::clock::SharedClock;
use crate::config::sections::{ChatProvider, ChatProviderKind};
use crate::config::{Environment, Secret, ServerConfig};
use crate::lifecycle::Engine;
use crate::orchestrator::Sink;
use crate::shutdown::Shutdown;
use crate::tools::ToolBox;

/// A secret of the configuration, else a variable.
fn secret(given: &Secret, environment: &Environment, variable: &str) -> Option<Secret> {
    let named = || environment.filled(variable).map(|text| Secret::new(text.to_owned()));
    Some(given.clone()).filter(|key| !key.is_empty()).or_else(named)
}

/// Where the Claude CLI keeps its login.
fn cli_folder(provider: &ChatProvider, environment: &Environment) -> Option<PathBuf> {
    let named = environment.filled("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    provider.cli_login.then(|| named.or_else(|| environment.home().map(|home| home.join(".claude")))).flatten()
}

/// Variables that led the original to a cloud's own way to Claude, which is not spoken here.
const CLOUDS: [(&str, &str); 4] = [
    ("ANTHROPIC_VERTEX_PROJECT_ID", "Vertex"),
    ("GOOGLE_CLOUD_PROJECT", "Vertex"),
    ("AWS_REGION", "Bedrock"),
    ("AWS_DEFAULT_REGION", "Bedrock"),
];

/// What to tell somebody whose environment asks for such a cloud.
fn cloud(environment: &Environment) -> Option<String> {
    let (variable, cloud) = CLOUDS.iter().find(|(variable, _)| environment.filled(variable).is_some())?;
    Some(format!("{variable} is set, but Claude on {cloud} is not spoken (a gateway in OpenAI's form is: chat_provider.base_url)"))
}

/// The adapter, and the key that it works with.
fn adapter(
    provider: &ChatProvider,
    environment: &Environment,
    clock: &SharedClock,
) -> Result<(Arc<dyn ChatModel>, Option<Secret>), String> {
    let patience = Patience { first: provider.first, idle: provider.idle };
    let root = |default: &str| if provider.base_url.is_empty() { default.to_owned() } else { provider.base_url.clone() };
    let told = |error: aq_core::chat::ModelError| error.to_string();
    Ok(match provider.provider {
        ChatProviderKind::Anthropic => {
            let login = Login {
                key: secret(&provider.api_key, environment, "ANTHROPIC_API_KEY"),
                cli_folder: cli_folder(provider, environment),
                clock: Arc::clone(clock),
            };
            if login.key.is_none() && login.cli_folder.is_none() {
                let wanted = "set chat_provider.api_key, or ANTHROPIC_API_KEY in the server's environment";
                return Err(cloud(environment).map_or_else(|| wanted.to_owned(), |cloud| format!("{cloud}; {wanted}")));
            }
            let key = login.key.clone();
            let model = Anthropic::new(&root(ANTHROPIC_URL), &provider.model, login, patience, Arc::clone(clock)).map_err(told)?;
            (Arc::new(model) as Arc<dyn ChatModel>, key)
        }
        ChatProviderKind::Ollama => {
            let options = OllamaOptions { keep_alive: provider.keep_alive.clone(), context_tokens: provider.context_tokens };
            let model = Ollama::new(&provider.base_url, &provider.model, options, patience, Arc::clone(clock)).map_err(told)?;
            (Arc::new(model), None)
        }
        ChatProviderKind::OpenAi => {
            // The variable is a key for OpenAI itself: no other endpoint is sent it.
            let variable = if provider.base_url.is_empty() { "OPENAI_API_KEY" } else { "" };
            let key = secret(&provider.api_key, environment, variable);
            if key.is_none() && provider.base_url.is_empty() {
                return Err("set chat_provider.api_key, or OPENAI_API_KEY in the server's environment".to_owned());
            }
            let sent = key.clone().unwrap_or_default();
            let model = OpenAi::new(&root(OPENAI_URL), &provider.model, sent, patience, Arc::clone(clock)).map_err(told)?;
            (Arc::new(model), key)
        }
    })
}

/// The model with everything that its calls pass through; an error: why there is none, with what to do.
///
/// # Errors
/// A sentence.
pub(super) fn model(
    config: &ServerConfig,
    environment: &Environment,
    home: &Path,
    clock: &SharedClock,
) -> Result<Arc<dyn ChatModel>, String> {
    let (mut model, key) = adapter(&config.chat_provider, environment, clock)?;
    if config.llm_logging.enabled {
        let secrets: Vec<String> = key.iter().map(|key| key.expose().to_owned()).collect();
        let recorder = Recorder::new(home, &secrets, Arc::clone(clock)).map_err(|error| error.to_string())?;
        model = Arc::new(Recorded::new(model, Arc::new(recorder)));
    }
    Ok(Arc::new(Patient::new(model, rand::random::<f64>)))
}

/// Runs programs through the runner, contained like test commands.
struct Errands(Arc<RunnerService>);

impl Programs for Errands {
    fn run(&self, command: Command) -> BoxFuture<'_, Result<Ended, String>> {
        let limits =
            RunLimits { wall_ms: command.timeout_ms, silence_ms: 0, output_bytes: 16 * 1024 * 1024, processes: 512, grace_ms: 2_000 };
        let name = format!("chat-{}", uuid::Uuid::now_v7().simple());
        let errand = Errand { name, argv: command.argv, directory: Some(command.directory), files: None, limits, most: command.most };
        Box::pin(async move {
            let end = self.0.errand(errand).await?;
            Ok(Ended { stdout: end.stdout, stderr: end.stderr, exit_code: end.exit_code, timed_out: end.timed_out })
        })
    }
}

/// Gives the API its chat.
pub(super) fn open(
    config: &ServerConfig,
    api: &Api,
    model: Result<Arc<dyn ChatModel>, String>,
    tools: Arc<dyn ToolBox>,
    (engine, clock): (&Engine, &SharedClock),
    runner: &Arc<RunnerService>,
    shutdown: &Shutdown,
) {
    let chat = &config.chat;
    let roots: Option<Arc<dyn Roots>> =
        chat.files.then(|| Arc::new(Workspaces { engine: engine.clone(), besides: chat.file_roots.clone() }) as Arc<dyn Roots>);
    let limits = Limits {
        rounds: u32::try_from(chat.max_rounds).unwrap_or(u32::MAX),
        answer_tokens: u32::try_from(chat.max_tokens).unwrap_or(u32::MAX),
        turn_tokens: chat.turn_tokens,
        ..Limits::default()
    };
    match &model {
        Ok(model) => tracing::info!(provider = model.provider(), model = %model.model(), "the chat is ready"),
        Err(why) => tracing::info!(%why, "there is no chat"),
    }
    api.set_talk(Arc::new(Talker::new(Parts {
        model,
        tools,
        roots,
        programs: chat.shell.then(|| Arc::new(Errands(Arc::clone(runner))) as Arc<dyn Programs>),
        books: Books { engine: engine.clone(), clock: Arc::clone(clock) },
        settings: Settings { limits, longest: chat.longest, heartbeat: std::time::Duration::from_secs(15) },
        drain: shutdown.drain().clone(),
    })));
}

/// Lets the model read plans, where the configuration wants it (F-126).
pub(super) fn read_plans(
    config: &ServerConfig,
    sink: &Sink,
    model: &Result<Arc<dyn ChatModel>, String>,
    (engine, clock): (&Engine, &SharedClock),
) {
    if !config.auto_task.use_llm_parser {
        return;
    }
    match model {
        Ok(model) => {
            let books = Books { engine: engine.clone(), clock: Arc::clone(clock) };
            let parser = ModelPlans { model: Arc::clone(model), name: config.auto_task.llm_parser_model.clone(), books };
            let _first = sink.plan_parser().set(Arc::new(parser));
        }
        Err(why) => tracing::warn!(%why, "plans are read without a model"),
    }
}

/// Removes records of calls that are old enough, also while none are written (F-186).
pub(super) fn spawn_records(background: &Background, home: &Path, days: u64, clock: &SharedClock) {
    let (home, clock) = (home.to_owned(), Arc::clone(clock));
    background.spawn("old records of calls", OnExit::Restart, move |shutdown| {
        let (home, clock) = (home.clone(), Arc::clone(&clock));
        async move {
            let mut more = pause(FIRST_AFTER, 1.0, &shutdown).await;
            while more {
                let (home, now) = (home.clone(), clock.now());
                let removed = tokio::task::spawn_blocking(move || remove_old(&home, now, days)).await.map_err(std::io::Error::other)??;
                if removed > 0 {
                    tracing::info!(removed, "removed records of calls");
                }
                more = pause(SWEEP_EVERY, 0.1, &shutdown).await;
            }
            Ok::<(), std::io::Error>(())
        }
    });
}

#[cfg(test)]
mod tests {
    use aq_core::time::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    /// F-181, decision 0009: a variable of a cloud chooses no provider; without a key the refusal names it, with one it is not heeded.
    #[test]
    fn a_cloud_of_the_environment_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let clock: SharedClock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let provider = ChatProvider { cli_login: false, ..ServerConfig::for_home(folder.path()).unwrap().chat_provider };
        let with = |variables: &[(&str, &str)]| {
            let environment = Environment::from_pairs(variables.iter().copied());
            adapter(&provider, &environment, &clock).map(|(model, _)| model.provider().to_owned())
        };
        for (variable, cloud) in CLOUDS {
            let refused = with(&[(variable, "x")]).unwrap_err();
            assert!(refused.starts_with(&format!("{variable} is set, but Claude on {cloud}")), "{refused}");
            assert!(refused.contains("ANTHROPIC_API_KEY"), "{refused}");
            assert_eq!(with(&[(variable, "x"), ("ANTHROPIC_API_KEY", "sk-x")]).as_deref(), Ok("anthropic"));
        }
        assert!(with(&[]).unwrap_err().starts_with("set chat_provider.api_key"));
    }
}
