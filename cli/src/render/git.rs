//! Repositories: how they stand, branches, commits, changes, forecasts.

use aq_proto::v1::{
    ChangedFile, CheckConflictsResponse, Checkout, DiffSource, FileChange, GetDiffResponse, GetGitStatusResponse, ListBranchesResponse,
    ListCommitsResponse,
};

use super::amount;
use super::sheet::Sheet;
use super::table::{Cell, table};
use super::time;
use crate::clean;
use crate::look::{Look, Tone};
use crate::words;

/// A commit as people name it.
fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

fn file(file: &ChangedFile) -> String {
    let staged = if file.staged { " (staged)" } else { "" };
    format!("{}  {}{staged}", words::phrase::<FileChange>(file.change), file.path)
}

/// How a repository stands.
#[must_use]
pub(crate) fn status(look: &Look, status: &GetGitStatusResponse) -> String {
    let mut sheet = Sheet::new(look, &status.project_id);
    sheet.field("default branch", &status.default_branch).field("commit", &status.head);
    sheet.field("lands by", if status.has_remote { "pushing to the remote" } else { "moving the checkout's branch" });
    sheet.toned("not fresh", &status.stale, Tone::Warn);
    sheet.toned("at work", status.running_task_ids.join(", "), Tone::Active);
    if let Some(checkout) = &status.checkout {
        directory(&mut sheet, "Checkout", checkout);
    }
    if let Some(checkout) = &status.task_checkout {
        directory(&mut sheet, "Task", checkout);
    }
    sheet.finish()
}

fn directory(sheet: &mut Sheet<'_>, heading: &str, checkout: &Checkout) {
    let branch = if checkout.branch.is_empty() { "no branch" } else { checkout.branch.as_str() };
    let mut lines = vec![checkout.directory.clone(), format!("on {branch} at {}", short(&checkout.head))];
    if let (Some(ahead), Some(behind)) = (checkout.ahead, checkout.behind) {
        lines.push(format!("{ahead} ahead of its upstream, {behind} behind"));
    }
    if !checkout.operation.is_empty() {
        lines.push(format!("a {} is in progress", checkout.operation));
    }
    lines.extend(checkout.files.iter().map(file));
    if checkout.files.is_empty() {
        lines.push("nothing uncommitted".to_owned());
    } else if checkout.files_cut {
        lines.push("… and more".to_owned());
    }
    sheet.list(heading, lines);
}

/// A page of branches.
#[must_use]
pub(crate) fn branches(look: &Look, page: &ListBranchesResponse) -> String {
    table(
        look,
        &["BRANCH", "COMMIT", "AGE", "AHEAD", "BEHIND", "TASK", "SUMMARY"],
        page.branches.iter().map(|branch| {
            vec![
                Cell::new(&branch.name).tone(if branch.is_default { Tone::Strong } else { Tone::Plain }),
                Cell::new(short(&branch.commit)),
                Cell::new(time::relative(look, branch.commit_time.as_ref())),
                Cell::number(branch.ahead.to_string()),
                Cell::number(branch.behind.to_string()),
                Cell::new(&branch.task_id),
                Cell::new(&branch.summary),
            ]
        }),
    )
}

/// A page of commits.
#[must_use]
pub(crate) fn commits(look: &Look, page: &ListCommitsResponse) -> String {
    table(
        look,
        &["COMMIT", "AGE", "AUTHOR", "MESSAGE"],
        page.commits.iter().map(|commit| {
            vec![
                Cell::new(short(&commit.id)),
                Cell::new(time::relative(look, commit.commit_time.as_ref())),
                Cell::new(&commit.author_name),
                Cell::new(commit.message.lines().next().unwrap_or_default()),
            ]
        }),
    )
}

/// What differs: the diff, or the files where no text was asked for.
#[must_use]
pub(crate) fn changes(look: &Look, changes: &GetDiffResponse) -> String {
    let place = match DiffSource::try_from(changes.source) {
        Ok(DiffSource::Directory) => "files in the task's directory".to_owned(),
        Ok(DiffSource::Landed) => format!("landed as {}", short(&changes.head)),
        _ => format!("up to {}", short(&changes.head)),
    };
    let base = if changes.base.is_empty() { "nothing" } else { short(&changes.base) };
    let mut lines = vec![look.paint(
        Tone::Dim,
        &clean::line(&format!(
            "against {base}, {place}: {}",
            amount::count(u64::try_from(changes.files.len()).unwrap_or(u64::MAX), "file")
        )),
    )];
    if changes.text.is_empty() {
        lines.extend(changes.files.iter().map(|changed| clean::line(&file(changed))));
        return lines.join("\n");
    }
    for line in clean::block(&changes.text).lines() {
        let tone = match line.bytes().next() {
            Some(b'+') if !line.starts_with("+++") => Tone::Good,
            Some(b'-') if !line.starts_with("---") => Tone::Bad,
            Some(b'@') => Tone::Active,
            _ if line.starts_with("diff ") => Tone::Strong,
            _ => Tone::Plain,
        };
        lines.push(look.paint(tone, line));
    }
    lines.join("\n")
}

