//! AccountService.

use aq_core::account::Account;
use aq_core::principal::ProjectScope;
use aq_core::runtime::RuntimeKind;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use pb::account_service_server::AccountService;
use tonic::Request;

use super::convert;
use super::incoming::{account_id, given, instant, mask, optional_account, optional_project, optional_task, part, runtime, short};
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply};
use crate::commands::accounts::{self, AccountFields};
use crate::commands::{Context, task};
use crate::events::wire;
use crate::lifecycle::{Figures, Tx};
use crate::store::task_lists;
use crate::store::usage::{self, Usage, UsageLine};

const FIELDS: &[&str] = &["name", "login_dir", "stop_at_used"];
/// Lines of a usage report.
const LINES: i64 = 1_000;

/// The service.
pub(super) struct Accounts(pub(super) Api);

fn found<'a>(figures: &'a Figures, id: &aq_core::ids::AccountId) -> Result<&'a Account, ApiError> {
    figures.accounts.get(id).ok_or_else(|| ApiError::not_found("account", id.as_str()))
}

/// An account with the runtime of the agents that draw from it; unspecified while there are none.
fn shown(figures: &Figures, account: &Account, now: Timestamp) -> pb::Account {
    let user = figures.agents.values().find(|agent| agent.account.as_ref() == Some(&account.id));
    convert::of_runtime(convert::account(account, now), user.map(|agent| agent.runtime))
}

/// What an account of this server cannot have is refused, never dropped.
fn unsupported(at: &str, key_variable: &str, provider_key: &str, max_concurrent_runs: u32) -> Result<(), ApiError> {
    let field = |name: &str| format!("{at}{name}");
    if !provider_key.is_empty() || !key_variable.is_empty() {
        let name = if provider_key.is_empty() { "key_variable" } else { "provider_key" };
        return Err(ApiError::invalid(field(name), "provider keys are not kept here; put the variable into the profile of the agents"));
    }
    if max_concurrent_runs != 0 {
        return Err(ApiError::invalid(field("max_concurrent_runs"), "an account has no such limit; limit the number of its agents"));
    }
    Ok(())
}

fn reserve(field: &str, stop_at: Option<f64>) -> Result<f64, ApiError> {
    Ok(1.0 - part(field, stop_at)?.unwrap_or(1.0))
}

