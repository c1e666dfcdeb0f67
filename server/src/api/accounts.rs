//! AccountService.

use aq_core::account::{Account, KeySource};
use aq_core::limits::{DayHours, HoursError, read_zone};
use aq_core::runtime::RuntimeKind;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use jiff::tz::TimeZone;
use pb::account_service_server::AccountService;
use tonic::Request;

use super::budgets;
use super::convert;
use super::incoming::{account_id, given, mask, optional_account, optional_project, part, runtime, short};
use super::limits;
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply};
use super::usage;
use crate::commands::Context;
use crate::commands::accounts::{self, AccountFields};
use crate::lifecycle::{Figures, Tx};

const FIELDS: &[&str] = &[
    "name",
    "login_dir",
    "key_variable",
    "provider_key",
    "max_concurrent_runs",
    "stop_at_used",
    "reserve",
    "reserve_hours",
    "quiet_hours",
    "time_zone",
    "paused",
];

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

/// Where a provider key lies. A key itself is refused, and never repeated in the answer.
fn key_source(field: &str, text: &str) -> Result<Option<KeySource>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = "must say where the server finds the key: `env:NAME`, a variable of the server, or `file:/path`, a file that its user alone can \
                 read; the key itself is never stored";
    KeySource::parse(text).filter(|_| text.len() <= 4_096).map(Some).ok_or_else(|| ApiError::invalid(field, wrong))
}

/// Spans of hours; at most 24 of them.
fn hours(field: &str, texts: &[String]) -> Result<Vec<DayHours>, ApiError> {
    if texts.len() > 24 {
        return Err(ApiError::invalid(field, "has more than 24 entries"));
    }
    let each = texts.iter().enumerate();
    each.map(|(index, text)| text.parse().map_err(|error: HoursError| ApiError::invalid(format!("{field}[{index}]"), error.to_string())))
        .collect()
}

fn zone(field: &str, name: &str) -> Result<TimeZone, ApiError> {
    read_zone(name).map_err(|error| ApiError::invalid(field, error.to_string()))
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
        let fields = AccountFields {
            name: Some(short("name", &body.name)?),
            login_dir: Some(short("login_dir", &body.login_dir)?),
            stop_at: Some(part("stop_at_used", body.stop_at_used)?),
            reserve: Some(part("reserve", body.reserve)?.unwrap_or(0.0)),
            reserve_hours: Some(hours("reserve_hours", &body.reserve_hours)?),
            quiet: Some(hours("quiet_hours", &body.quiet_hours)?),
            zone: Some(zone("time_zone", &body.time_zone)?),
            paused: None,
            max_concurrent_runs: Some(body.max_concurrent_runs),
            key_variable: Some(short("key_variable", &body.key_variable)?),
            key_source: Some(key_source("provider_key", &body.provider_key)?),
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
        let found = self.0.turn(&call.context).look(move |seen| Ok(shown(seen.figures, found(seen.figures, &id)?, now))).await?;
        Ok(tonic::Response::new(found))
    }

    async fn list_accounts(&self, request: Request<pb::ListAccountsRequest>) -> Reply<pb::ListAccountsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<String>::of(&call.body)?;
        let now = call.context.now;
        let all = self
            .0
            .turn(&call.context)
            .look(move |seen| Ok(seen.figures.accounts.values().map(|account| shown(seen.figures, account, now)).collect::<Vec<_>>()));
        let slice = page.slice(all.await?, |account| account.id.clone());
        Ok(tonic::Response::new(pb::ListAccountsResponse { accounts: slice.items, next_page_token: slice.next, total_size: slice.total }))
    }

    async fn update_account(&self, request: Request<pb::UpdateAccountRequest>) -> Reply<pb::Account> {
        let call = self.0.admit(request)?;
        let new = given("account", call.body.account.as_ref())?;
        let id = account_id("account.id", &new.id)?;
        let named = mask(call.body.update_mask.as_ref(), FIELDS)?;
        let has = |field: &str| named.contains(field);
        let fields = AccountFields {
            name: if named.contains("name") { Some(short("account.name", &new.name)?) } else { None },
            login_dir: if named.contains("login_dir") { Some(short("account.login_dir", &new.login_dir)?) } else { None },
            stop_at: if named.contains("stop_at_used") { Some(part("account.stop_at_used", new.stop_at_used)?) } else { None },
            reserve: if named.contains("reserve") { Some(part("account.reserve", new.reserve)?.unwrap_or(0.0)) } else { None },
            reserve_hours: if named.contains("reserve_hours") { Some(hours("account.reserve_hours", &new.reserve_hours)?) } else { None },
            quiet: if named.contains("quiet_hours") { Some(hours("account.quiet_hours", &new.quiet_hours)?) } else { None },
            zone: if named.contains("time_zone") { Some(zone("account.time_zone", &new.time_zone)?) } else { None },
            paused: named.contains("paused").then_some(new.paused),
            max_concurrent_runs: has("max_concurrent_runs").then_some(new.max_concurrent_runs),
            key_variable: if has("key_variable") { Some(short("account.key_variable", &new.key_variable)?) } else { None },
            key_source: if has("provider_key") { Some(key_source("account.provider_key", &new.provider_key)?) } else { None },
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
        let policy = std::sync::Arc::clone(&self.0.parts.policy);
        let told = self.0.turn(&call.context).look(move |seen| {
            if let Some(id) = &wanted {
                found(seen.figures, id)?;
            }
            Ok(limits::told(seen.db, seen.figures, &policy, wanted.as_ref(), now)?)
        });
        Ok(tonic::Response::new(told.await?))
    }

    async fn get_token_usage(&self, request: Request<pb::GetTokenUsageRequest>) -> Reply<pb::GetTokenUsageResponse> {
        let call = self.0.admit(request)?;
        let wanted = usage::wanted(&call.body)?;
        let context = call.context;
        let answer = self.0.turn(&context).read(move |db| usage::report(db, &context, &wanted)).await?;
        Ok(tonic::Response::new(answer))
    }

    async fn list_budgets(&self, request: Request<pb::ListBudgetsRequest>) -> Reply<pb::ListBudgetsResponse> {
        let call = self.0.admit(request)?;
        let only = optional_project("project_id", &call.body.project_id)?;
        if let Some(id) = &only {
            call.context.sees(id, "project", id.as_str()).map_err(ApiError::from)?;
        }
        let (policy, now, scope) = (std::sync::Arc::clone(&self.0.parts.policy), call.context.now, call.context.principal.projects.clone());
        let listed = self.0.turn(&call.context).look(move |seen| match &only {
            Some(id) if !seen.figures.projects.contains_key(id) => Err(ApiError::not_found("project", id.as_str())),
            only => Ok(budgets::list(seen.figures, &policy, &scope, only.as_ref(), now)),
        });
        Ok(tonic::Response::new(pb::ListBudgetsResponse { budgets: listed.await? }))
    }

    async fn set_budget(&self, request: Request<pb::SetBudgetRequest>) -> Reply<pb::Budget> {
        let call = self.0.admit(request)?;
        let wanted = budgets::wanted(&call.body)?;
        let policy = std::sync::Arc::clone(&self.0.parts.policy);
        let set = move |tx: &mut Tx<'_>, context: &Context| Ok(budgets::set(tx, context, &policy, &wanted)?.into());
        self.0.mutate(&call.context, &call.body, set).await
    }
}
