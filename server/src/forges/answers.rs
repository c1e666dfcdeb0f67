//! What GitHub's answers mean: refusals by status and headers, pull requests and reviews by their fields. Pure, and trusts nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use aq_core::time::Timestamp;
use http::StatusCode;
use serde_json::Value;

use super::http::Answer;
use super::port::{ForgeError, PullRequest, PullState, Review, Wait};

/// How long we keep away when a limit names no time.
const USUAL_WAIT: Duration = Duration::from_secs(60);
/// Longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);
/// Longest message that is passed on, in characters.
const MESSAGE: usize = 400;

/// An error for every status that is no success.
pub(super) fn refusal(answer: &Answer) -> ForgeError {
    let message = message(&answer.body).unwrap_or_else(|| format!("status {}", answer.status));
    if let Some(wait) = limit(answer, &message) {
        return ForgeError::Limited { wait, message };
    }
    match answer.status {
        StatusCode::UNAUTHORIZED => ForgeError::NoLogin(message),
        StatusCode::FORBIDDEN => ForgeError::Denied(message),
        StatusCode::NOT_FOUND | StatusCode::GONE => ForgeError::NotFound(message),
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST | StatusCode::CONFLICT => ForgeError::Refused(message),
        status if status.is_redirection() => {
            ForgeError::NotFound("the repository has moved; set the project's repo_url to its new address".to_owned())
        }
        status if status.is_server_error() => ForgeError::Unavailable(message),
        status => ForgeError::Nonsense(format!("status {status}")),
    }
}

/// How long to wait, when the answer is a limit.
fn limit(answer: &Answer, message: &str) -> Option<Wait> {
    let refused = matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    let overloaded = answer.status == StatusCode::SERVICE_UNAVAILABLE && !answer.header("retry-after").is_empty();
    if !refused && !overloaded {
        return None;
    }
    if let Ok(seconds) = answer.header("retry-after").parse::<u64>() {
        return Some(Wait::For(Duration::from_secs(seconds).min(LONGEST_WAIT)));
    }
    if answer.header("x-ratelimit-remaining") == "0"
        && let Ok(seconds) = answer.header("x-ratelimit-reset").parse::<i64>()
    {
        return Some(Wait::Until(Timestamp::from_millis(seconds.saturating_mul(1000))));
    }
    let secondary = message.to_ascii_lowercase().contains("secondary rate limit");
    (secondary || answer.status == StatusCode::TOO_MANY_REQUESTS).then_some(Wait::For(USUAL_WAIT))
}

/// What an error says, with its details.
fn message(body: &Value) -> Option<String> {
    let mut text = body.get("message")?.as_str()?.to_owned();
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let detail = error.get("message").and_then(Value::as_str).or_else(|| error.as_str());
        if let Some(detail) = detail {
            text.push_str("; ");
            text.push_str(detail);
        }
    }
    Some(text.chars().filter(|c| !c.is_control()).take(MESSAGE).collect())
}

/// A pull request; `web` is what its page's address begins with.
pub(super) fn pull(body: &Value, web: &str) -> Result<PullRequest, ForgeError> {
    let odd = |what: &str| ForgeError::Nonsense(format!("a pull request {what}"));
    let number = body.get("number").and_then(Value::as_u64).filter(|number| *number > 0).ok_or_else(|| odd("without a number"))?;
    let url = body.get("html_url").and_then(Value::as_str).unwrap_or_default();
    if !url.starts_with(web) || url.len() > 500 || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(odd("whose address is not on this forge"));
    }
    let merged = body.get("merged").and_then(Value::as_bool).unwrap_or(false) || body.get("merged_at").is_some_and(Value::is_string);
    let state = match body.get("state").and_then(Value::as_str) {
        Some("closed") if merged => PullState::Merged,
        Some("closed") => PullState::Closed,
        Some("open") if !merged => PullState::Open,
        _ => return Err(odd("in a state that is not known")),
    };
    let commit = body.get("merge_commit_sha").and_then(Value::as_str).unwrap_or_default();
    let plain = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let merged_as = if state == PullState::Merged && plain { commit.to_owned() } else { String::new() };
    Ok(PullRequest { number, url: url.to_owned(), state, merged_as })
}

/// True when the pull request comes from `branch` of the repository itself.
pub(super) fn is_from(body: &Value, full_name: &str, branch: &str) -> bool {
    let head = body.get("head");
    let reference = head.and_then(|head| head.get("ref")).and_then(Value::as_str);
    let repository = head.and_then(|head| head.get("repo")).and_then(|repo| repo.get("full_name")).and_then(Value::as_str);
    reference == Some(branch) && repository.is_some_and(|name| name.eq_ignore_ascii_case(full_name))
}

/// The newest word of each reviewer, put together.
pub(super) fn review(body: &Value) -> Review {
    let mut words: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in body.as_array().into_iter().flatten() {
        let user = entry.get("user").and_then(|user| user.get("login")).and_then(Value::as_str).unwrap_or_default();
        match entry.get("state").and_then(Value::as_str) {
            Some(state @ ("APPROVED" | "CHANGES_REQUESTED")) => drop(words.insert(user, state)),
            Some("DISMISSED") => drop(words.remove(user)),
            _ => {}
        }
    }
    if words.values().any(|state| *state == "CHANGES_REQUESTED") {
        Review::ChangesRequested
    } else if words.is_empty() {
        Review::None
    } else {
        Review::Approved
    }
}
