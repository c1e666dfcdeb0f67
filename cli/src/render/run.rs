//! Runs: the attempts of a task.

use aq_proto::v1::{FailureClass, ListRunsResponse, Run, RunOutcome, RunState, Runtime};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::{amount, time, tone};
use crate::look::Look;
use crate::words;

/// Where a run stands, or how it ended: `RUNNING`, `FAILED (timeout)`.
#[must_use]
pub(crate) fn state(run: &Run) -> String {
    if run.outcome == 0 {
        return words::upper::<RunState>(run.state);
    }
    let outcome = words::upper::<RunOutcome>(run.outcome);
    match words::phrase::<FailureClass>(run.failure_class) {
        class if class.is_empty() => outcome,
        class => format!("{outcome} ({class})"),
    }
}

/// A page of runs.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListRunsResponse) -> String {
    rows(look, &page.runs)
}

/// Runs as a table; empty text for none.
#[must_use]
pub(crate) fn rows(look: &Look, runs: &[Run]) -> String {
    table(
        look,
        &["RUN", "STATE", "AGENT", "STARTED", "TOOK", "TOKENS", "COST", "MESSAGE"],
        runs.iter().map(|run| {
            vec![
                Cell::new(format!("{}/{}", run.task_id, run.number)),
                Cell::new(state(run)).tone(tone::run(run.state, run.outcome)),
                Cell::new(&run.agent_id),
                Cell::new(time::relative(look, run.started_at.as_ref())),
                Cell::new(time::span(look, run.started_at.as_ref(), run.ended_at.as_ref())),
                Cell::number(run.usage.as_ref().map(|usage| amount::tokens(amount::total(usage))).unwrap_or_default()),
                Cell::number(amount::money(run.cost_micros)),
                Cell::new(run.message.lines().next().unwrap_or_default()),
            ]
        }),
    )
}

/// One run with everything.
#[must_use]
pub(crate) fn show(look: &Look, run: &Run) -> String {
    let mut sheet = Sheet::new(look, &format!("{}/{}", run.task_id, run.number));
    sheet.toned("state", state(run), tone::run(run.state, run.outcome));
    sheet.field("project", &run.project_id).field("agent", &run.agent_id).field("runtime", words::phrase::<Runtime>(run.runtime));
    sheet.field("model", &run.model).field("account", &run.account_id).field("workspace", &run.workspace_id);
    sheet.field("session", &run.session_id).field("directory", &run.directory).field("branch", &run.branch);
    sheet.field("base commit", &run.base_commit).field("commit", &run.commit);
    sheet.field("pushed", if run.pushed { "yes" } else { "" });
    sheet.field("exit code", run.exit_code.map(|code| code.to_string()).unwrap_or_default());
    sheet.field("tokens", amount::usage(run.usage.as_ref())).field("cost", amount::money(run.cost_micros));
    sheet.field("output items", run.last_seq.to_string());
    sheet.field("created", time::both(look, run.created_at.as_ref()));
    sheet.field("started", time::both(look, run.started_at.as_ref()));
    sheet.field("ended", time::both(look, run.ended_at.as_ref()));
    sheet.field("took", time::span(look, run.started_at.as_ref(), run.ended_at.as_ref()));
    sheet.text("Message", &run.message);
    sheet.list("Files changed", &run.files_changed);
    sheet.finish()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn example() -> Run {
        let now = Look::plain().now.as_second();
        let at = |before: i64| Some(prost_types::Timestamp { seconds: now - before, nanos: 0 });
        Run {
            task_id: "swift-falcon".into(),
            number: 1,
            project_id: "web".into(),
            agent_id: "orion".into(),
            runtime: Runtime::Claude.into(),
            state: RunState::Ended.into(),
            outcome: RunOutcome::Failed.into(),
            failure_class: FailureClass::Timeout.into(),
            message: "Took longer than 1h.\nRaise the limit.".into(),
            exit_code: Some(137),
            files_changed: vec!["src/login.rs".into()],
            usage: Some(aq_proto::v1::TokenUsage { input: 5_000, output: 1_000, ..Default::default() }),
            last_seq: 42,
            created_at: at(7200),
            started_at: at(7190),
            ended_at: at(3590),
            ..Default::default()
        }
    }

    /// F-237: runs as a table and in detail.
    #[test]
    fn runs() {
        let running = Run { number: 2, state: RunState::Running.into(), outcome: 0, failure_class: 0, ended_at: None, ..example() };
        insta::assert_snapshot!(list(&Look::plain(), &ListRunsResponse { runs: vec![running, example()], ..Default::default() }));
        insta::assert_snapshot!(show(&Look::plain(), &example()));
    }
}
