//! Mutations have one effect for each `request_id`, however often they are sent (F-173, D-115).

use aq_core::principal::Principal;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use prost::Message;
use sha2::{Digest as _, Sha256};

use super::permissions::Call;
use super::status::ApiError;
use crate::store::requests::{self, RecordedRequest};
use crate::store::{Connection, StoreError};

/// Longest `request_id`, in bytes.
const MAX_REQUEST_ID: usize = 64;

/// How long answers are kept, in milliseconds.
pub const KEPT_MS: i64 = 24 * 3_600_000;

/// A request that changes something.
pub(super) trait Mutation: Call + Message + Clone {
    /// The field that names the request.
    fn request_id(&mut self) -> &mut String;

    /// Takes out what has no fixed encoding, in a fixed form: maps are encoded in no particular order.
    fn take_maps(&mut self) -> Vec<(String, String)> {
        Vec::new()
    }
}

macro_rules! mutations {
    ($($request:ident),+ $(,)?) => {$(
        impl Mutation for pb::$request {
            fn request_id(&mut self) -> &mut String {
                &mut self.request_id
            }
        }
    )+};
}

mutations!(
    CreateProjectRequest,
    UpdateProjectRequest,
    PauseProjectRequest,
    ResumeProjectRequest,
    DeleteProjectRequest,
    AddWorkspaceRequest,
    RemoveWorkspaceRequest,
    ReleaseWorkspaceRequest,
    CreateTaskRequest,
    BatchCreateTasksRequest,
    ProposeTaskRequest,
    ReportProgressRequest,
    AskHumanRequest,
    UpdateTaskRequest,
    SetTaskStatusRequest,
    AddDependencyRequest,
    RemoveDependencyRequest,
    StopTaskRequest,
    RestartTaskRequest,
    SkipTaskRequest,
    DeleteTaskRequest,
    ApproveTaskRequest,
    RejectTaskRequest,
    AnswerQuestionRequest,
    RevokePermissionGrantRequest,
    ApprovePlanRequest,
    RejectPlanRequest,
    CreatePlanRequest,
    SendMessageRequest,
    ArchiveTasksRequest,
    RestoreTaskRequest,
    PauseAgentRequest,
    ResumeAgentRequest,
    DeleteAgentRequest,
    CreateAccountRequest,
    UpdateAccountRequest,
    DeleteAccountRequest,
    SetBudgetRequest,
    PauseSchedulingRequest,
    ResumeSchedulingRequest,
    ShutdownRequest,
    CreateBackupRequest,
    CreateApiKeyRequest,
    RevokeApiKeyRequest,
    CreateBranchRequest,
    SwitchBranchRequest,
    CommitChangesRequest,
    MergeBranchRequest,
    PushBranchRequest,
    CreatePullRequestRequest,
    CreateRepairTaskRequest,
    WriteNoteRequest,
    AppendNoteRequest,
    DeleteNoteRequest,
    WritePromptRequest,
    DeletePromptRequest,
    CreateHookRequest,
    UpdateHookRequest,
    DeleteHookRequest,
    EnableHookRequest,
    DisableHookRequest,
    FireHookRequest,
    FireHookWebhookRequest,
);

fn sorted(profile: Option<&mut pb::RuntimeProfile>) -> Vec<(String, String)> {
    let mut env: Vec<_> = profile.map(|profile| std::mem::take(&mut profile.env)).unwrap_or_default().into_iter().collect();
    env.sort();
    env
}

impl Mutation for pb::CreateAgentRequest {
    fn request_id(&mut self) -> &mut String {
        &mut self.request_id
    }

    fn take_maps(&mut self) -> Vec<(String, String)> {
        sorted(self.profile.as_mut())
    }
}

impl Mutation for pb::UpdateAgentRequest {
    fn request_id(&mut self) -> &mut String {
        &mut self.request_id
    }

    fn take_maps(&mut self) -> Vec<(String, String)> {
        sorted(self.agent.as_mut().and_then(|agent| agent.profile.as_mut()))
    }
}

