//! TaskService.ReportProgress: what agents say about how far they are, not too often.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use tonic::Request;

use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use crate::commands::{CommandError, Context, progress};
use crate::lifecycle::Tx;

/// Shortest time between two reports of a run, in milliseconds.
const SPACING_MS: i64 = 5_000;
/// Runs that are remembered before the old ones are forgotten.
const REMEMBERED: usize = 1_024;

/// When each run reported last. Not stored: after a start of the server everybody may report again.
#[derive(Clone, Default)]
pub(super) struct LastReports(Arc<Mutex<BTreeMap<String, Timestamp>>>);

impl LastReports {
    fn is_too_soon(&self, who: &str, now: Timestamp) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(who).is_some_and(|at| (0..SPACING_MS).contains(&now.millis_since(*at)))
    }

    fn note(&self, who: String, now: Timestamp) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= REMEMBERED {
            last.retain(|_, at| (0..SPACING_MS).contains(&now.millis_since(*at)));
        }
        last.insert(who, now);
    }
}

impl Tasks {
    pub(super) async fn progress(&self, request: Request<pb::ReportProgressRequest>) -> Reply<pb::ReportProgressResponse> {
        let call = self.0.admit(request)?;
        let text = progress::check(&call.body.text).map_err(ApiError::from)?;
        let (who, now, last) = (call.context.actor(), call.context.now, self.0.last_reports.clone());
        let (asked, gate) = (who.clone(), last.clone());
        let report = move |tx: &mut Tx<'_>, context: &Context| {
            if gate.is_too_soon(&asked, now) {
                let wait = SPACING_MS / 1000;
                let message = format!("the last report is less than {wait} seconds old; work on, and report what matters");
                return Err(CommandError::precondition("REPORTED_JUST_NOW", message).into());
            }
            progress::report(tx, context, &text)?;
            Ok(pb::ReportProgressResponse {}.into())
        };
        let answer = self.0.mutate(&call.context, &call.body, report).await?;
        last.note(who, now);
        Ok(answer)
    }
}
