//! Who waits behind whom and cannot go on.

use aq_proto::v1::{GetChainHealthResponse, StuckChain};

use super::sheet::Sheet;
use super::{amount, task, time};
use crate::look::{Look, Tone};

/// The health of chains: one sentence, then each stuck chain with its cause.
#[must_use]
pub(crate) fn health(look: &Look, answer: &GetChainHealthResponse) -> String {
    let healthy = answer.chains.is_empty();
    let mut text = look.paint(if healthy { Tone::Good } else { Tone::Bad }, &crate::clean::line(&answer.summary));
    for chain in &answer.chains {
        text.push_str("\n\n");
        text.push_str(&one(look, chain));
    }
    let shown = u32::try_from(answer.chains.len()).unwrap_or(u32::MAX);
    if shown < answer.total_chains {
        text.push_str("\n\nand ");
        text.push_str(&amount::count(u64::from(answer.total_chains - shown), "more chain"));
    }
    text
}

fn one(look: &Look, chain: &StuckChain) -> String {
    let root = chain.task.clone().unwrap_or_default();
    let plain = Look { color: false, ..look.clone() };
    let mut sheet = Sheet::new(look, &task::reference(&plain, &root));
    sheet.field("project", &chain.project_id);
    sheet.toned("cause", &chain.cause, Tone::Warn);
    sheet.field("since", time::both(look, chain.since.as_ref()));
    sheet.field("archived", if chain.archived { "yes; restore it first" } else { "" });
    let heading = format!("Holds up {}", amount::count(chain.stuck_count.into(), "task"));
    sheet.table(&heading, &chain.stuck.iter().map(|stuck| task::reference(look, stuck)).collect::<Vec<_>>().join("\n"));
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::{BlockReason, TaskRef, TaskStatus};

    use super::*;

    fn reference(id: &str, status: TaskStatus) -> TaskRef {
        TaskRef { id: id.into(), title: format!("Title of {id}"), status: status.into() }
    }

    /// F-161: the cause in words, and who waits.
    #[test]
    fn stuck_and_healthy_chains() {
        let chain = StuckChain {
            task: Some(reference("bold-lake", TaskStatus::Blocked)),
            project_id: "web".into(),
            block_reason: BlockReason::RetriesExhausted.into(),
            cause: "Is blocked (retries_exhausted): read the last failure, then restart or skip the task.".into(),
            since: Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() - 7200, nanos: 0 }),
            archived: true,
            stuck: vec![reference("calm-river", TaskStatus::Defined), reference("swift-falcon", TaskStatus::Defined)],
            stuck_count: 3,
        };
        let summary = "1 blocked or failed task holds up 3 tasks.".to_owned();
        let answer = GetChainHealthResponse { summary, chains: vec![chain], total_chains: 2, total_stuck: 3, task: None };
        insta::assert_snapshot!(health(&Look::plain(), &answer));
        let healthy = GetChainHealthResponse { summary: "No chain is stuck.".into(), ..Default::default() };
        assert_eq!(health(&Look::plain(), &healthy), "No chain is stuck.");
    }
}
