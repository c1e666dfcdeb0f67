//! AdminService.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aq_core::principal::{ProjectScope, Role};
use aq_core::runtime::RuntimeKind;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use pb::admin_service_server::AdminService;
use tonic::Request;

use super::convert;
use super::incoming::{length, member, optional_project, project_ids, short};
use super::page::Page;
use super::service::{Api, Done};
use super::status::{ApiError, Reply};
use super::views;
use crate::commands::{Context, check, keys, system};
use crate::lifecycle::{Figures, Tx};
use crate::store::{api_keys, new_key, questions, tasks};

/// Tasks told in each list of a status.
const LISTED: usize = 50;
/// How long a key works when nobody says, and at most, in days.
const LIFETIME_DAYS: (i64, i64) = (90, 366);
/// Longest grace of a shutdown.
const LONGEST_GRACE: Duration = Duration::from_secs(600);

/// Parts of the finished tasks, newest first, that CheckInvariants looks through: 100,000 tasks and their runs (api C-13).
const HISTORY: usize = 500;

/// The service.
pub(super) struct Admin(pub(super) Api);

/// What the figures say of everything that the caller sees.
struct Overview {
    paused: bool,
    projects: usize,
    counts: BTreeMap<TaskStatus, u64>,
    running: Vec<i64>,
    ready: Vec<i64>,
    holds: Vec<String>,
}

fn overview(figures: &Figures, scope: &ProjectScope, now: Timestamp) -> Overview {
    let seen: Vec<_> = figures.projects.values().filter(|hot| scope.covers(&hot.project.id)).collect();
    let mut counts: BTreeMap<TaskStatus, u64> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    for hot in &seen {
        for (status, count) in &hot.counts {
            *counts.entry(*status).or_default() += count;
        }
        ready.extend(hot.ready.values().flat_map(|lane| lane.iter().take(LISTED).copied()));
    }
    let mut open: Vec<_> = figures.runs.iter().filter(|(_, run)| scope.covers(&run.project)).collect();
    open.sort_by_key(|(key, run)| (run.since, **key));
    let mut holds = Vec::new();
    if figures.paused {
        holds.push("scheduling is paused; resume it".to_owned());
    }
    holds.extend(figures.degraded.values().cloned());
    for account in figures.accounts.values() {
        if let Some(until) = account.closed_until(now) {
            holds.push(format!("account `{}` reached its limit; it opens again at {until}", account.id));
        }
    }
    Overview {
        paused: figures.paused,
        projects: seen.len(),
        counts,
        running: open.into_iter().take(LISTED).map(|(key, _)| *key).collect(),
        ready: ready.into_iter().take(LISTED).map(|(_, key)| key).collect(),
        holds,
    }
}

impl Admin {
    fn info(&self, now: Timestamp, role: Role) -> pb::ServerInfo {
        let facts = &self.0.parts.facts;
        let up = u64::try_from(now.millis_since(facts.started_at)).unwrap_or(0);
        pb::ServerInfo {
            version: facts.version.clone(),
            api_version: "agentqueue.v1".to_owned(),
            started_at: Some(convert::timestamp(facts.started_at)),
            uptime: Some(aq_proto::time::duration(Duration::from_millis(up))),
            sandbox: facts.sandbox.clone(),
            database: facts.database.clone(),
            // Where things lie on the server's machine concerns those who work on it.
            home: if role == Role::Admin { facts.home.to_string_lossy().into_owned() } else { String::new() },
            runtimes: RuntimeKind::ALL.iter().map(|kind| convert::runtime(Some(*kind))).collect(),
            ready: self.0.is_ready(),
            time: Some(convert::timestamp(now)),
        }
    }

    async fn status(&self, context: &Context, scope: ProjectScope) -> Result<pb::SystemStatus, ApiError> {
        let (now, limit) = (context.now, scope.clone());
        let seen = self.0.turn(context).look(move |seen| Ok(overview(seen.figures, &limit, now))).await?;
        let (running, ready, limit) = (seen.running.clone(), seen.ready.clone(), scope.clone());
        let (running, ready, open) = self
            .0
            .turn(context)
            .read(move |db| {
                let mut drawn = Vec::new();
                for keys in [&running, &ready] {
                    let mut by_key = tasks::shown_by_key(db, keys)?;
                    let mut records: Vec<_> = keys.iter().filter_map(|key| by_key.remove(key)).collect();
                    // A status is an overview: whole instructions are read with GetTask.
                    records.iter_mut().for_each(|record| record.task.description.clear());
                    drawn.push(views::gather(db, records)?);
                }
                let ready = drawn.pop().unwrap_or_default();
                let running = drawn.pop().unwrap_or_default();
                let asked: BTreeSet<i64> = questions::open(db)?.iter().map(|question| question.task_key).collect();
                let asked: Vec<i64> = asked.into_iter().collect();
                let waiting = tasks::shown_by_key(db, &asked)?;
                let open = waiting.values().filter(|record| record.deleted_at.is_none() && limit.covers(&record.task.project)).count();
                Ok((running, ready, open))
            })
            .await?;
        Ok(pb::SystemStatus {
            server: Some(self.info(now, context.principal.role)),
            scheduling_paused: seen.paused,
            project_count: u32::try_from(seen.projects).unwrap_or(u32::MAX),
            task_counts: convert::status_counts(&seen.counts),
            task_total: seen.counts.values().sum(),
            agents: self.0.show_agents(context, &scope, None).await?,
            running: self.0.show(context, running).await?,
            ready: self.0.show(context, ready).await?,
            question_count: u32::try_from(open).unwrap_or(u32::MAX),
            approval_count: seen.counts.get(&TaskStatus::AwaitingApproval).map_or(0, |count| u32::try_from(*count).unwrap_or(u32::MAX)),
            holds: seen.holds,
        })
    }

