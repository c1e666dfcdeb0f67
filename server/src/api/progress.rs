//! TaskService.ReportProgress: what agents say about how far they are, not too often.

use aq_proto::v1 as pb;
use tonic::Request;

use super::last_reports::SPACING_MS;
use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use crate::commands::{CommandError, Context, progress};
use crate::lifecycle::Tx;

impl Tasks {
    pub(super) async fn progress(&self, request: Request<pb::ReportProgressRequest>) -> Reply<pb::ReportProgressResponse> {
        let call = self.0.cleansed(self.0.admit(request)?).await?;
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
