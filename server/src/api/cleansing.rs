//! What an agent writes through calls loses its secrets before it is stored or shown, as the output of its run does.
//!
//! What is secret for a run lives in `orchestrator::secrets`; how secrets are found, in the runner's redactor.
//!
//! Spec: specs/server/mcp.md

use std::borrow::Cow;
use std::sync::Arc;

use aq_proto::v1 as pb;
use aq_runner::redact::Redactor;

use super::idempotency::Mutation;
use super::service::{Admitted, Api};
use super::status::ApiError;
use crate::commands::CommandError;
use crate::orchestrator::RunSecrets;

/// A request that holds words of whoever makes it.
pub(super) trait Written: Mutation {
    /// The words.
    fn words(&mut self) -> Vec<&mut String>;
}

macro_rules! written {
    ($($request:ident { $($text:ident)* $(, all $list:ident)? })+) => {$(
        impl Written for pb::$request {
            fn words(&mut self) -> Vec<&mut String> {
                [$(&mut self.$text),*].into_iter()$(.chain(&mut self.$list))?.collect()
            }
        }
    )+};
}

written! {
    AskHumanRequest { question, all options }
    ProposeTaskRequest { title description }
    ReportProgressRequest { text }
    WriteNoteRequest { title content }
    AppendNoteRequest { title text }
}

impl Api {
    /// The call; without secrets in its words where an agent makes it (mcp R18).
    ///
    /// # Errors
    /// When it cannot be found out what is secret.
    pub(super) async fn cleansed<Q: Written + 'static>(&self, mut call: Admitted<Q>) -> Result<Admitted<Q>, ApiError> {
        let Some(run) = call.context.principal.run.clone() else { return Ok(call) };
        let policy = Arc::clone(&self.parts.policy);
        let secrets = self.turn(&call.context).look(move |seen| Ok::<_, ApiError>(RunSecrets::of(seen.figures, &policy, &run))).await?;
        let credentials = self.parts.policy.credentials.clone();
        // A provider key may lie in a file, and many secrets take a moment to be made one search.
        let cleanse = move || {
            let redactor = Redactor::new(&secrets.read(&credentials)).map_err(|error| error.to_string())?;
            for words in call.body.words() {
                if let Cow::Owned(clean) = redactor.redact(words) {
                    *words = clean;
                }
            }
            Ok(call)
        };
        let cleansed = tokio::task::spawn_blocking(cleanse).await.map_err(|error| error.to_string()).flatten();
        cleansed.map_err(|error: String| CommandError::Internal(format!("what an agent wrote could not be redacted: {error}")).into())
    }
}
