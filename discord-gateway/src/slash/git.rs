//! Commands about repositories and plans.

use aq_proto::v1 as pb;
use tonic::Status;

use super::options::Asked;
use super::task::done;
use crate::actions::perform;
use crate::custom_id::Verb;
use crate::message::Message;
use crate::render::{self, Moment, Style, boxed, relative};
use crate::text::{clean, cut, fenced, inline, one_line, plural};

/// Answers.
pub(super) async fn run(words: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    let mut git = asked.server.git();
    let branch = asked.text("branch");
    let request_id = asked.request_id("");
    match words {
        "git status" => status(asked).await,
        "git branches" => branches(asked).await,
        "git log" => log(asked).await,
        "git diff" | "git files" => diff(asked, words == "git files").await,
        "git conflicts" => conflicts(asked).await,
        "git branch" => {
            let request = pb::CreateBranchRequest {
                project_id: asked.project()?,
                branch,
                from: asked.text("from"),
                request_id,
                ..Default::default()
            };
            let made = git.create_branch(request).await?.into_inner();
            Ok(told(format!("🌿 {} begins at {}.", inline(&made.branch), inline(short(&made.commit))), &made.warnings))
        }
        "git checkout" => {
            let request = pb::SwitchBranchRequest { project_id: asked.project()?, branch, request_id, ..Default::default() };
            let made = git.switch_branch(request).await?.into_inner();
            let now = made.checkout.map(|checkout| checkout.branch).unwrap_or_default();
            Ok(told(format!("🌿 {} is checked out.", inline(&now)), &made.warnings))
        }
        "git commit" => {
            let request =
                pb::CommitChangesRequest { project_id: asked.project()?, message: asked.text("message"), request_id, ..Default::default() };
            let made = git.commit_changes(request).await?.into_inner();
            let text = if made.commit.is_empty() {
                "Nothing had changed.".to_owned()
            } else {
                format!("💾 Committed {}.", inline(short(&made.commit)))
            };
            Ok(told(text, &made.warnings))
        }
        "git push" => {
            let request = pb::PushBranchRequest { project_id: asked.project()?, branch: branch.clone(), request_id, ..Default::default() };
            let made = git.push_branch(request).await?.into_inner();
            Ok(told(format!("⬆️ {} is pushed at {}.", inline(&branch), inline(short(&made.commit))), &made.warnings))
        }
        "git merge" => {
            let request = pb::MergeBranchRequest { project_id: asked.project()?, branch: branch.clone(), request_id, ..Default::default() };
            let made = git.merge_branch(request).await?.into_inner();
            if !made.conflicts.is_empty() {
                let files: Vec<String> = made.conflicts.iter().take(20).map(|file| inline(file)).collect();
                let text = format!("{} was not merged; nothing was changed.", inline(&branch));
                return Ok(Message::embed(boxed(Style::Error, "Conflict", text).below("Files", files.join("\n"))));
            }
            let text = if made.commit.is_empty() {
                "There was nothing to merge.".to_owned()
            } else {
                format!("🔀 {} is merged at {}.", inline(&branch), inline(short(&made.commit)))
            };
            Ok(told(text, &made.warnings))
        }
        "git pr" => {
            let made =
                git.create_pull_request(pb::CreatePullRequestRequest { task_id: asked.text("task"), request_id }).await?.into_inner();
            Ok(done(format!("🔗 Pull request {}: {}", made.number, clean(&made.url))))
        }
        "plan list" => plans(asked).await,
        "plan show" => plan(asked).await,
        "plan approve" => Ok(done(perform(&asked.server, Verb::PlanApprove, &asked.text("plan"), "", request_id).await?)),
        _ => Ok(done(perform(&asked.server, Verb::PlanRejectForm, &asked.text("plan"), &asked.text("feedback"), request_id).await?)),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

fn told(text: String, warnings: &[String]) -> Message {
    let lines: Vec<String> = std::iter::once(text).chain(warnings.iter().map(|warning| format!("⚠️ {}", clean(warning)))).collect();
    Message::text(lines.join("\n"))
}

fn changed(checkout: &pb::Checkout) -> String {
    if checkout.files.is_empty() {
        return "clean".to_owned();
    }
    let line = |file: &pb::ChangedFile| format!("{} {}", if file.staged { "●" } else { "○" }, inline(&file.path));
    let mut lines: Vec<String> = checkout.files.iter().take(15).map(line).collect();
    if checkout.files.len() > 15 {
        lines.push(format!("_…and {} more_", checkout.files.len() - 15));
    }
    lines.join("\n")
}

async fn status(asked: &Asked<'_>) -> Result<Message, Status> {
    let project_id = asked.project()?;
    let answer = asked
        .server
        .git()
        .get_git_status(pb::GetGitStatusRequest { project_id: project_id.clone(), ..Default::default() })
        .await?
        .into_inner();
    let mut embed = boxed(Style::Info, format!("Repository of {project_id}"), clean(&answer.stale))
        .beside("Lands on", inline(&answer.default_branch))
        .beside("At", inline(short(&answer.head)))
        .beside("Remote", if answer.has_remote { "yes" } else { "none" });
    if let Some(checkout) = &answer.checkout {
        let mut place = inline(&checkout.branch);
        if let (Some(ahead), Some(behind)) = (checkout.ahead, checkout.behind) {
            place.extend([format!(" ↑{ahead} ↓{behind}")]);
        }
        embed = embed.beside("Checked out", place).below("Files", changed(checkout));
    }
    let running: Vec<String> = answer.running_task_ids.iter().map(|task| inline(task)).collect();
    Ok(Message::embed(embed.below("At work", running.join(", "))))
}

async fn branches(asked: &Asked<'_>) -> Result<Message, Status> {
    let project_id = asked.project()?;
    let request = pb::ListBranchesRequest { project_id: project_id.clone(), page_size: 30, ..Default::default() };
    let answer = asked.server.git().list_branches(request).await?.into_inner();
    let line = |branch: &pb::Branch| {
        let mark = if branch.is_default { "★ " } else { "" };
        let task = if branch.task_id.is_empty() { String::new() } else { format!(" · {}", inline(&branch.task_id)) };
        format!("{mark}{} ↑{} ↓{}{task} {}", inline(&branch.name), branch.ahead, branch.behind, cut(&one_line(&branch.summary), 60))
    };
    let lines: Vec<String> = answer.branches.iter().map(line).collect();
    Ok(Message::embed(boxed(Style::Info, format!("Branches of {project_id} ({})", answer.total_size), cut(&lines.join("\n"), 3900))))
}

async fn log(asked: &Asked<'_>) -> Result<Message, Status> {
    let project_id = asked.project()?;
    let request = pb::ListCommitsRequest {
        project_id: project_id.clone(),
        branch: asked.text("branch"),
        page_size: asked.number("count").unwrap_or(10),
        ..Default::default()
    };
    let answer = asked.server.git().list_commits(request).await?.into_inner();
    let line = |commit: &pb::Commit| {
        let at = commit.commit_time.as_ref().map(|time| relative(Moment(time.seconds))).unwrap_or_default();
        let subject = commit.message.lines().next().unwrap_or_default();
        format!("{} {} — {} {at}", inline(short(&commit.id)), cut(&one_line(subject), 80), clean(&commit.author_name))
    };
    let lines: Vec<String> = answer.commits.iter().map(line).collect();
    Ok(Message::embed(boxed(Style::Info, format!("Commits of {project_id}"), cut(&lines.join("\n"), 3900))))
}

async fn diff(asked: &Asked<'_>, files_only: bool) -> Result<Message, Status> {
    let head = asked.text("branch");
    let request =
        pb::GetDiffRequest { project_id: asked.project()?, head: head.clone(), base: asked.text("base"), files_only, ..Default::default() };
    let answer = asked.server.git().get_diff(request).await?.into_inner();
    let files: Vec<String> = answer.files.iter().take(50).map(|file| inline(&file.path)).collect();
    let text = if files.is_empty() { "_Nothing was changed._".to_owned() } else { cut(&files.join("\n"), 2000) };
    let mut message =
        Message::embed(boxed(Style::Info, format!("Changes of {head} ({})", plural(answer.files.len() as u64, "file")), text));
    if answer.text.len() > 1800 {
        message = message.with_file(format!("diff-{}.patch", head.replace('/', "-")), answer.text.into_bytes());
    } else if !answer.text.is_empty() {
        message.content = fenced(&answer.text, "diff");
    }
    Ok(message)
}

async fn conflicts(asked: &Asked<'_>) -> Result<Message, Status> {
    let request = pb::CheckConflictsRequest { project_id: asked.project()?, ..Default::default() };
    let answer = asked.server.git().check_conflicts(request).await?.into_inner();
    let mut embed = boxed(Style::Info, "Landing", if answer.forecasts.is_empty() { "_No branch waits to land._" } else { "" });
    for forecast in answer.forecasts.iter().take(20) {
        let text = match (forecast.conflicts.as_slice(), forecast.contained) {
            ([], true) => "✅ has landed".to_owned(),
            ([], false) => "✅ lands cleanly".to_owned(),
            (files, _) => format!("⚠️ conflicts in {}", files.iter().take(5).map(|file| inline(file)).collect::<Vec<_>>().join(", ")),
        };
        embed = embed.below(&cut(&forecast.branch, 250), text);
    }
    Ok(Message::embed(embed))
}

async fn plans(asked: &Asked<'_>) -> Result<Message, Status> {
    let request = pb::ListPlansRequest { project_id: asked.project_or_all().unwrap_or_default(), page_size: 20, ..Default::default() };
    let answer = asked.server.plans().list_plans(request).await?.into_inner();
    let line = |plan: &pb::Plan| {
        let state = plan.state().as_str_name().trim_start_matches("PLAN_STATE_").to_lowercase();
        format!("{} {} · {} · {state}", inline(&plan.id), cut(&one_line(&plan.title), 70), plural(plan.step_count.into(), "step"))
    };
    let lines: Vec<String> = answer.plans.iter().map(line).collect();
    let text = if lines.is_empty() { "_No plans yet._".to_owned() } else { lines.join("\n") };
    Ok(Message::embed(boxed(Style::Info, format!("Plans ({})", answer.total_size), cut(&text, 3900))))
}

async fn plan(asked: &Asked<'_>) -> Result<Message, Status> {
    let answer = asked.server.plans().get_plan(pb::GetPlanRequest { plan_id: asked.text("plan") }).await?.into_inner();
    let steps = answer.reading.map(|reading| reading.steps).unwrap_or_default();
    let plan = answer.plan.unwrap_or_default();
    Ok(render::plan(&plan, &steps).with_file("plan.md", answer.text.into_bytes()))
}
