//! What came out of a task, and why it failed (F-162).

use aq_proto::v1::{BlockReason, FailureClass, GetTaskErrorResponse, GetTaskResultResponse, TaskStatus};

use super::run;
use super::sheet::Sheet;
use crate::look::{Look, Tone};
use crate::words;

/// What came out of a task.
#[must_use]
pub(crate) fn result(look: &Look, result: &GetTaskResultResponse) -> String {
    let newest = result.run.clone().unwrap_or_default();
    let mut sheet = Sheet::new(look, &format!("{}/{}", newest.task_id, newest.number));
    sheet.field("task", words::upper::<TaskStatus>(result.task_status)).field("run", run::state(&newest));
    sheet.field("commit", &newest.commit).field("branch", &newest.branch);
    sheet.text("Summary", &result.summary);
    sheet.list("Files changed", &result.files_changed);
    sheet.finish()
}

/// Why a task failed last.
#[must_use]
pub(crate) fn error(look: &Look, error: &GetTaskErrorResponse) -> String {
    let failed = error.run.clone().unwrap_or_default();
    let mut sheet = Sheet::new(look, &format!("{}/{}", failed.task_id, failed.number));
    let class = words::phrase::<FailureClass>(error.failure_class);
    sheet.toned("failure", if class.is_empty() { "not landed".to_owned() } else { class }, Tone::Bad);
    sheet.field("task", words::upper::<TaskStatus>(error.task_status));
    sheet.field("blocked by", words::phrase::<BlockReason>(error.block_reason));
    sheet.field("tries", format!("{} of {} failed", error.retry_count, error.max_retries.max(1)));
    sheet.toned("what helps", &error.hint, Tone::Warn);
    sheet.text("Message", &error.message);
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::run::tests::example;

    /// F-162: a result, and a failure with its class and what helps.
    #[test]
    fn outcomes() {
        let look = Look::plain();
        let done = GetTaskResultResponse {
            task_status: TaskStatus::Completed.into(),
            run: Some(example()),
            summary: "Did it.\nAll of it.".into(),
            files_changed: vec!["a.rs".into()],
        };
        insta::assert_snapshot!(result(&look, &done));
        let failed = GetTaskErrorResponse {
            task_status: TaskStatus::Blocked.into(),
            run: Some(example()),
            failure_class: FailureClass::Verification.into(),
            message: "`cargo test` ended with exit code 101".into(),
            hint: "read what the check said".into(),
            retry_count: 3,
            max_retries: 3,
            block_reason: BlockReason::RetriesExhausted.into(),
        };
        insta::assert_snapshot!(error(&look, &failed));
    }
}
