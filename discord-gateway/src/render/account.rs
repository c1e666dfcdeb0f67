//! Limits, budgets, usage.

use aq_proto::v1 as pb;
use pb::{BudgetScope, GateState};

use super::card::total;
use super::style::{Style, boxed};
use super::time::{moment, relative};
use crate::message::Message;
use crate::text::{clean, grouped, inline, percent, plural};

/// A bar of a part, in percent.
fn bar(used: f64) -> String {
    let filled = (used.clamp(0.0, 1.0) * 12.0).round();
    // A little is not nothing.
    let filled = if used > 0.0 { filled.max(1.0) } else { filled };
    let cells: String = (0..12).map(|cell| if f64::from(cell) < filled { '█' } else { '░' }).collect();
    format!("`{cells}` {}", percent(used))
}

fn gate(state: GateState) -> &'static str {
    match state {
        GateState::Open => "🟢 open",
        GateState::Probing => "🟡 one run tries it",
        GateState::Draining => "🟠 nearly used up",
        GateState::Reserve => "🔵 kept for its owner",
        GateState::Quiet => "🌙 quiet hours",
        GateState::Closed => "🔴 at its limit",
        GateState::Paused => "⏸️ paused",
        GateState::Unspecified => "not known",
    }
}

/// How the accounts stand.
pub(crate) fn limits(answer: &pb::ListLimitWindowsResponse) -> Message {
    let mut embed = boxed(Style::Info, "Usage limits", if answer.accounts.is_empty() { "_No accounts yet._" } else { "" });
    for account in &answer.accounts {
        let mut lines = vec![gate(account.state()).to_owned()];
        if !account.reason.is_empty() {
            lines.push(clean(&account.reason));
        }
        if let Some(until) = moment(account.until.as_ref()) {
            lines.push(format!("looked at again {}", relative(until)));
        }
        for window in answer.windows.iter().filter(|window| window.account_id == account.account_id) {
            let used = window.used.map_or_else(|| "used part not known".to_owned(), bar);
            let resets = moment(window.resets_at.as_ref()).map(|at| format!(" · resets {}", relative(at))).unwrap_or_default();
            lines.push(format!("**{}** {used}{resets}", clean(&window.window).replace('_', " ")));
        }
        if account.running > 0 || account.waiting_tasks > 0 {
            lines.push(format!("{} running · {} waiting", account.running, account.waiting_tasks));
        }
        embed = embed.below(&clean(&account.account_id), lines.join("\n"));
    }
    Message::embed(embed)
}

/// The budgets with what counts against them.
pub(crate) fn budgets(answer: &pb::ListBudgetsResponse) -> Message {
    let mut embed = boxed(Style::Info, "Budgets", "");
    for budget in &answer.budgets {
        let name = match budget.scope() {
            BudgetScope::Run => "One run".to_owned(),
            BudgetScope::TaskTree => "One task with its subtasks".to_owned(),
            BudgetScope::Project if budget.project_id.is_empty() => "Each project".to_owned(),
            BudgetScope::Project => format!("Project {}", budget.project_id),
            _ => "Everything".to_owned(),
        };
        let text = match budget.limit_tokens {
            None => format!("{} used, no limit", plural(budget.used_tokens, "token")),
            Some(limit) if matches!(budget.scope(), BudgetScope::Run | BudgetScope::TaskTree) => {
                format!("at most {}", plural(limit, "token"))
            }
            Some(limit) => {
                #[expect(clippy::cast_precision_loss, reason = "a bar has twelve cells")]
                let part = if limit == 0 { 0.0 } else { budget.used_tokens as f64 / limit as f64 };
                let opens = moment(budget.opens_at.as_ref()).map(|at| format!(" · room again {}", relative(at))).unwrap_or_default();
                format!("{}\n{} of {}{opens}", bar(part), grouped(budget.used_tokens), plural(limit, "token"))
            }
        };
        embed = embed.below(&name, text);
    }
    Message::embed(embed)
}

/// Who used how many model tokens.
pub(crate) fn usage(answer: &pb::GetTokenUsageResponse, about: &str) -> Message {
    let all = answer.total.as_ref().map_or(0, total);
    let mut lines = Vec::new();
    for entry in answer.entries.iter().take(15) {
        let names = [&entry.day, &entry.model, &entry.project_id, &entry.task_id, &entry.agent_id];
        let name: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).map(|name| inline(name)).collect();
        let tokens = entry.tokens.as_ref().map_or(0, total);
        #[expect(clippy::cast_precision_loss, reason = "a bar has twelve cells")]
        let part = if all == 0 { 0.0 } else { tokens as f64 / all as f64 };
        lines.push(format!("{}\n{} · {}", name.join(" "), bar(part), grouped(tokens)));
    }
    let more = answer.entries.len().saturating_sub(15);
    if more > 0 {
        lines.push(format!("_…and {more} more_"));
    }
    #[expect(clippy::cast_precision_loss, reason = "cents are shown")]
    let cost = answer.total_cost_micros as f64 / 1e6;
    let embed = boxed(
        Style::Info,
        format!("Model tokens · {about}"),
        if lines.is_empty() { "_Nothing yet._".to_owned() } else { lines.join("\n") },
    )
    .beside("Together", grouped(all))
    .beside("Cost", if answer.total_cost_micros > 0 { format!("${cost:.2}") } else { String::new() });
    Message::embed(embed)
}