#[tonic::async_trait]
impl AccountService for Accounts {
    async fn create_account(&self, request: Request<pb::CreateAccountRequest>) -> Reply<pb::Account> {
        let call = self.0.admit(request)?;
        let body = &call.body;
        let kind = match runtime("runtime", body.runtime)? {
            Some(kind) if !matches!(kind, RuntimeKind::Scripted | RuntimeKind::Command) => kind,
            None => return Err(ApiError::invalid("runtime", "is missing; choose the one whose login it is, for example claude").into()),
            Some(other) => {
                return Err(ApiError::invalid("runtime", format!("{other} has no login; choose claude, codex or another agent")).into());
            }
        };
        unsupported("", &body.key_variable, &body.provider_key, body.max_concurrent_runs)?;
        let fields = AccountFields {
            name: Some(short("name", &body.name)?),
            login_dir: Some(short("login_dir", &body.login_dir)?),
            reserve: Some(reserve("stop_at_used", body.stop_at_used)?),
        };
        let create = move |tx: &mut Tx<'_>, context: &Context| {
            let account = accounts::create(tx, context, &fields)?;
            Ok(convert::of_runtime(convert::account(&account, context.now), Some(kind)).into())
        };
        self.0.mutate(&call.context, &call.body, create).await
    }

    async fn get_account(&self, request: Request<pb::GetAccountRequest>) -> Reply<pb::Account> {
        let call = self.0.admit(request)?;
        let (id, now) = (account_id("account_id", &call.body.account_id)?, call.context.now);
        let found = self.0.look(move |tx| Ok(shown(tx.state, found(tx.state, &id)?, now))).await?;
        Ok(tonic::Response::new(found))
    }

    async fn list_accounts(&self, request: Request<pb::ListAccountsRequest>) -> Reply<pb::ListAccountsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<String>::of(&call.body)?;
        let now = call.context.now;
        let all = self.0.look(move |tx| Ok(tx.state.accounts.values().map(|account| shown(tx.state, account, now)).collect::<Vec<_>>()));
        let slice = page.slice(all.await?, |account| account.id.clone());
        Ok(tonic::Response::new(pb::ListAccountsResponse { accounts: slice.items, next_page_token: slice.next, total_size: slice.total }))
    }

    async fn update_account(&self, request: Request<pb::UpdateAccountRequest>) -> Reply<pb::Account> {
        let call = self.0.admit(request)?;
        let new = given("account", call.body.account.as_ref())?;
        let id = account_id("account.id", &new.id)?;
        let named = mask(call.body.update_mask.as_ref(), FIELDS)?;
        unsupported("account.", &new.key_variable, &new.provider_key, new.max_concurrent_runs)?;
        let fields = AccountFields {
            name: if named.contains("name") { Some(short("account.name", &new.name)?) } else { None },
            login_dir: if named.contains("login_dir") { Some(short("account.login_dir", &new.login_dir)?) } else { None },
            reserve: if named.contains("stop_at_used") { Some(reserve("account.stop_at_used", new.stop_at_used)?) } else { None },
        };
        let update = move |tx: &mut Tx<'_>, context: &Context| {
            let account = accounts::edit(tx, context, &id, &fields)?;
            Ok(shown(tx.state, &account, context.now).into())
        };
        self.0.mutate(&call.context, &call.body, update).await
    }

    async fn delete_account(&self, request: Request<pb::DeleteAccountRequest>) -> Reply<pb::DeleteAccountResponse> {
        let call = self.0.admit(request)?;
        let id = account_id("account_id", &call.body.account_id)?;
        let delete = move |tx: &mut Tx<'_>, context: &Context| {
            let gone = accounts::delete(tx, context, &id)?;
            Ok(pb::DeleteAccountResponse { name: gone.name }.into())
        };
        self.0.mutate(&call.context, &call.body, delete).await
    }

    async fn list_limit_windows(&self, request: Request<pb::ListLimitWindowsRequest>) -> Reply<pb::ListLimitWindowsResponse> {
        let call = self.0.admit(request)?;
        let (wanted, now) = (optional_account("account_id", &call.body.account_id)?, call.context.now);
        let windows = self.0.look(move |tx| match &wanted {
            Some(id) => Ok(convert::windows(found(tx.state, id)?, now)),
            None => Ok(tx.state.accounts.values().flat_map(|account| convert::windows(account, now)).collect()),
        });
        Ok(tonic::Response::new(pb::ListLimitWindowsResponse { windows: windows.await? }))
    }

    async fn get_token_usage(&self, request: Request<pb::GetTokenUsageRequest>) -> Reply<pb::GetTokenUsageResponse> {
        let call = self.0.admit(request)?;
        let body = &call.body;
        let (one, project) = (optional_task("task_id", &body.task_id)?, optional_project("project_id", &body.project_id)?);
        let since = instant("since", body.since.as_ref())?.unwrap_or(Timestamp::from_millis(0));
        let until = instant("until", body.until.as_ref())?.unwrap_or(Timestamp::from_millis(i64::MAX));
        if until < since {
            return Err(ApiError::invalid("until", "lies before since").into());
        }
        let context = call.context;
        let answer = self.0.read(move |db| {
            let (usage, owner) = match (one, project) {
                (Some(id), _) => {
                    // Tasks of the archive count too; a deleted one is reported with its project only.
                    let record = task(db, &context, &id)?;
                    (usage::of_task(db, record.key, since, until, LINES)?, Some(record.task.project))
                }
                (None, Some(project)) => {
                    context.sees(&project, "project", project.as_str())?;
                    (usage::of_project(db, &project, since, until, LINES)?, Some(project))
                }
                (None, None) => {
                    let seen: Option<Vec<_>> = match &context.principal.projects {
                        ProjectScope::All => None,
                        ProjectScope::Only(projects) => Some(projects.iter().cloned().collect()),
                    };
                    (usage::by_project(db, seen.as_deref(), since, until, LINES)?, None)
                }
            };
            let keys: Vec<i64> = usage.lines.iter().filter_map(|line| line.task_key).collect();
            let names = task_lists::names(db, &keys)?;
            let entry = |line: &UsageLine| pb::TokenUsageEntry {
                project_id: line.project.as_ref().or(owner.as_ref()).map(ToString::to_string).unwrap_or_default(),
                task_id: line.task_key.and_then(|key| names.get(&key)).map(ToString::to_string).unwrap_or_default(),
                agent_id: line.agent.as_ref().map(ToString::to_string).unwrap_or_default(),
                tokens: Some(wire::tokens(line.tokens)),
                cost_micros: line.cost_micros,
                entries: line.entries,
            };
            let Usage { lines, total } = &usage;
            let counted: u64 = lines.iter().map(|line| line.entries).sum();
            Ok(pb::GetTokenUsageResponse {
                entries: lines.iter().map(entry).collect(),
                total: Some(wire::tokens(total.tokens)),
                total_cost_micros: total.cost_micros,
                truncated: counted < total.entries,
            })
        });
        Ok(tonic::Response::new(answer.await?))
    }
}
