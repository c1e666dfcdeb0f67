//! What a hook is.

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::step::ContextStep;
use crate::ids::ProjectId;
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// What becomes of due times that passed while nothing could be started.
    Missed, "missed-fire policy" {
        /// They are left out.
        Skip = "skip",
        /// One run for all of them.
        Once = "once",
        /// One run for each, at most a hundred.
        All = "all",
    }
}

text_enum! {
    /// What started a run.
    RunCause, "cause of a run" {
        /// A due time.
        Schedule = "schedule",
        /// An event.
        Event = "event",
        /// A person.
        Manual = "manual",
        /// A program outside.
        Webhook = "webhook",
    }
}

text_enum! {
    /// How far a run of a hook is.
    RunState, "state of a hook's run" {
        /// It waits for room.
        Queued = "queued",
        /// It runs.
        Running = "running",
        /// It did everything.
        Completed = "completed",
        /// A step said that there is nothing to do, or a cap was reached.
        Skipped = "skipped",
        /// Something went wrong.
        Failed = "failed",
    }
}

/// How a value of an event is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// It is the text.
    Is,
    /// It is another text, or is not there.
    IsNot,
    /// The text is in it.
    Contains,
}

/// A condition on an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The field of the event's value, for example `task_id`.
    pub field: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: String,
}

/// What starts a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Trigger {
    /// Again and again.
    Periodic {
        /// After so many milliseconds.
        every_ms: u64,
    },
    /// At times of a calendar.
    Cron {
        /// Five fields: minute, hour, day of the month, month, day of the week.
        expression: String,
        /// IANA name of the time zone; empty: UTC.
        zone: String,
    },
    /// Something happened in its project.
    Event {
        /// Names, groups (`task.*`) or `*`.
        events: Vec<String>,
        /// All of them must hold.
        #[serde(default)]
        conditions: Vec<Condition>,
        /// Also what happens to tasks that hooks made.
        #[serde(default)]
        with_hook_tasks: bool,
    },
    /// Nothing: a person or a program fires it.
    Manual,
}

impl Trigger {
    /// The stored and shown name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Periodic { .. } => "periodic",
            Self::Cron { .. } => "cron",
            Self::Event { .. } => "event",
            Self::Manual => "manual",
        }
    }

    /// The cooldown of a hook that names none, in milliseconds: an hour for events, else none.
    #[must_use]
    pub const fn default_cooldown_ms(&self) -> u64 {
        match self {
            Self::Event { .. } => 3_600_000,
            Self::Periodic { .. } | Self::Cron { .. } | Self::Manual => 0,
        }
    }
}

/// Whose authority a hook acts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The id of the API key that made or last changed it.
    pub key_id: String,
    /// The person behind a gateway.
    pub person: Option<String>,
}

/// A hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// Its project.
    pub project: ProjectId,
    /// Its name, unique in the project.
    pub name: String,
    /// Whether it starts by itself.
    pub enabled: bool,
    /// What starts it.
    pub trigger: Trigger,
    /// What it looks at first.
    pub steps: Vec<ContextStep>,
    /// What it does then.
    pub actions: Vec<Action>,
    /// Least time between two starts, in milliseconds.
    pub cooldown_ms: u64,
    /// What becomes of missed due times.
    pub missed: Missed,
    /// Most tokens of one run; `None`: as many as the provider's limit allows.
    pub max_tokens_per_run: Option<u64>,
    /// Most tokens of a day (UTC); `None`: no cap.
    pub max_tokens_per_day: Option<u64>,
    /// Whose authority it acts with.
    pub owner: Owner,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it was changed by a person.
    pub updated_at: Timestamp,
    /// When it is due next; set for enabled hooks with a schedule.
    pub next_due: Option<Timestamp>,
    /// When it last started by itself or by hand.
    pub last_fired: Option<Timestamp>,
}
