//! From the configuration to the figures that decisions are made with, and to what the runner needs to know.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aq_core::budget::{BudgetPeriod, Budgets};
use aq_core::limits::read_zone;
use aq_core::profile::RuntimeProfile;
use aq_core::runner_link::RunLimits;
use aq_core::task::TaskStatus;
use aq_runner::git::{GitProgram, Identity};
use aq_runner::service::RunnerConfig;

use super::walls::Walls;
use crate::config::{Environment, Secret, ServerConfig, sections};
use crate::lifecycle::PlanRules;
use crate::orchestrator::{ArchivePolicy, Credentials, OwnKeys, Policy};

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The figures of the orchestrator.
#[must_use]
pub(super) fn policy(config: &ServerConfig, environment: &Environment, socket: &Path) -> Policy {
    let defaults = Policy::default();
    let run_limits = RunLimits {
        wall_ms: millis(config.agents.stuck_timeout),
        silence_ms: millis(config.agents.silence_timeout),
        output_bytes: config.retention.run_output_bytes,
        grace_ms: millis(config.agents.graceful_shutdown_timeout),
        ..defaults.run_limits
    };
    let profile = |program: &sections::CliRuntime| RuntimeProfile {
        command: std::iter::once(program.program.clone()).chain(program.extra_args.iter().cloned()).collect(),
        model: program.model.clone().unwrap_or_default(),
        ..RuntimeProfile::default()
    };
    let keys = config.accounts.iter().filter_map(|account| match &account.login {
        Some(sections::Login::ApiKey(key)) => Some((account.id.clone(), key.clone())),
        _ => None,
    });
    let keys = keys.collect();
    let secrets = config
        .accounts
        .iter()
        .filter_map(|account| match &account.login {
            Some(sections::Login::ApiKey(key)) => Some(key),
            _ => None,
        })
        .chain(config.runtimes.command_profiles.values().flat_map(|profile| profile.env.values()))
        .filter(|secret| !secret.is_empty())
        .map(|secret| secret.expose().to_owned())
        .collect();
    Policy {
        guarantee: config.scheduling.min_task_guarantee,
        budgets: Budgets {
            run: config.budgets.run_tokens,
            task_tree: config.budgets.task_tree_tokens,
            project: config.budgets.project_day_tokens,
            global: config.budgets.day_tokens,
        },
        budget_period: match config.budgets.period {
            sections::BudgetPeriod::Rolling => BudgetPeriod::Rolling,
            sections::BudgetPeriod::CalendarDay => BudgetPeriod::CalendarDay,
        },
        budget_zone: read_zone(&config.budgets.time_zone).unwrap_or(jiff::tz::TimeZone::UTC),
        verify_limits: RunLimits { wall_ms: run_limits.wall_ms.min(3_600_000), ..run_limits },
        run_limits,
        limit_wait_ms: i64::try_from(millis(config.pause_retry.rate_limit_backoff)).unwrap_or(i64::MAX),
        question_timeout_ms: millis(config.questions.timeout),
        plans: PlanRules {
            enabled: config.auto_task.enabled,
            patterns: config.auto_task.plan_file_patterns.clone(),
            max_steps: usize::try_from(config.auto_task.max_steps_per_plan).unwrap_or(usize::MAX),
            max_depth: u32::try_from(config.auto_task.max_plan_depth).unwrap_or(u32::MAX),
            chain: config.auto_task.chain_dependencies,
            inherit_approval: config.auto_task.inherit_approval,
            base_priority: i32::try_from(config.auto_task.base_priority).unwrap_or(i32::MAX),
            approval: config.auto_task.plan_approval,
            folder: Some(config.server.home.join("plans")),
        },
        limit_wait_most_ms: i64::try_from(millis(config.pause_retry.rate_limit_max_backoff)).unwrap_or(i64::MAX),
        safety_timer_ms: millis(config.scheduling.safety_timer),
        archive: archive(config),
        stuck_after_ms: i64::try_from(millis(config.monitoring.stuck_task_threshold)).unwrap_or(i64::MAX),
        runtimes: config.runtimes.programs().into_iter().map(|(kind, _, program)| (kind, profile(program))).collect(),
        secrets,
        credentials: Credentials::new(keys, environment.clone()),
        hooks: aq_core::hook::Rules {
            enabled: config.hook_engine.enabled,
            concurrent: usize::try_from(config.hook_engine.max_concurrent_hooks).unwrap_or(usize::MAX),
            shell: config.hook_engine.shell,
            private_addresses: config.hook_engine.private_addresses,
            commands: true,
            model: false,
        },
        // The longest run, its grace, and an hour for what comes before and after it.
        own_keys: config.agents.own_key.then(|| OwnKeys {
            socket: socket.to_owned(),
            mcp_url: None,
            lifetime_ms: i64::try_from(run_limits.wall_ms.saturating_add(run_limits.grace_ms))
                .unwrap_or(i64::MAX / 4)
                .saturating_add(3_600_000),
        }),
        ..defaults
    }
}

