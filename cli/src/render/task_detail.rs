//! One task with everything about it, and why it waits.

use aq_proto::v1::{
    BlockReason, ExplainTaskResponse, GetTaskResponse, ListDependenciesResponse, PlanApproval, Runtime, TaskType, Verification, WaitKind,
};

use super::sheet::Sheet;
use super::{amount, question, run, task, time, tone};
use crate::look::{Look, Tone};
use crate::words;

/// A task with its relations and runs (F-158).
#[must_use]
pub(crate) fn show(look: &Look, answer: &GetTaskResponse) -> String {
    let Some(shown) = &answer.task else { return String::new() };
    let mut sheet = Sheet::new(look, &format!("{}  {}", shown.id, shown.title));
    sheet.toned("status", task::status(shown), tone::task(shown.status));
    sheet.field("waits for", &shown.waiting_for);
    sheet.field("project", &shown.project_id).field("type", words::phrase::<TaskType>(shown.r#type));
    sheet.field("priority", shown.priority.to_string());
    sheet.field("runtime", words::phrase::<Runtime>(shown.runtime)).field("model", &shown.model);
    let fallback: Vec<_> = shown.fallback.iter().map(|runtime| words::phrase::<Runtime>(*runtime)).collect();
    sheet.field("falls back to", fallback.join(", ")).field("filler", if shown.filler { "only on what would expire" } else { "" });
    sheet.field("agent", &shown.agent_id).field("required agent", &shown.required_agent_id);
    sheet.field("parent", &shown.parent_task_id).field("plan", &shown.plan_source);
    sheet.field("branch", &shown.branch).field("pull request", &shown.pull_request_url);
    sheet.field("checked by", words::phrase::<Verification>(shown.verification));
    sheet
        .field("under review", if shown.under_review { "yes" } else { "" })
        .field("plans", words::phrase::<PlanApproval>(shown.plan_approval));
    sheet.field("approval", if shown.requires_approval { "required before it lands" } else { "" });
    sheet.field("tries", format!("{} of {} failed", shown.retry_count, shown.max_retries.max(1)));
    sheet.field("goes on", time::both(look, shown.resume_at.as_ref()));
    sheet.field("tokens", amount::usage(shown.usage.as_ref())).field("cost", amount::money(shown.cost_micros));
    sheet.field("token budget", shown.token_budget.map(amount::tokens).unwrap_or_default());
    sheet.field("longest run", time::limit(shown.time_limit.as_ref())).field("longest silence", time::limit(shown.silence_limit.as_ref()));
    sheet.field("created", [time::both(look, shown.created_at.as_ref()), by(&shown.created_by)].concat());
    sheet.field("started", time::both(look, shown.started_at.as_ref()));
    sheet.field("finished", time::both(look, shown.finished_at.as_ref()));
    sheet.field("archived", if shown.archived { "yes" } else { "" });
    sheet.text("Instruction", &shown.description);
    sheet.text("Result", &shown.result_summary);
    if let Some(asked) = &shown.question {
        sheet.text("Question", &question::text(asked));
    }
    sheet.list("Test commands", &shown.test_commands);
    sheet.list("Context", shown.context.iter().map(|entry| format!("{} {}: {}", entry.r#type, entry.label, entry.content)));
    sheet.list("Criteria", shown.criteria.iter().map(|entry| format!("{}: {}", entry.r#type, entry.content)));
    let references =
        |tasks: &[aq_proto::v1::TaskRef]| tasks.iter().map(|entry| task::reference(look, entry)).collect::<Vec<_>>().join("\n");
    sheet.table("Depends on", &references(&answer.dependencies));
    sheet.table("Blocks", &references(&answer.dependents));
    sheet.table("Subtasks", &references(&answer.subtasks));
    sheet.table("Runs", &run::rows(look, &answer.runs));
    sheet.finish()
}

fn by(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" by {name}") }
}

/// What a task waits for and what waits for it.
#[must_use]
pub(crate) fn dependencies(look: &Look, answer: &ListDependenciesResponse) -> String {
    let Some(of) = &answer.task else { return String::new() };
    let mut sheet = Sheet::new(look, &format!("{}  {}", of.id, of.title));
    let references =
        |tasks: &[aq_proto::v1::TaskRef]| tasks.iter().map(|entry| task::reference(look, entry)).collect::<Vec<_>>().join("\n");
    sheet.table("Depends on", &references(&answer.dependencies));
    sheet.table("Blocks", &references(&answer.dependents));
    if answer.dependencies.is_empty() && answer.dependents.is_empty() {
        sheet.field("dependencies", "none");
    }
    sheet.finish()
}

/// Why a task is not done yet.
#[must_use]
pub(crate) fn explain(look: &Look, answer: &ExplainTaskResponse) -> String {
    let title = answer.task.as_ref().map(|of| task::reference(&Look { color: false, ..look.clone() }, of)).unwrap_or_default();
    let mut sheet = Sheet::new(look, &title);
    sheet.toned("answer", &answer.sentence, Tone::Strong);
    sheet.field("expected", time::both(look, answer.expected_at.as_ref()));
    sheet.field("ahead of it", if answer.ahead > 0 { amount::count(answer.ahead.into(), "task") } else { String::new() });
    sheet.list(
        "Reasons",
        answer.reasons.iter().map(|reason| {
            let until = time::relative(look, reason.until.as_ref());
            let until = if until.is_empty() { until } else { format!(" ({until})") };
            let kind = words::phrase::<WaitKind>(reason.kind);
            format!("{kind}: {}{until}", reason.text)
        }),
    );
    sheet.finish()
}

/// The next command for a block, by its reason; empty where it leaves by itself.
#[must_use]
pub(crate) fn remedy(task_id: &str, reason: i32) -> String {
    match BlockReason::try_from(reason) {
        Ok(BlockReason::RetriesExhausted | BlockReason::Timeout) => {
            format!("see what happened with: aqctl logs {task_id}, then: aqctl task restart {task_id} --feedback TEXT")
        }
        Ok(BlockReason::OperatorStop | BlockReason::ApprovalRejected | BlockReason::LostWorkspace) => {
            format!("start it over with: aqctl task restart {task_id}")
        }
        Ok(BlockReason::MergeConflict) => {
            format!(
                "its branch is kept; have it resolved with: aqctl task repair {task_id}, or resolve it, then: aqctl task approve {task_id}"
            )
        }
        Ok(BlockReason::PushFailed | BlockReason::TargetDirty) => {
            format!("its branch is kept; mend the cause, then land it with: aqctl task approve {task_id}")
        }
        Ok(BlockReason::Proposed) => format!("accept it with: aqctl task approve {task_id}"),
        Ok(BlockReason::Account) => "check the login of the account with: aqctl account list".to_owned(),
        Ok(BlockReason::Dependency | BlockReason::Budget | BlockReason::Config) => format!("see: aqctl task explain {task_id}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::{TaskRef, TaskStatus, WaitReason};
    use proptest::prelude::*;

    use super::*;
    use crate::clean;
    use crate::render::run::tests::example as example_run;
    use crate::render::task::tests::example;

    fn reference(id: &str, status: TaskStatus) -> TaskRef {
        TaskRef { id: id.into(), title: format!("Title of {id}"), status: status.into() }
    }

    /// F-158: a task with everything.
    #[test]
    fn a_task_with_its_relations() {
        let answer = GetTaskResponse {
            task: Some(example()),
            dependencies: vec![reference("calm-river", TaskStatus::Completed)],
            dependents: vec![reference("bold-lake", TaskStatus::Defined)],
            subtasks: Vec::new(),
            runs: vec![example_run()],
        };
        insta::assert_snapshot!(show(&Look::plain(), &answer));
    }

    /// Architecture decision 4: every wait has words.
    #[test]
    fn an_explanation() {
        let answer = ExplainTaskResponse {
            task: Some(reference("swift-falcon", TaskStatus::Ready)),
            sentence: "It waits for the account `max` until 05:04.".into(),
            reasons: vec![WaitReason {
                kind: WaitKind::AccountLimit.into(),
                text: "The five-hour window of `max` is used up.".into(),
                subject_id: "max".into(),
                until: Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() + 7200, nanos: 0 }),
            }],
            expected_at: None,
            ahead: 2,
        };
        insta::assert_snapshot!(explain(&Look::plain(), &answer));
        insta::assert_snapshot!(dependencies(&Look::plain(), &ListDependenciesResponse { task: answer.task, ..Default::default() }));
    }

    proptest! {
        /// I-49, rendering R2: no field of a task brings a control character to the terminal.
        #[test]
        fn details_are_clean(text in "(\\PC|\\pC|[\\x00-\\x9f]){0,60}") {
            let task = aq_proto::v1::Task { title: text.clone(), description: text.clone(), result_summary: text.clone(), model: text.clone(), waiting_for: text.clone(), test_commands: vec![text.clone()], question: Some(aq_proto::v1::Question { text: text.clone(), ..Default::default() }), ..example() };
            let other = TaskRef { id: text.clone(), title: text, status: 2 };
            let answer = GetTaskResponse { task: Some(task), dependencies: vec![other], ..Default::default() };
            let rendered = show(&Look::plain(), &answer);
            prop_assert!(!rendered.chars().any(|c| c != '\n' && clean::is_unsafe(c)), "{rendered:?}");
        }
    }
}
