//! Starting and ending a server, in the one order that loses nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aq_core::event::EventKind;
use aq_core::git_link::GitLink;
use aq_core::principal::{ProjectScope, Role};
use aq_core::runner_link::{RunnerLink, RunnerOrder, StopReason};
use aq_runner::service::RunnerService;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::adapters::{Ender, Keys, Repositories};
use super::degraded::Condition;
use super::error::{AppError, io};
use super::retention::Keeper;
use super::started::{Started, database, start};
use super::walls::Walls;
use super::{assistants, chat, forge, hooks, maintenance, metrics, policy, seed, sessions, standby, traces};
use crate::api::{self, Api, KeyRing};
use crate::background::{Background, OnExit};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Environment, ServerConfig};
use crate::grpc::{self, Gate, GrpcOptions, Health, Permissions, TcpOptions, TlsIdentity};
use crate::home::{Again, Home};
use crate::lifecycle::{self, Engine, LifecycleError, Subject, Tx, announce};
use crate::orchestrator::{Approvals, ConflictWatch, Orchestrator, Parts};
use crate::shutdown::{self, Shutdown};
use crate::store::{StoreError, api_keys, new_key};
use crate::tools::{Registry, ToolBox};

/// Serves until a signal, a call or a broken part ends it. Runs go on under their shims; the next start takes them up.
///
/// # Errors
/// [`AppError`] when it cannot start, or a listener breaks.
pub async fn serve(config: ServerConfig, environment: &Environment, program: PathBuf, again: &Again) -> Result<(), AppError> {
    let home = Home::open(&config.server.home)?;
    home.note(again)?;
    let walls = Walls::find(&config, environment)?;
    walls.tell();
    let (controller, shutdown) = shutdown::pair(config.server.grace);
    let signals = shutdown::listen(&shutdown).map_err(io("signals cannot be handled"))?;
    let forge = forge::forge(&config, environment).await;
    let options = options(&config, &home, environment)?;
    let socket = options.unix_socket.clone().unwrap_or_default();
    let (clock, backups): (SharedClock, _) = (Arc::new(SystemClock), home.path().join("backups"));
    let Some(opened) = standby::lead(&database(&config), &backups, clock.now(), &options, &shutdown).await? else {
        signals.abort();
        return Ok(());
    };
    let mut started = start(&config, clock, policy::policy(&config, environment, &walls.door(&socket)), opened).await?;
    if forge.is_some() {
        Arc::make_mut(&mut started.policy).forge_hosts.insert(config.git.github_host.to_ascii_lowercase());
    }
    let exporter = metrics::Exporter::open(&config).await?;
    let traces = traces::Traces::open(&config, &started).await?;
    let listener = assistants::listen(&config, &home, Arc::make_mut(&mut started.policy)).await?;
    let model = chat::model(&config, environment, home.path(), &started.clock);
    Arc::make_mut(&mut started.policy).hooks.model = model.is_ok();
    let closed = CancellationToken::new();
    let parts = Parts {
        engine: started.engine.clone(),
        reader: started.reader.clone(),
        hub: started.hub.clone(),
        clock: Arc::clone(&started.clock),
        policy: Arc::clone(&started.policy),
        wake: started.wake.clone(),
    };
    let (orchestrator, sink) = Orchestrator::new(parts.clone(), closed.clone());
    chat::read_plans(&config, &sink, &model, (&started.engine, &started.clock));
    let runner = RunnerService::start(policy::runner(&config, environment, &program, (&walls, walls.make_door(&socket)?)), sink);
    let link = traces.listen(Arc::clone(&runner) as Arc<dyn RunnerLink>);
    let (link, records) = sessions::listen(&config, home.path(), &started.clock, link);
    let context = seed::own(started.clock.now());
    let (wanted, own) = (config.clone(), context.clone());
    started.engine.submit(move |tx| seed::configured(tx, &wanted, &own)).await?;
    let ring = KeyRing::new(started.reader.clone(), Arc::clone(&started.clock));
    let keys = Arc::new(Keys(ring.clone()));
    if !home.path().join("admin.key").exists() {
        // The key is stored before its file is written: a file without its key would lock the administrator out.
        let made = new_key(Role::Admin, ProjectScope::All, "administrator", context.now, None);
        let (record, told) = (made.record.clone(), seed::first_key(&context, &made.record));
        let store = move |tx: &mut Tx<'_>| api_keys::insert(tx.db, &record).and_then(|()| lifecycle::record(tx, told.clone()));
        started.engine.submit(store).await?;
        home.write("admin.key", format!("{}\n", made.key))?;
    }
    // Whoever finds the socket finds the key: listening comes after both the key and what was running are in place.
    let recovered = orchestrator.recover(link.as_ref()).await?;
    if recovered != crate::orchestrator::Recovered::default() {
        tracing::info!(?recovered, "took up what was running");
    }

    let listeners = grpc::bind(&options).await?;
    walls.open_door(&socket)?;
    let health = Health::starting().await;

    let background = Background::new(shutdown.clone());
    let keeper = Keeper {
        condition: Condition { engine: started.engine.clone(), clock: Arc::clone(&started.clock), wake: started.wake.clone() },
        reader: started.reader.clone(),
        hub: started.hub.clone(),
        link: Arc::clone(&link),
        rooms: runner.rooms().clone(),
        home: home.path().to_owned(),
        database: database(&config),
        kept: config.retention.clone(),
    };
    spawn_maintenance(&background, &started, &keeper);
    let calls = exporter.calls();
    exporter.spawn(&background, &started);
    let traced = traces.spawn(&background);
    let engine = started.engine.clone();
    // Without its writer a server can do nothing any more; the next one reads what was stored.
    background.spawn("writer", OnExit::StopServer, move |shutdown| {
        let engine = engine.clone();
        async move {
            tokio::select! {
                () = engine.ended() => {}
                () = shutdown.drain().cancelled() => {}
            }
            Ok::<(), StoreError>(())
        }
    });
    let (engine, noted) = (started.engine.clone(), ring.clone());
    background.spawn("use of keys", OnExit::Restart, move |shutdown| maintenance::note_keys(engine.clone(), noted.clone(), shutdown));
    let git: Arc<dyn GitLink> = Arc::new(aq_runner::git::Desk::new(runner.rooms().clone()));
    let conflicts = ConflictWatch::new(parts.clone(), started.bus.clone(), Arc::clone(&git));
    background.spawn("conflicts", OnExit::Restart, move |shutdown| conflicts.clone().run(shutdown.drain().clone()));
    let approvals = Approvals::new(parts, started.bus.clone(), forge.clone(), Arc::clone(&link));
    background.spawn("approvals", OnExit::Restart, move |shutdown| approvals.clone().run(shutdown.drain().clone()));
    let (order, stop) = (Arc::clone(&link), shutdown.drain().clone());
    let deciding = tokio::spawn(orchestrator.run(order, stop));
    let take_runs = Arc::new(AtomicBool::new(false));
    let api = Api::new(api::Parts {
        engine: started.engine.clone(),
        reader: started.reader.clone(),
        hub: started.hub.clone(),
        bus: started.bus.clone(),
        clock: Arc::clone(&started.clock),
        wake: started.wake.clone(),
        link: Arc::clone(&link),
        policy: Arc::clone(&started.policy),
        repositories: Arc::new(Repositories { rooms: runner.rooms().clone(), home: home.path().to_owned() }),
        git,
        forge,
        ending: Arc::new(Ender { shutdown: shutdown.clone(), take_runs: Arc::clone(&take_runs) }),
        keys: ring.clone(),
        facts: facts(&config, &started, &walls),
        drain: shutdown.drain().clone(),
    })?;
    let tools = Arc::new(Registry::new(api.inside())?);
    assistants::serve(&background, &api, Arc::clone(&tools), (listener, ring), &started.policy.secrets)?;
    hooks::spawn(&background, &started, &runner, Arc::clone(&tools) as Arc<dyn ToolBox>, model.as_ref().ok().cloned());
    chat::open(&config, &api, model, tools, (&started.engine, &started.clock), &runner, &shutdown);
    sessions::spawn(&background, &started, records);
    chat::spawn_records(&background, home.path(), config.llm_logging.retention_days, &started.clock);
    let endpoint = listeners.endpoint().unwrap_or_default();
    home.write("endpoint", format!("{endpoint}\n"))?;
    let tcp = listeners.tcp_address().map(tracing::field::display);
    tracing::info!(%endpoint, tcp, home = %home.path().display(), database = %database(&config), "serving");
    api.set_ready();
    health.ready().await;
    say(&started.engine, &context, EventKind::SystemStarted, json!({ "version": env!("CARGO_PKG_VERSION") })).await?;

    let gate = Gate { keys, permissions: permissions(), calls, witness: Some(Arc::new(api.clone())) };
    let serving = tokio::spawn({
        let (routes, token) = (api.routes(), shutdown.drain().clone());
        async move { grpc::serve(listeners, &options, gate, routes, health, token).await }
    });
    let ended = Ended { shutdown, serving, deciding, background, link, runner, started, closed, take_runs, traced };
    let outcome = end(controller, ended).await;
    signals.abort();
    drop(home);
    outcome
}