/// When finished tasks leave the lists.
fn archive(config: &ServerConfig) -> ArchivePolicy {
    let after = Duration::try_from_secs_f64(config.archive.after_hours * 3600.0)
        .map_or(i64::MAX, |after| i64::try_from(millis(after)).unwrap_or(i64::MAX));
    let statuses = config.archive.statuses.iter().filter_map(|name| TaskStatus::parse(name)).collect();
    ArchivePolicy { enabled: config.archive.enabled, after_ms: after, statuses }
}

/// The length of the rolling window, in milliseconds.
#[must_use]
pub(super) fn window_ms(config: &ServerConfig) -> i64 {
    i64::try_from(config.scheduling.rolling_window_hours.saturating_mul(3_600_000)).unwrap_or(i64::MAX)
}

/// The time zone that programs tell times in: the one of the environment, which agents are given, else the machine's.
fn zone(environment: &Environment) -> String {
    let told = environment.filled("TZ").map(str::to_owned);
    told.or_else(|| jiff::tz::TimeZone::system().iana_name().map(str::to_owned)).unwrap_or_else(|| "UTC".to_owned())
}

/// The command line: beside our own program, else on the agents' search path.
fn command_line(program: &Path, path: Option<&str>) -> Option<PathBuf> {
    let beside = program.parent().map(Path::to_owned);
    let folders = path.into_iter().flat_map(std::env::split_paths).filter(|folder| folder.is_absolute());
    beside.into_iter().chain(folders).map(|folder| folder.join("aqctl")).find(|path| path.is_file())
}

/// What the runner works with.
#[must_use]
pub(super) fn runner(
    config: &ServerConfig,
    environment: &Environment,
    program: &Path,
    (walls, door): (&Walls, Option<PathBuf>),
) -> RunnerConfig {
    let mut runner = RunnerConfig::new(&config.server.home, program);
    runner.bridge = command_line(program, config.agents.environment.get("PATH").map(Secret::expose));
    (runner.sandbox, runner.bwrap, runner.door) = (walls.level, walls.bwrap.clone(), door);
    runner.identity = Identity { name: config.git.identity_name.clone(), email: config.git.identity_email.clone() };
    runner.git = GitProgram { timeout: config.git.fetch_timeout, ..GitProgram::default() };
    runner.environment =
        config.agents.environment.iter().map(|(name, value): (&String, &Secret)| (name.clone(), value.expose().to_owned())).collect();
    runner.zone = zone(environment);
    runner.toolchains = [".cargo", ".rustup", ".nvm", ".pyenv", ".local/share/claude", ".local/bin"]
        .iter()
        .filter_map(|folder| environment.home().map(|home| home.join(folder)))
        .filter(|folder| folder.is_dir())
        .collect();
    runner
}