    /// Pauses or resumes. The recorded answer is small; the status told is the present one.
    async fn set_paused<Q: super::idempotency::Mutation>(
        &self,
        context: &Context,
        body: &Q,
        paused: bool,
        reason: String,
    ) -> Reply<pb::SystemStatus> {
        let set = move |tx: &mut Tx<'_>, context: &Context| {
            system::set_paused(tx, context, paused, &reason)?;
            Ok(pb::SystemStatus { scheduling_paused: paused, ..Default::default() }.into())
        };
        self.0.carry_out(context, body, set).await?;
        Ok(tonic::Response::new(self.status(context, context.principal.projects.clone()).await?))
    }
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn get_status(&self, request: Request<pb::GetStatusRequest>) -> Reply<pb::SystemStatus> {
        let call = self.0.admit(request)?;
        let scope = match optional_project("project_id", &call.body.project_id)? {
            None => call.context.principal.projects.clone(),
            Some(id) => {
                call.context.sees(&id, "project", id.as_str()).map_err(ApiError::from)?;
                let wanted = id.clone();
                let known = self.0.turn(&call.context).look(move |seen| Ok(seen.figures.projects.contains_key(&wanted))).await?;
                if !known {
                    return Err(ApiError::not_found("project", id.as_str()).into());
                }
                ProjectScope::Only(BTreeSet::from([id]))
            }
        };
        Ok(tonic::Response::new(self.status(&call.context, scope).await?))
    }

    async fn get_server_info(&self, request: Request<pb::GetServerInfoRequest>) -> Reply<pb::ServerInfo> {
        let call = self.0.admit(request)?;
        Ok(tonic::Response::new(self.info(call.context.now, call.context.principal.role)))
    }

    async fn pause_scheduling(&self, request: Request<pb::PauseSchedulingRequest>) -> Reply<pb::SystemStatus> {
        let call = self.0.admit(request)?;
        let reason = short("reason", &call.body.reason)?;
        self.set_paused(&call.context, &call.body, true, reason).await
    }

    async fn resume_scheduling(&self, request: Request<pb::ResumeSchedulingRequest>) -> Reply<pb::SystemStatus> {
        let call = self.0.admit(request)?;
        self.set_paused(&call.context, &call.body, false, String::new()).await
    }

    async fn shutdown(&self, request: Request<pb::ShutdownRequest>) -> Reply<pb::ShutdownResponse> {
        let call = self.0.admit(request)?;
        let grace = length("grace", call.body.grace.as_ref())?;
        if grace.is_some_and(|grace| grace > LONGEST_GRACE) {
            return Err(ApiError::invalid("grace", format!("must be at most {} seconds", LONGEST_GRACE.as_secs())).into());
        }
        let (actor, stop_runs) = (call.context.actor(), call.body.stop_runs);
        // Asking twice would force the end, so a repeated request must not ask again.
        let asked = Arc::new(AtomicBool::new(false));
        let ask = Arc::clone(&asked);
        let count = move |tx: &mut Tx<'_>, _: &Context| {
            ask.store(true, Ordering::SeqCst);
            let running = if stop_runs { 0 } else { u32::try_from(tx.state.runs.len()).unwrap_or(u32::MAX) };
            Ok(Done::from(pb::ShutdownResponse { running }))
        };
        let answer = self.0.carry_out(&call.context, &call.body, count).await?;
        // Asked for after the answer is certain: the end of the server waits for open calls, and this is one.
        if asked.load(Ordering::SeqCst) {
            self.0.parts.ending.end(&actor, grace, stop_runs);
        }
        Ok(tonic::Response::new(answer))
    }

    async fn check_invariants(&self, request: Request<pb::CheckInvariantsRequest>) -> Reply<pb::CheckInvariantsResponse> {
        let call = self.0.admit(request)?;
        let now = call.context.now;
        let mut findings = self.0.turn(&call.context).look(move |seen| Ok(check::check(seen.db, seen.figures, now)?)).await?;
        // Readers do this part, so that nothing waits for it.
        let mut after = None;
        for _ in 0..HISTORY {
            let (found, next) = self.0.turn(&call.context).read(move |db| Ok(check::history(db, after)?)).await?;
            findings.extend(found);
            after = next;
            if after.is_none() {
                break;
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let told = findings.into_iter().map(|finding| pb::Finding {
            rule: finding.rule.to_owned(),
            severity: match finding.severity {
                check::Severity::Info => pb::FindingSeverity::Info,
                check::Severity::Warning => pb::FindingSeverity::Warning,
                check::Severity::Error => pb::FindingSeverity::Error,
            }
            .into(),
            subject: finding.subject,
            message: finding.message,
            remedy: finding.remedy.to_owned(),
        });
        let checked = check::RULES.iter().map(|(rule, _)| (*rule).to_owned()).collect();
        Ok(tonic::Response::new(pb::CheckInvariantsResponse { findings: told.collect(), checked }))
    }

    async fn create_backup(&self, request: Request<pb::CreateBackupRequest>) -> Reply<pb::Backup> {
        self.0.back_up(request).await
    }

    async fn create_api_key(&self, request: Request<pb::CreateApiKeyRequest>) -> Reply<pb::CreateApiKeyResponse> {
        let call = self.0.admit(request)?;
        let role = match member::<pb::Role>("role", call.body.role)? {
            Some(pb::Role::Viewer) => Role::Viewer,
            Some(pb::Role::Operator) => Role::Operator,
            Some(pb::Role::Admin) => Role::Admin,
            Some(pb::Role::Gateway) => Role::Gateway,
            Some(pb::Role::Run) => return Err(ApiError::invalid("role", "keys of runs are made by the server itself").into()),
            None | Some(pb::Role::Unspecified) => {
                return Err(ApiError::invalid("role", "is missing; choose viewer, operator, admin or gateway").into());
            }
        };
        let named = project_ids("project_ids", &call.body.project_ids)?;
        if role == Role::Admin && !named.is_empty() {
            return Err(ApiError::invalid("project_ids", "an administrator's key reaches every project; leave it empty").into());
        }
        let description = short("description", &call.body.description)?;
        let lifetime = length("lifetime", call.body.lifetime.as_ref())?;
        let day = 86_400_000;
        let millis = lifetime.map_or(LIFETIME_DAYS.0 * day, |length| i64::try_from(length.as_millis()).unwrap_or(i64::MAX));
        if millis == 0 || millis > LIFETIME_DAYS.1 * day {
            return Err(ApiError::invalid("lifetime", format!("must be above 0 and at most {} days", LIFETIME_DAYS.1)).into());
        }
        let projects = if named.is_empty() { ProjectScope::All } else { ProjectScope::Only(named.into_iter().collect()) };
        let now = call.context.now;
        let made = new_key(role, projects, &description, now, Some(now.plus_millis(millis)));
        let record = made.record.clone();
        let create = move |tx: &mut Tx<'_>, context: &Context| {
            keys::create(tx, context, &record)?;
            // What is recorded for repetitions must not hold the secret.
            Ok(pb::CreateApiKeyResponse { api_key: Some(convert::api_key(&record)), secret: String::new() }.into())
        };
        let mut answer = self.0.carry_out(&call.context, &call.body, create).await?;
        if answer.api_key.as_ref().is_some_and(|key| key.kid == made.record.kid) {
            answer.secret = made.key;
        }
        Ok(tonic::Response::new(answer))
    }

    async fn list_api_keys(&self, request: Request<pb::ListApiKeysRequest>) -> Reply<pb::ListApiKeysResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(std::cmp::Reverse<i64>, String)>::of(&call.body)?;
        let (all, now) = (call.body.include_revoked, call.context.now);
        let mut found = self.0.turn(&call.context).read(|db| Ok(api_keys::all(db)?)).await?;
        found.retain(|key| all || key.is_valid(now));
        let slice = page.slice(found, |key| (std::cmp::Reverse(key.created_at.as_millis()), key.kid.clone()));
        Ok(tonic::Response::new(pb::ListApiKeysResponse {
            api_keys: slice.items.iter().map(convert::api_key).collect(),
            next_page_token: slice.next,
            total_size: slice.total,
        }))
    }

    async fn revoke_api_key(&self, request: Request<pb::RevokeApiKeyRequest>) -> Reply<pb::ApiKey> {
        let call = self.0.admit(request)?;
        let kid = short("kid", &call.body.kid)?;
        if kid.is_empty() || kid.len() > 32 || !kid.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(ApiError::invalid("kid", "must be the public part of a key: up to 32 letters and digits").into());
        }
        let wanted = kid.clone();
        let revoke = move |tx: &mut Tx<'_>, context: &Context| {
            let key = keys::revoke(tx, context, &wanted)?;
            Ok(convert::api_key(&key).into())
        };
        let answer = self.0.mutate(&call.context, &call.body, revoke).await;
        // Also when the answer is an error: the key may be revoked all the same.
        self.0.parts.keys.forget(&kid);
        answer
    }

    async fn list_audit_records(&self, request: Request<pb::ListAuditRecordsRequest>) -> Reply<pb::ListAuditRecordsResponse> {
        self.0.audit_records(request).await
    }

    async fn verify_audit_log(&self, request: Request<pb::VerifyAuditLogRequest>) -> Reply<pb::VerifyAuditLogResponse> {
        self.0.audit_verified(request).await
    }
}
