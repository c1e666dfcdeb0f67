//! Plans and the tasks that they become.

use aq_proto::v1::{CreatePlanResponse, GetPlanResponse, ListPlansResponse, PlanReading, PlanSource, PlanState, PlanStep};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::time;
use crate::look::{Look, Tone};
use crate::words;

/// A page of plans.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListPlansResponse) -> String {
    table(
        look,
        &["ID", "STATE", "STEPS", "TASK", "PROJECT", "AGE", "TITLE"],
        page.plans.iter().map(|plan| {
            let waits = plan.state() == PlanState::Proposed;
            vec![
                Cell::new(&plan.id),
                Cell::new(words::upper::<PlanState>(plan.state)).tone(if waits { Tone::Warn } else { Tone::Plain }),
                Cell::number(plan.step_count.to_string()),
                Cell::new(&plan.task_id),
                Cell::new(&plan.project_id),
                Cell::new(time::relative(look, plan.created_at.as_ref())),
                Cell::new(&plan.title),
            ]
        }),
    )
}

fn step(number: usize, step: &PlanStep) -> String {
    let waits = match step.after {
        0 => String::new(),
        after => format!(", after {after}"),
    };
    let approval = if step.requires_approval { ", needs approval" } else { "" };
    format!("{number}. {} (priority {}{waits}{approval})", step.title, step.priority)
}

fn put_reading(sheet: &mut Sheet<'_>, reading: &PlanReading) {
    sheet.list("Steps", reading.steps.iter().enumerate().map(|(index, one)| step(index + 1, one)));
    sheet.list("Beyond the limit, no tasks", &reading.dropped);
    sheet.list("Left out", &reading.left_out);
    sheet.list("Worth knowing", &reading.warnings);
}

/// One plan with everything.
#[must_use]
pub(crate) fn show(look: &Look, answer: &GetPlanResponse) -> String {
    let (plan, reading) = (answer.plan.clone().unwrap_or_default(), answer.reading.clone().unwrap_or_default());
    let mut sheet = Sheet::new(look, &format!("{}  {}", plan.id, plan.title));
    sheet.field("state", words::upper::<PlanState>(plan.state));
    sheet.field("source", words::phrase::<PlanSource>(plan.source));
    sheet.field("project", &plan.project_id).field("task", &plan.task_id);
    sheet.field("file", &plan.path).field("kept in", &plan.archive_path);
    sheet.field("found", time::both(look, plan.created_at.as_ref()));
    sheet.field("decided by", &plan.decided_by).field("decided", time::both(look, plan.decided_at.as_ref()));
    sheet.field("became", plan.task_ids.join(", "));
    sheet.text("Feedback", &plan.feedback);
    put_reading(&mut sheet, &reading);
    sheet.text("Text", &answer.text);
    if plan.state() == PlanState::Proposed {
        sheet.text("Next", &format!("aqctl plan approve {0}\naqctl plan reject {0} FEEDBACK", plan.id));
    }
    sheet.finish()
}

/// What a plan would become.
#[must_use]
pub(crate) fn preview(look: &Look, answer: &CreatePlanResponse) -> String {
    let reading = answer.reading.clone().unwrap_or_default();
    let mut sheet = Sheet::new(look, &format!("{} tasks; nothing was created", reading.steps.len()));
    sheet.field("read by", reading.strategy.replace('_', " "));
    sheet.field("quality", format!("{:.0}%", reading.quality_score * 100.0));
    sheet.field("advice", &reading.recommendation);
    put_reading(&mut sheet, &reading);
    for (index, one) in reading.steps.iter().enumerate() {
        sheet.text(&format!("Task {}", index + 1), &one.description);
    }
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::Plan;

    use super::*;

    fn reading() -> PlanReading {
        let one = |title: &str, after, requires_approval| PlanStep {
            title: title.into(),
            description: format!("**{title}**\n\n## Task Details\nDo {title}."),
            priority: 100 + i32::try_from(after).unwrap(),
            requires_approval,
            after,
        };
        PlanReading {
            steps: vec![one("Add the form", 0, false), one("Test \u{1b}[8mit", 1, true)],
            dropped: vec!["Polish".into()],
            left_out: vec!["Overview".into()],
            strategy: "headings".into(),
            quality_score: 0.9,
            recommendation: "It can be split into tasks.".into(),
            ..Default::default()
        }
    }

    /// Plans in a list, in detail, and before they exist.
    #[test]
    fn plans() {
        let look = Look::plain();
        let plan = Plan {
            id: "plan-1234".into(),
            project_id: "web".into(),
            task_id: "swift-falcon".into(),
            state: PlanState::Proposed.into(),
            source: PlanSource::File.into(),
            title: "Plan the login".into(),
            path: ".aq/plan.md".into(),
            step_count: 2,
            created_at: Some(prost_types::Timestamp { seconds: look.now.as_second() - 300, nanos: 0 }),
            ..Default::default()
        };
        insta::assert_snapshot!("list", list(&look, &ListPlansResponse { plans: vec![plan.clone()], ..Default::default() }));
        let whole = GetPlanResponse { plan: Some(plan), text: "## Phase 1: Add the form\n\nDo it.".into(), reading: Some(reading()) };
        insta::assert_snapshot!("show", show(&look, &whole));
        insta::assert_snapshot!("preview", preview(&look, &CreatePlanResponse { reading: Some(reading()), ..Default::default() }));
    }
}
