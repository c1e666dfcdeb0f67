//! What the agents said: every item once and in order, whatever happened to the server meanwhile; the last words by the run that succeeded.

use std::collections::BTreeMap;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use pb::output_item::Body;
use pb::stream_run_output_response::Event;

use super::books::Books;
use super::calls::insist;
use super::figures::Figures;

/// Reads back the output of every task that ended since the last look.
pub(crate) async fn look(connection: &Connection, runs: &[pb::Run], books: &mut Books, figures: &mut Figures) -> Result<(), String> {
    let mut by_task: BTreeMap<&str, Vec<&pb::Run>> = BTreeMap::new();
    for run in runs {
        by_task.entry(&run.task_id).or_default().push(run);
    }
    for known in books.known.values_mut().filter(|known| !known.read) {
        known.read = true;
        let mut own = by_task.remove(known.id.as_str()).unwrap_or_default();
        own.sort_unstable_by_key(|run| run.number);
        let mut after_a_loss = false;
        for run in own {
            let ends = one(connection, run, &known.wanted.key, figures).await?;
            let succeeded = run.outcome() == pb::RunOutcome::Succeeded;
            // A run after a lost one goes on in its session, in which they may have been said and lost with the shim.
            let least = usize::from(succeeded && !after_a_loss);
            let most = usize::from(succeeded || books.strikes.explain(run));
            if !(least..=most).contains(&ends) {
                let (key, id, number) = (&known.wanted.key, &known.id, run.number);
                figures.violation(format!("the last words of {key} ({id}) were said {ends} times by its run {number}"));
            }
            after_a_loss = run.failure_class() == pb::FailureClass::Lost;
        }
    }
    Ok(())
}

/// Reads one run back and counts how often its last words were said.
async fn one(connection: &Connection, run: &pb::Run, key: &str, figures: &mut Figures) -> Result<usize, String> {
    let name = format!("run {} of {key} ({})", run.number, run.task_id);
    let request = pb::StreamRunOutputRequest { task_id: run.task_id.clone(), run_number: run.number, ..Default::default() };
    let mut stream = insist("the output", || {
        let (mut runs, request) = (connection.runs(), request.clone());
        async move { runs.stream_run_output(request).await }
    })
    .await?;
    let (mut last, mut begins, mut ends, mut ended) = (0_u64, 0_usize, 0_usize, false);
    let (begin, end) = (format!("begin {key}"), format!("end {key}"));
    loop {
        let message = match stream.message().await {
            Ok(Some(message)) => message,
            Ok(None) => break,
            Err(status) => return Err(format!("the output of {name} broke off: {}", status.message())),
        };
        match message.event {
            Some(Event::Item(item)) => {
                if item.seq != last + 1 {
                    figures.violation(format!("in {name}, item {} follows item {last}", item.seq));
                }
                last = item.seq;
                figures.items += 1;
                if let Some(Body::Text(text)) = &item.body {
                    begins += usize::from(text.text.trim() == begin);
                    ends += usize::from(text.text.trim() == end);
                }
            }
            Some(Event::Gap(gap)) => {
                figures.violation(format!("in {name}, items {} to {} are missing: {}", gap.from_seq, gap.to_seq, gap.reason));
            }
            Some(Event::End(_)) => ended = true,
            _ => {}
        }
    }
    if !ended {
        figures.violation(format!("the output of {name} has no end"));
    }
    if last != run.last_seq {
        figures.violation(format!("{name} has {last} items and counts {}", run.last_seq));
    }
    if begins > 1 {
        figures.violation(format!("the first words of {name} were said {begins} times"));
    }
    Ok(ends)
}