/// What landing branches would come to.
#[must_use]
pub(crate) fn forecasts(look: &Look, answer: &CheckConflictsResponse) -> String {
    table(
        look,
        &["BRANCH", "TASK", "COMMIT", "ONTO", "FORECAST"],
        answer.forecasts.iter().map(|forecast| {
            let outcome = if forecast.contained {
                Cell::new("contained already").tone(Tone::Dim)
            } else if forecast.conflicts.is_empty() {
                Cell::new("lands cleanly").tone(Tone::Good)
            } else {
                Cell::new(format!("conflicts in {}", forecast.conflicts.join(", "))).tone(Tone::Bad)
            };
            vec![
                Cell::new(&forecast.branch),
                Cell::new(&forecast.task_id),
                Cell::new(short(&forecast.commit)),
                Cell::new(short(&forecast.target)),
                outcome,
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::check_conflicts_response::BranchForecast;
    use aq_proto::v1::{Branch, Commit};

    use super::*;

    fn changed() -> GetDiffResponse {
        GetDiffResponse {
            source: DiffSource::Branch.into(),
            base: "0".repeat(40),
            head: "1".repeat(40),
            files: vec![ChangedFile { path: "src/login.rs".into(), change: FileChange::Modified.into(), staged: false }],
            text: "diff --git a/src/login.rs b/src/login.rs\n@@ -1 +1 @@\n-old\u{1b}[31m\n+new\n".into(),
            text_cut: false,
        }
    }

    /// F-104, F-115, F-167: a repository, its branches, its history and its changes in words.
    #[test]
    fn repositories() {
        let look = Look::plain();
        let time = Some(prost_types::Timestamp { seconds: look.now.as_second() - 3700, nanos: 0 });
        let checkout = Checkout {
            directory: "/home/me/web".into(),
            branch: "main".into(),
            head: "2".repeat(40),
            files: changed().files,
            ahead: Some(1),
            behind: Some(0),
            ..Default::default()
        };
        let stands = GetGitStatusResponse {
            project_id: "web".into(),
            default_branch: "main".into(),
            head: "2".repeat(40),
            stale: "git fetch timed out after 120 s".into(),
            checkout: Some(checkout),
            running_task_ids: vec!["swift-falcon".into()],
            ..Default::default()
        };
        insta::assert_snapshot!(status(&look, &stands));
        let branch = Branch {
            name: "swift-falcon/fix".into(),
            commit: "1".repeat(40),
            summary: "fix it".into(),
            commit_time: time,
            task_id: "swift-falcon".into(),
            ahead: 2,
            ..Default::default()
        };
        insta::assert_snapshot!(branches(&look, &ListBranchesResponse { branches: vec![branch], ..Default::default() }));
        let commit = Commit {
            id: "1".repeat(40),
            author_name: "Me".into(),
            message: "fix it\n\nwell\n".into(),
            commit_time: time,
            ..Default::default()
        };
        insta::assert_snapshot!(commits(&look, &ListCommitsResponse { commits: vec![commit], ..Default::default() }));
        insta::assert_snapshot!(changes(&look, &changed()));
        insta::assert_snapshot!(changes(
            &look,
            &GetDiffResponse { text: String::new(), source: DiffSource::Directory.into(), ..changed() }
        ));
        let forecast = |conflicts: Vec<String>, contained| BranchForecast {
            branch: "swift-falcon/fix".into(),
            task_id: "swift-falcon".into(),
            commit: "1".repeat(40),
            target: "2".repeat(40),
            conflicts,
            contained,
        };
        let all = vec![forecast(vec!["a.rs".into()], false), forecast(Vec::new(), false), forecast(Vec::new(), true)];
        insta::assert_snapshot!(forecasts(&look, &CheckConflictsResponse { forecasts: all }));
    }
}
