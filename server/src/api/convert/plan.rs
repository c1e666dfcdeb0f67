//! Plans and how they read.

use aq_core::plan::{PlanSource, PlanState, ProposedStep, SubtaskRules, report, subtasks};
use aq_proto::v1 as pb;

use super::words::timestamp;
use crate::lifecycle::PlanRules;
use crate::store::{PlanRecord, TaskRecord};

/// What became of a plan.
pub(in crate::api) const fn plan_state(state: PlanState) -> pb::PlanState {
    match state {
        PlanState::Pending => pb::PlanState::Pending,
        PlanState::Proposed => pb::PlanState::Proposed,
        PlanState::Accepted => pb::PlanState::Accepted,
        PlanState::Answered => pb::PlanState::Answered,
        PlanState::Rejected => pb::PlanState::Rejected,
        PlanState::Superseded => pb::PlanState::Superseded,
        PlanState::Empty => pb::PlanState::Empty,
    }
}

/// A plan with the task that it came out of and the ids of the tasks that it became.
pub(in crate::api) fn plan(record: &PlanRecord, rules: &PlanRules, parent: Option<&TaskRecord>, task_ids: Vec<String>) -> pb::Plan {
    let parsed = aq_core::plan::reading(&record.text, &record.proposed, rules.max_steps);
    let own_title = || parsed.steps.first().map(|step| step.title.clone()).unwrap_or_default();
    pb::Plan {
        id: record.id.clone(),
        project_id: record.project.to_string(),
        task_id: parent.map(|parent| parent.task.id.to_string()).unwrap_or_default(),
        run_number: record.run_number.unwrap_or(0),
        source: match record.source {
            PlanSource::File => pb::PlanSource::File,
            PlanSource::PlanExit => pb::PlanSource::PlanExit,
            PlanSource::Text => pb::PlanSource::Text,
        }
        .into(),
        state: plan_state(record.state).into(),
        title: parent.map_or_else(own_title, |parent| parent.task.title.clone()),
        path: record.path.clone(),
        archive_path: record.archive.clone(),
        step_count: u32::try_from(parsed.steps.len()).unwrap_or(u32::MAX),
        feedback: record.feedback.clone(),
        decided_by: record.decided_by.clone().unwrap_or_default(),
        created_at: Some(timestamp(record.created_at)),
        decided_at: record.decided_at.map(timestamp),
        task_ids,
    }
}

/// How a text reads as a plan of `parent`.
pub(in crate::api) fn reading(text: &str, proposed: &[ProposedStep], rules: &PlanRules, parent: Option<&TaskRecord>) -> pb::PlanReading {
    let (parsed, looks) = (aq_core::plan::reading(text, proposed, rules.max_steps), report(text));
    let subtask_rules = SubtaskRules {
        base_priority: parent.map_or(rules.base_priority, |parent| parent.task.priority),
        chain: rules.chain,
        inherit_approval: rules.inherit_approval,
        parent_needs_approval: parent.is_some_and(|parent| parent.task.requires_approval),
    };
    let title = parent.map_or("a plan of a person", |parent| parent.task.title.as_str());
    let steps = subtasks(text, &parsed, title, subtask_rules).into_iter().map(|step| pb::PlanStep {
        title: step.title,
        description: step.description,
        priority: step.priority,
        requires_approval: step.requires_approval,
        after: step.after.and_then(|index| u32::try_from(index + 1).ok()).unwrap_or(0),
    });
    pb::PlanReading {
        steps: steps.collect(),
        dropped: parsed.dropped,
        left_out: parsed.left_out,
        strategy: parsed.strategy.as_str().to_owned(),
        quality_score: looks.quality_score,
        is_design_document: looks.is_design_doc,
        warnings: looks.warnings,
        recommendation: looks.recommendation,
    }
}
