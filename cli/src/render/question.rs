//! Questions of agents.

use aq_proto::v1::{ListQuestionsResponse, PendingQuestion, Question, QuestionKind};

use super::time;
use crate::clean;
use crate::look::{Look, Tone};

/// The question with its choices, as foreign text that is not cleaned yet.
#[must_use]
pub(crate) fn text(question: &Question) -> String {
    let mut lines = Vec::new();
    match QuestionKind::try_from(question.kind) {
        // Most runtimes ask in whole sentences already.
        Ok(QuestionKind::Permission) if question.text.starts_with("May ") => lines.push(question.text.clone()),
        Ok(QuestionKind::Permission) => lines.push(format!("May {} be used? {}", question.tool, question.text).trim_end().to_owned()),
        Ok(QuestionKind::PlanApproval) => lines.push(format!("Is this plan accepted? {}", question.text).trim_end().to_owned()),
        _ => lines.push(question.text.clone()),
    }
    if !question.detail.is_empty() {
        lines.push(question.detail.clone());
    }
    for option in &question.options {
        let description = if option.description.is_empty() { String::new() } else { format!(": {}", option.description) };
        lines.push(format!("- {}{description}", option.label));
    }
    lines.join("\n")
}

/// The command that answers it.
#[must_use]
pub(crate) fn command(task_id: &str, question: &Question) -> String {
    let task_id = clean::line(task_id);
    match QuestionKind::try_from(question.kind) {
        Ok(QuestionKind::Permission | QuestionKind::PlanApproval) => format!("aqctl answer {task_id} --allow  (or --deny REASON)"),
        _ => format!("aqctl answer {task_id} TEXT"),
    }
}

/// What happens at the deadline, in words.
fn default(action: &str) -> &str {
    match action {
        "deny" => "denied, when nobody answers",
        "pause" | "wait" => "the agent is freed, when nobody answers; the task waits",
        other => other,
    }
}

fn one(look: &Look, pending: &PendingQuestion) -> String {
    let asked = pending.question.clone().unwrap_or_default();
    let age = time::relative(look, pending.asked_at.as_ref());
    let head = clean::line(&format!("{}/{}  {}", pending.task_id, pending.run_number, pending.title));
    let from = clean::line(&format!("{} {}", pending.agent_id, age));
    let body: Vec<String> = clean::block(&text(&asked)).lines().map(|line| format!("  {line}")).collect();
    let answer = look.paint(Tone::Dim, &format!("  → {}", command(&pending.task_id, &asked)));
    let answer = match &pending.deadline {
        None => answer,
        Some(at) => {
            let until = clean::line(&format!("  {}: {}", time::relative(look, Some(at)), default(&pending.default_action)));
            format!("{}\n{answer}", look.paint(Tone::Dim, &until))
        }
    };
    format!("{}  {}\n{}\n{answer}", look.paint(Tone::Strong, &head), look.paint(Tone::Dim, &from), body.join("\n"))
}

/// The questions that wait, oldest first.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListQuestionsResponse) -> String {
    page.questions.iter().map(|pending| one(look, pending)).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::QuestionOption;

    use super::*;

    /// F-237: questions with their choices and the command that answers.
    #[test]
    fn waiting_questions() {
        let at = Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() - 300, nanos: 0 });
        let choice = Question {
            question_id: "q1".into(),
            kind: QuestionKind::Question.into(),
            text: "Which database?".into(),
            options: vec![
                QuestionOption { label: "sqlite".into(), description: "one file".into() },
                QuestionOption { label: "postgres".into(), description: String::new() },
            ],
            ..Default::default()
        };
        let permission = Question {
            kind: QuestionKind::Permission.into(),
            tool: "Bash".into(),
            detail: "{\"command\":\"rm -rf \u{1b}[8mbuild\"}".into(),
            ..Default::default()
        };
        let pending = |task: &str, question| PendingQuestion {
            task_id: task.into(),
            title: "Add a login page".into(),
            run_number: 2,
            agent_id: "orion".into(),
            question: Some(question),
            asked_at: at,
            deadline: (task == "calm-river").then(|| prost_types::Timestamp { seconds: Look::plain().now.as_second() + 7200, nanos: 0 }),
            default_action: "deny".into(),
            ..Default::default()
        };
        let page = ListQuestionsResponse {
            questions: vec![pending("swift-falcon", choice), pending("calm-river", permission)],
            ..Default::default()
        };
        insta::assert_snapshot!(list(&Look::plain(), &page));
    }

    /// F-237: a question that comes as a whole sentence is not asked twice.
    #[test]
    fn a_permission_is_asked_once() {
        let permission =
            |words: &str| Question { kind: QuestionKind::Permission.into(), tool: "Bash".into(), text: words.into(), ..Default::default() };
        assert_eq!(text(&permission("May Bash be used? ls")), "May Bash be used? ls");
        assert_eq!(text(&permission("ls")), "May Bash be used? ls");
        assert_eq!(text(&permission("")), "May Bash be used?");
    }
}