/// Everything that has to come to rest, in this order.
struct Ended {
    shutdown: Shutdown,
    serving: tokio::task::JoinHandle<Result<(), grpc::ServeError>>,
    deciding: tokio::task::JoinHandle<Result<(), StoreError>>,
    background: Background,
    link: Arc<dyn RunnerLink>,
    runner: Arc<RunnerService>,
    started: Started,
    closed: CancellationToken,
    take_runs: Arc<AtomicBool>,
    traced: traces::TracesEnd,
}

async fn end(controller: shutdown::Controller, parts: Ended) -> Result<(), AppError> {
    let Ended { shutdown, mut serving, deciding, background, link, runner, started, closed, take_runs, traced } = parts;
    let served = {
        let asked_for = shutdown.clone();
        let (engine, clock, traced) = (started.engine.clone(), Arc::clone(&started.clock), traced.clone());
        let drained = async move {
            asked_for.drain().cancelled().await;
            let reason = asked_for.reason().map(|reason| reason.to_string()).unwrap_or_default();
            let context = seed::own(clock.now());
            if let Err(error) = say(&engine, &context, EventKind::SystemStopping, json!({ "reason": reason })).await {
                tracing::warn!(%error, "the end could not be announced");
            }
            if take_runs.load(Ordering::SeqCst) {
                stop_runs(&engine, link.as_ref()).await;
            }
            traced.finish().await;
            background.ended().await;
            // The loop ends by the same token; what it returns was logged where it happened.
            let _ended = deciding.await;
        };
        // A listener ends by itself once it was asked to; what the drain still has to do must not be cut off by that. Only one that breaks ends the server.
        let mut served = None;
        let broken = async {
            let ended = (&mut serving).await;
            let asked = shutdown.drain().is_cancelled();
            served = Some(ended);
            if asked {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            reason = controller.run(drained) => tracing::info!(%reason, "ending"),
            () = broken => {}
        }
        served
    };
    let served = match served {
        Some(served) => served,
        None => tokio::time::timeout(Duration::from_secs(5), &mut serving).await.unwrap_or(Ok(Ok(()))),
    };
    // Reports are taken until here, so that what ended during the drain is recorded; then the runner lets go without ending a run.
    closed.cancel();
    runner.shutdown().await;
    traced.finish().await;
    let Started { engine, writer, hub, .. } = started;
    let last = tokio::task::spawn_blocking(move || {
        engine.stop();
        writer.join();
        hub.log().sync()
    });
    for (run, error) in last.await.unwrap_or_default() {
        tracing::warn!(%run, %error, "output could not be made durable");
    }
    match served {
        Ok(served) => served.map_err(AppError::from),
        Err(error) => Err(AppError::Io { what: "serving ended".to_owned(), source: std::io::Error::other(error) }),
    }
}

/// Stops every open run and waits until none is left; the grace of the shutdown bounds it.
async fn stop_runs(engine: &Engine, link: &dyn RunnerLink) {
    let open = |engine: Engine| async move {
        engine
            .submit(|tx| Ok::<_, StoreError>(tx.state.runs.values().map(|open| open.run.clone()).collect::<Vec<_>>()))
            .await
            .unwrap_or_default()
    };
    for run in open(engine.clone()).await {
        link.order(RunnerOrder::Stop { run, reason: StopReason::Shutdown });
    }
    while !open(engine.clone()).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn say(
    engine: &Engine,
    context: &crate::commands::Context,
    kind: EventKind,
    payload: serde_json::Value,
) -> Result<(), LifecycleError> {
    let now = context.now;
    engine.submit(move |tx| announce(tx, kind, now, Subject::default(), payload.clone())).await
}

fn spawn_maintenance(background: &Background, started: &Started, keeper: &Keeper) {
    let hub = started.hub.clone();
    background.spawn("output sync", OnExit::Restart, move |shutdown| maintenance::sync_output(hub.clone(), shutdown));
    let parts = || (started.engine.clone(), started.reader.clone(), Arc::clone(&started.clock), Arc::clone(&started.policy));
    let (engine, reader, clock, policy) = parts();
    background.spawn("archive", OnExit::Restart, move |shutdown| {
        maintenance::archive(engine.clone(), reader.clone(), Arc::clone(&clock), Arc::clone(&policy), shutdown)
    });
    let (engine, reader, clock, policy) = parts();
    background.spawn("stuck tasks", OnExit::Restart, move |shutdown| {
        maintenance::tell_stuck(engine.clone(), reader.clone(), Arc::clone(&clock), Arc::clone(&policy), shutdown)
    });
    maintenance::spawn(background, keeper);
    let (condition, activity) = (keeper.condition.clone(), started.activity());
    let (folder, reserve) = (keeper.home.clone(), keeper.kept.disk_reserve_bytes);
    background.spawn("disk room", OnExit::Restart, move |shutdown| {
        maintenance::watch_disk(condition.clone(), activity.clone(), folder.clone(), reserve, shutdown)
    });
}

fn options(config: &ServerConfig, home: &Home, environment: &Environment) -> Result<GrpcOptions, AppError> {
    let runtime_dir = environment.filled("XDG_RUNTIME_DIR").map(PathBuf::from);
    let socket = match &config.server.socket {
        Some(path) => path.clone(),
        None => home.socket(runtime_dir.as_deref())?,
    };
    let tls = config
        .server
        .tls
        .as_ref()
        .map(|files| {
            let read = |path: &PathBuf| std::fs::read(path).map_err(io(format!("{} cannot be read", path.display())));
            let client_ca_pem = files.client_ca.as_ref().map(read).transpose()?;
            Ok::<_, AppError>(TlsIdentity { certificate_pem: read(&files.certificate)?, key_pem: read(&files.key)?, client_ca_pem })
        })
        .transpose()?;
    let tcp = config.server.listen.map(|address| TcpOptions { address, tls });
    Ok(GrpcOptions { unix_socket: Some(socket), tcp, ..GrpcOptions::default() })
}

fn permissions() -> Permissions {
    api::PERMISSIONS.iter().fold(Permissions::new(), |table, (path, roles)| table.allow(path, roles))
}

fn facts(config: &ServerConfig, started: &Started, walls: &Walls) -> api::ServerFacts {
    api::ServerFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: started.clock.now(),
        sandbox: walls.text.clone(),
        database: database(config).to_string(),
        database_url: database(config),
        home: config.server.home.clone(),
        clones: config.server.home.join("clones"),
    }
}
