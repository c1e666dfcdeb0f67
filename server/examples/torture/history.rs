//! What landed: every completed task's file and commit are on the default branch once, and nothing else is. A soak takes the files away again.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{Books, Fate, Known, Project};
use super::figures::Figures;
use super::git::git;
use super::work::{Kind, file};

/// Looks at both repositories.
pub(crate) fn look(books: &Books, figures: &mut Figures) -> Result<(), String> {
    figures.commits = 0;
    for (index, project) in books.projects.iter().enumerate() {
        let done: Vec<&Known> = books.with_fate(Fate::Completed).filter(|known| known.wanted.project == index).collect();
        files(project, &done, &books.cleared, figures)?;
        commits(project, &done, figures)?;
        if let Err(error) = git(&project.repository, &["fsck", "--connectivity-only", "--no-dangling"]) {
            figures.violation(format!("{} is damaged: {error}", project.id));
        }
    }
    Ok(())
}

/// Takes away the files that landed, by a commit to each default branch as people make them; to be called when everything is looked at and nothing moves.
/// Without it a checkout would grow with the length of a soak, and what is measured of the server with it.
pub(crate) fn clear_away(books: &mut Books) -> Result<(), String> {
    for project in &books.projects {
        let in_repository = |arguments: &[&str]| git(&project.repository, arguments).map(|printed| printed.trim().to_owned());
        let main = in_repository(&["rev-parse", "main"])?;
        let first = in_repository(&["rev-list", "--max-parents=0", "main"])?;
        // The first commit holds all that is not a task's.
        let tree = format!("{first}^{{tree}}");
        let commit = in_repository(&["commit-tree", &tree, "-p", &main, "-m", "clear away what landed"])?;
        in_repository(&["update-ref", "refs/heads/main", &commit, &main])?;
    }
    let landed: Vec<String> = books.with_fate(Fate::Completed).map(|known| known.wanted.key.clone()).collect();
    books.cleared.extend(landed);
    Ok(())
}

fn files(project: &Project, done: &[&Known], cleared: &BTreeSet<String>, figures: &mut Figures) -> Result<(), String> {
    let listed = git(&project.repository, &["ls-tree", "-r", "--name-only", "main", "out"])?;
    let on_main: BTreeSet<&str> = listed.lines().collect();
    let (gone, expected): (Vec<&Known>, Vec<&Known>) = done.iter().copied().partition(|known| cleared.contains(&known.wanted.key));
    let names = |tasks: Vec<&Known>| tasks.iter().map(|known| file(&known.wanted.key)).collect::<BTreeSet<_>>();
    let (gone, expected) = (names(gone), names(expected));
    for name in expected.iter().filter(|name| !on_main.contains(name.as_str())) {
        figures.violation(format!("{name} of a completed task is not on main of {}", project.id));
    }
    for name in on_main.iter().filter(|name| !expected.contains(**name)) {
        figures.violation(format!("{name} is on main of {} although its task did not complete", project.id));
    }
    let changes = git(&project.repository, &["log", "--format=", "--name-status", "--no-renames", "main", "--", "out"])?;
    let mut added: BTreeMap<&str, usize> = BTreeMap::new();
    let mut removed: BTreeMap<&str, usize> = BTreeMap::new();
    for line in changes.lines().filter(|line| !line.is_empty()) {
        match line.split_once('\t') {
            Some(("A", name)) => *added.entry(name).or_default() += 1,
            Some(("D", name)) if gone.contains(name) => *removed.entry(name).or_default() += 1,
            _ => figures.violation(format!("main of {} holds the change `{line}`, which nobody made", project.id)),
        }
    }
    for name in gone.iter().filter(|name| !added.contains_key(name.as_str())) {
        figures.violation(format!("{name} of a completed task was never on main of {}", project.id));
    }
    for (changes, did) in [(added, "added"), (removed, "removed")] {
        for (name, times) in changes.into_iter().filter(|(_, times)| *times > 1) {
            figures.violation(format!("{name} was {did} {times} times on main of {}", project.id));
        }
    }
    Ok(())
}

fn commits(project: &Project, done: &[&Known], figures: &mut Figures) -> Result<(), String> {
    let log = git(&project.repository, &["log", "--format=%s%x09%(trailers:key=Task-Id,valueonly,separator=%x2C)", "main"])?;
    let mut subjects: BTreeMap<&str, usize> = BTreeMap::new();
    let mut trailers: BTreeMap<&str, usize> = BTreeMap::new();
    for line in log.lines() {
        figures.commits += 1;
        let (subject, trailer) = line.split_once('\t').unwrap_or((line, ""));
        *subjects.entry(subject).or_default() += 1;
        if !trailer.is_empty() {
            *trailers.entry(trailer).or_default() += 1;
        }
    }
    for known in done {
        let subject = format!("work {}", known.wanted.key);
        let own = subjects.remove(subject.as_str()).unwrap_or_default();
        let ours = trailers.remove(known.id.as_str()).unwrap_or_default();
        let left_over = usize::from(known.wanted.kind == Kind::LeavesOver);
        if (own, ours) != (usize::from(known.wanted.kind.commits()), left_over) {
            figures
                .violation(format!("{} ({}) has {own} commits of its agent and {ours} of the server on main", known.wanted.key, known.id));
        }
    }
    for subject in subjects.keys().filter(|subject| subject.starts_with("work ")) {
        figures.violation(format!("the commit `{subject}` is on main of {} although its task did not complete", project.id));
    }
    for task in trailers.keys() {
        figures.violation(format!("a commit of the task {task} is on main of {} although it did not complete", project.id));
    }
    Ok(())
}
