//! Emoji and colours of statuses, types, properties and messages (F-016).

use crate::task::{Task, TaskStatus, TaskType};
use crate::text_enum::text_enum;

/// The emoji of a task type.
#[must_use]
pub const fn type_emoji(task_type: TaskType) -> &'static str {
    match task_type {
        TaskType::Feature => "✨",
        TaskType::Bugfix => "🐛",
        TaskType::Refactor => "♻️",
        TaskType::Test => "🧪",
        TaskType::Docs => "📝",
        TaskType::Chore => "🔧",
        TaskType::Research => "🔍",
        TaskType::Plan => "📋",
    }
}

/// The emoji of a status.
#[must_use]
pub const fn status_emoji(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Defined => "⚪",
        TaskStatus::Ready => "🔵",
        TaskStatus::Assigned => "📋",
        TaskStatus::InProgress => "🟡",
        TaskStatus::WaitingInput => "💬",
        TaskStatus::Paused => "⏸️",
        TaskStatus::Verifying => "🔍",
        TaskStatus::AwaitingApproval => "⌛",
        TaskStatus::Completed => "🟢",
        TaskStatus::Failed => "🔴",
        TaskStatus::Blocked => "⛔",
    }
}

/// The colour of a status, as 24-bit RGB.
#[must_use]
pub const fn status_colour(status: TaskStatus) -> u32 {
    match status {
        TaskStatus::Defined => 0x95_A5A6,
        TaskStatus::Ready => 0x34_98DB,
        TaskStatus::Assigned => 0x9B_59B6,
        TaskStatus::InProgress => 0xF3_9C12,
        TaskStatus::WaitingInput => 0x1A_BC9C,
        TaskStatus::Paused => 0x7F_8C8D,
        TaskStatus::Verifying => 0x29_80B9,
        TaskStatus::AwaitingApproval => 0xE6_7E22,
        TaskStatus::Completed => 0x2E_CC71,
        TaskStatus::Failed => 0xE7_4C3C,
        TaskStatus::Blocked => 0x99_2D22,
    }
}

text_enum! {
    /// A property of a task that is shown as a tag.
    PropertyTag, "property tag" {
        /// It is a step of a plan.
        PlanSubtask = "plan_subtask",
        /// It has subtasks.
        HasSubtasks = "has_subtasks",
        /// It has a pull request.
        HasPr = "has_pr",
        /// It needs approval.
        ApprovalRequired = "approval_required",
    }
}

impl PropertyTag {
    /// The tag's emoji.
    #[must_use]
    pub const fn emoji(self) -> &'static str {
        match self {
            Self::PlanSubtask => "📋",
            Self::HasSubtasks => "📦",
            Self::HasPr => "🔗",
            Self::ApprovalRequired => "🔒",
        }
    }

    /// The tags of a task, in the order shown.
    #[must_use]
    pub fn of(task: &Task, has_subtasks: bool) -> Vec<Self> {
        let holds = |tag: &Self| match tag {
            Self::PlanSubtask => task.is_plan_subtask,
            Self::HasSubtasks => has_subtasks,
            Self::HasPr => task.pr_url.is_some(),
            Self::ApprovalRequired => task.requires_approval,
        };
        Self::ALL.iter().copied().filter(holds).collect()
    }
}

text_enum! {
    /// The tone of a message.
    Style, "style" {
        /// It went well.
        Success = "success",
        /// It failed.
        Error = "error",
        /// Somebody should look.
        Warning = "warning",
        /// For information.
        Info = "info",
        /// Somebody must act.
        Critical = "critical",
    }
}

impl Style {
    /// The emoji before the title.
    #[must_use]
    pub const fn emoji(self) -> &'static str {
        match self {
            Self::Success => "✅",
            Self::Error => "❌",
            Self::Warning => "⚠️",
            Self::Info => "ℹ️",
            Self::Critical => "🚨",
        }
    }

    /// The colour, as 24-bit RGB.
    #[must_use]
    pub const fn colour(self) -> u32 {
        match self {
            Self::Success => 0x2E_CC71,
            Self::Error => 0xE7_4C3C,
            Self::Warning => 0xF3_9C12,
            Self::Info => 0x34_98DB,
            Self::Critical => 0x99_2D22,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ProjectId, TaskId};
    use crate::time::Timestamp;

    /// F-016: the tables of the spec are what the code says.
    #[test]
    fn icons_are_as_listed() {
        let spec = include_str!("../../../../specs/server/core/render.md");
        for status in TaskStatus::ALL {
            let row = format!("| {status} | {:06X} | {} |", status_colour(*status), status_emoji(*status));
            assert!(spec.contains(&row), "{row}");
        }
        for style in Style::ALL {
            let row = format!("| {style} | {:06X} | {} |", style.colour(), style.emoji());
            assert!(spec.contains(&row), "{row}");
        }
        for task_type in TaskType::ALL {
            let emoji = type_emoji(*task_type);
            assert!(!emoji.is_empty() && spec.contains(&format!("{task_type} {emoji}")), "{task_type}");
        }
        for tag in PropertyTag::ALL {
            assert!(!tag.emoji().is_empty() && spec.contains(&format!("{tag} {}", tag.emoji())), "{tag}");
        }
    }

    /// F-016: a task has the tags of its properties, in the order shown.
    #[test]
    fn properties_are_tags() {
        let (id, project) = (TaskId::from_trusted("a-b"), ProjectId::from_trusted("p"));
        let plain = Task::new(id, project, "t", "d", Timestamp::from_millis(0));
        assert_eq!((PropertyTag::of(&plain, false), PropertyTag::of(&plain, true)), (vec![], vec![PropertyTag::HasSubtasks]));
        let all = Task { is_plan_subtask: true, pr_url: Some("https://example.org/1".into()), requires_approval: true, ..plain };
        assert_eq!(PropertyTag::of(&all, true), PropertyTag::ALL);
    }
}