/// The identity of one mutation: who sent it under which name, and what it said.
pub(super) struct Ticket {
    principal: String,
    request_id: String,
    method: &'static str,
    fingerprint: String,
}

impl Ticket {
    /// The ticket of a request. A request without an id has one that never repeats anything.
    pub(super) fn of<Q: Mutation>(principal: &Principal, body: &Q) -> Result<Self, ApiError> {
        let mut bare = body.clone();
        let request_id = std::mem::take(bare.request_id());
        if request_id.len() > MAX_REQUEST_ID || !request_id.chars().all(|c| c.is_ascii_graphic()) {
            return Err(ApiError::invalid(
                "request_id",
                format!("must be up to {MAX_REQUEST_ID} visible ASCII characters, for example a UUID"),
            ));
        }
        let maps = bare.take_maps();
        let mut hasher = Sha256::new();
        hasher.update(bare.encode_to_vec());
        for (name, value) in maps {
            hasher.update([0]);
            hasher.update(name.as_bytes());
            hasher.update([0]);
            hasher.update(value.as_bytes());
        }
        let fingerprint = format!("{:x}", hasher.finalize());
        // Two people behind one gateway do not share their requests.
        let principal = match &principal.on_behalf_of {
            Some(person) => format!("{}/{person}", principal.key_id),
            None => principal.key_id.clone(),
        };
        Ok(Self { principal, request_id, method: Q::PATH, fingerprint })
    }

    /// The answer that was given to this very request; `None` when it is new.
    pub(super) fn replay<R: Message + Default>(&self, db: &mut Connection) -> Result<Option<R>, ApiError> {
        if self.request_id.is_empty() {
            return Ok(None);
        }
        let Some(recorded) = requests::lookup(db, &self.principal, &self.request_id)? else { return Ok(None) };
        if recorded.method != self.method || recorded.fingerprint != self.fingerprint {
            return Err(ApiError::RequestIdReused(self.request_id.clone()));
        }
        let answer = R::decode(recorded.response.as_slice())
            .map_err(|error| StoreError::Corrupt { column: "requests.response", found: error.to_string() })?;
        Ok(Some(answer))
    }

    /// Keeps the answer, in the transaction of the effect.
    pub(super) fn record(&self, db: &mut Connection, answer: Vec<u8>, now: Timestamp) -> Result<(), ApiError> {
        if self.request_id.is_empty() {
            return Ok(());
        }
        let recorded = RecordedRequest { method: self.method.to_owned(), fingerprint: self.fingerprint.clone(), response: answer };
        Ok(requests::insert(db, &self.principal, &self.request_id, &recorded, now)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print<Q: Mutation>(body: &Q) -> String {
        Ticket::of(&Principal::server(), body).unwrap().fingerprint
    }

    /// Api R5: the fingerprint depends on what is asked and on nothing else.
    #[test]
    fn fingerprints_follow_the_content() {
        let task = |title: &str, id: &str| pb::CreateTaskRequest { title: title.into(), request_id: id.into(), ..Default::default() };
        assert_eq!(print(&task("a", "1")), print(&task("a", "2")));
        assert_ne!(print(&task("a", "1")), print(&task("b", "1")));
        let env = |order: &[usize]| {
            let env = order.iter().map(|n| (format!("V{n}"), n.to_string())).collect();
            pb::CreateAgentRequest { profile: Some(pb::RuntimeProfile { env, ..Default::default() }), ..Default::default() }
        };
        let (forth, back): (Vec<_>, Vec<_>) = ((0..50).collect(), (0..50).rev().collect());
        assert_eq!(print(&env(&forth)), print(&env(&back)));
        assert_ne!(print(&env(&forth)), print(&env(&[1])));
    }

    /// Api R5.
    #[test]
    fn odd_request_ids_are_refused() {
        for bad in ["a b", "ä", "\n", &"x".repeat(65)] {
            let body = pb::PauseProjectRequest { request_id: bad.to_owned(), ..Default::default() };
            assert!(Ticket::of(&Principal::server(), &body).is_err(), "{bad:?}");
        }
    }
}
