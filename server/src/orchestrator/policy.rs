//! The figures that decisions are made with, taken from the configuration once at start.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::budget::{BudgetPeriod, Budgets};
use aq_core::profile::RuntimeProfile;
use aq_core::runner_link::RunLimits;
use aq_core::runtime::RuntimeKind;
use aq_core::task::{Backoff, TaskStatus};
use jiff::tz::TimeZone;

use super::credentials::Credentials;
use super::own_key::OwnKeys;
use crate::lifecycle::PlanRules;

/// What the orchestrator needs to know of the configuration.
#[derive(Clone, Debug)]
pub struct Policy {
    /// A project without a completed task in the window goes first.
    pub guarantee: bool,
    /// The configured budgets; people may set others (`budgets::limits`).
    pub budgets: Budgets,
    /// Over what time the budgets of projects and of everything count.
    pub budget_period: BudgetPeriod,
    /// The zone of the calendar day.
    pub budget_zone: TimeZone,
    /// Limits of a run.
    pub run_limits: RunLimits,
    /// Limits of the test commands.
    pub verify_limits: RunLimits,
    /// How long a failed task waits for its next try.
    pub backoff: Backoff,
    /// First wait after a short throttle, doubled with each one in a row, in milliseconds (F-073).
    pub limit_wait_ms: i64,
    /// Longest such wait, in milliseconds.
    pub limit_wait_most_ms: i64,
    /// How long a question of an agent may wait where its project says nothing, in milliseconds.
    pub question_timeout_ms: u64,
    /// A pass runs at least this often, in milliseconds: the safety net behind the wake-ups.
    pub safety_timer_ms: u64,
    /// When finished tasks leave the lists by themselves.
    pub archive: ArchivePolicy,
    /// How long a task may wait behind one that cannot complete before people are told, and told again, in milliseconds; 0: never.
    pub stuck_after_ms: i64,
    /// How plans become tasks.
    pub plans: PlanRules,
    /// Defaults of each runtime; an agent's own profile is laid over them.
    pub runtimes: BTreeMap<RuntimeKind, RuntimeProfile>,
    /// Hosts of forges at which pull requests are opened, in lower case.
    pub forge_hosts: BTreeSet<String>,
    /// Values that must never leave the machine in output.
    pub secrets: Vec<String>,
    /// Where provider keys of accounts come from.
    pub credentials: Credentials,
    /// How runs get keys of their own; `None`: they get none.
    pub own_keys: Option<OwnKeys>,
    /// What the server offers to hooks.
    pub hooks: aq_core::hook::Rules,
}

/// When finished tasks leave the lists by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivePolicy {
    /// Whether they do.
    pub enabled: bool,
    /// How long after its last change, in milliseconds.
    pub after_ms: i64,
    /// From which statuses; finished ones.
    pub statuses: Vec<TaskStatus>,
}

impl Default for ArchivePolicy {
    /// Every finished task, after a day.
    fn default() -> Self {
        Self { enabled: true, after_ms: 24 * 3_600_000, statuses: vec![TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Blocked] }
    }
}

impl Default for Policy {
    /// The defaults of an empty configuration.
    fn default() -> Self {
        let run_limits = RunLimits {
            wall_ms: 4 * 3_600_000,
            silence_ms: 15 * 60_000,
            output_bytes: 256 * 1024 * 1024,
            processes: 512,
            grace_ms: 10_000,
        };
        Self {
            guarantee: true,
            budgets: Budgets::default(),
            budget_period: BudgetPeriod::Rolling,
            budget_zone: TimeZone::UTC,
            run_limits,
            verify_limits: RunLimits { wall_ms: 3_600_000, ..run_limits },
            backoff: Backoff::default(),
            limit_wait_ms: 60_000,
            limit_wait_most_ms: 300_000,
            question_timeout_ms: 24 * 3_600_000,
            safety_timer_ms: 30_000,
            archive: ArchivePolicy::default(),
            stuck_after_ms: 3_600_000,
            plans: PlanRules::default(),
            runtimes: BTreeMap::new(),
            forge_hosts: BTreeSet::new(),
            secrets: Vec::new(),
            credentials: Credentials::default(),
            own_keys: None,
            hooks: aq_core::hook::Rules { enabled: true, concurrent: 2, ..aq_core::hook::Rules::default() },
        }
    }
}

impl Policy {
    /// An agent's profile over the runtime's defaults: what the agent leaves empty falls through.
    #[must_use]
    pub fn profile(&self, runtime: RuntimeKind, own: &RuntimeProfile, login_dir: &str) -> RuntimeProfile {
        let base = self.runtimes.get(&runtime).cloned().unwrap_or_default();
        let text = |own: &str, base: &str| if own.is_empty() { base.to_owned() } else { own.to_owned() };
        let list = |own: &[String], base: &[String]| if own.is_empty() { base.to_vec() } else { own.to_vec() };
        let mut env = base.env.clone();
        env.extend(own.env.clone());
        RuntimeProfile {
            command: list(&own.command, &base.command),
            model: text(&own.model, &base.model),
            permission_mode: text(&own.permission_mode, &base.permission_mode),
            allowed_tools: list(&own.allowed_tools, &base.allowed_tools),
            mcp_servers: if own.mcp_servers.is_empty() { base.mcp_servers } else { own.mcp_servers.clone() },
            system_prompt_suffix: text(&own.system_prompt_suffix, &base.system_prompt_suffix),
            env,
            login_dir: text(&own.login_dir, if login_dir.is_empty() { &base.login_dir } else { login_dir }),
        }
    }
}
