//! What this machine is checked for.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use crate::context::Context;
use crate::local::{disk, program};
use crate::render::finding::{Check, Verdict};

/// Oldest git that is known to do.
const GIT: (u32, u32) = (2, 30);
/// Less room than this is a failure, less than four times as much a warning, in bytes.
const ROOM: u64 = 1024 * 1024 * 1024;
/// The most names that a line holds.
const SHOWN: usize = 3;

/// The checks, in order.
pub(super) async fn checks(context: &Context) -> Vec<Check> {
    let mut all = vec![git(context).await];
    match context.home() {
        Ok(home) => {
            all.push(permissions(&home));
            all.push(room(disk::free_bytes(&home).ok()));
            all.push(quarantine(&home));
        }
        Err(error) => all.push(Check::new("home", Verdict::Failed, error.message).hint("give one with --home")),
    }
    let folders = context.environment.search_path();
    for agent in &program::AGENT_PROGRAMS {
        let name = format!("agent {}", agent.name);
        all.push(match program::find_in(agent.name, &folders) {
            None => Check::new(name, Verdict::Info, "not on PATH").hint(format!("install it to use the runtime {}", agent.runtime)),
            Some(path) => match program::version(&path).await {
                Some(version) => Check::new(name, Verdict::Ok, format!("{version} at {}", path.display())),
                None => Check::new(name, Verdict::Warning, format!("{} does not tell its version", path.display()))
                    .hint("does it start by hand?"),
            },
        });
    }
    all
}

async fn git(context: &Context) -> Check {
    let Some(path) = program::find_in("git", &context.environment.search_path()) else {
        return Check::new("git", Verdict::Failed, "not on PATH").hint(format!("install git {}.{} or newer", GIT.0, GIT.1));
    };
    judge_git(program::version(&path).await.as_deref())
}

fn judge_git(said: Option<&str>) -> Check {
    let said = said.unwrap_or_default();
    let mut numbers = said.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= GIT => Check::new("git", Verdict::Ok, said),
        (Some(_), Some(_)) => Check::new("git", Verdict::Failed, said).hint(format!("install git {}.{} or newer", GIT.0, GIT.1)),
        _ => Check::new("git", Verdict::Failed, "does not tell its version").hint("does `git --version` work by hand?"),
    }
}

fn permissions(home: &Path) -> Check {
    let name = "home";
    let metadata = match home.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Check::new(name, Verdict::Info, format!("{} does not exist yet", home.display()))
                .hint("the first start makes it: aqctl server start");
        }
        Err(error) => return Check::new(name, Verdict::Failed, format!("{}: {error}", home.display())),
    };
    let mode = metadata.permissions().mode() & 0o777;
    if !metadata.is_dir() {
        return Check::new(name, Verdict::Failed, format!("{} is no directory", home.display())).hint("name another with --home");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Check::new(name, Verdict::Warning, format!("{} belongs to somebody else", home.display()))
            .hint("is this the home of your server?");
    }
    if mode & 0o077 != 0 {
        return Check::new(name, Verdict::Failed, format!("{} can be read by others (mode {mode:o})", home.display()))
            .hint(format!("aqctl doctor --fix, or: chmod 700 {}", home.display()));
    }
    Check::new(name, Verdict::Ok, format!("{}, mode {mode:o}", home.display()))
}

fn room(free: Option<u64>) -> Check {
    let Some(free) = free else { return Check::new("disk", Verdict::Warning, "the free room cannot be told") };
    let text = format!("{}.{} GiB free", free / ROOM, free % ROOM * 10 / ROOM);
    let hint = "make room: nothing is started on a full disk";
    match free {
        0..ROOM => Check::new("disk", Verdict::Failed, text).hint(hint),
        _ if free < 4 * ROOM => Check::new("disk", Verdict::Warning, text).hint(hint),
        _ => Check::new("disk", Verdict::Ok, text),
    }
}

/// What the server did not dare to remove (workspaces R7) lies there until a person has looked.
fn quarantine(home: &Path) -> Check {
    let (name, place) = ("quarantine", home.join("quarantine"));
    let entries = match place.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Check::new(name, Verdict::Ok, "empty"),
        Err(error) => return Check::new(name, Verdict::Warning, format!("{}: {error}", place.display())),
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let (count, shown) = (names.len(), names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", "));
    let more = if count > SHOWN { ", …" } else { "" };
    match count {
        0 => Check::new(name, Verdict::Ok, "empty"),
        _ => Check::new(name, Verdict::Warning, format!("work that the server could not save lies there, {count} in all: {shown}{more}"))
            .hint(format!("look for work you need in {}, then remove what is left; the server never does", place.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// server-control R7: what is judged how.
    #[test]
    fn versions_and_room_are_judged() {
        assert_eq!(judge_git(Some("git version 2.39.5")).verdict, Verdict::Ok);
        assert_eq!(judge_git(Some("git version 2.9.0 (Apple)")).verdict, Verdict::Failed);
        assert_eq!(judge_git(None).verdict, Verdict::Failed);
        assert_eq!(
            [room(Some(1)), room(Some(2 * ROOM)), room(Some(9 * ROOM)), room(None)].map(|check| check.verdict),
            [Verdict::Failed, Verdict::Warning, Verdict::Ok, Verdict::Warning]
        );
        assert_eq!(room(Some(9 * ROOM + ROOM / 2)).message, "9.5 GiB free");
    }

    /// server-control R7, I-45: a home that others can read is a failure with its remedy.
    #[test]
    fn an_open_home_is_a_failure() {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let check = permissions(home.path());
        assert_eq!(check.verdict, Verdict::Failed);
        assert!(check.hint.contains("--fix, or: chmod 700"), "{}", check.hint);
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(permissions(home.path()).verdict, Verdict::Ok);
        assert_eq!(permissions(&home.path().join("missing")).verdict, Verdict::Info);
    }

    /// server-control R7: work in the quarantine is told by name until a person has removed it.
    #[test]
    fn the_quarantine_is_told() {
        let home = tempfile::tempdir().unwrap();
        let told = |check: Check| (check.verdict, check.message);
        let empty = || (Verdict::Ok, "empty".to_owned());
        assert_eq!(told(quarantine(home.path())), empty());
        let place = home.path().join("quarantine");
        std::fs::create_dir(&place).unwrap();
        assert_eq!(told(quarantine(home.path())), empty());
        for task in ["swift-falcon", "calm-otter", "brave-lynx", "quiet-heron"] {
            std::fs::create_dir(place.join(format!("{task}.1.20261130"))).unwrap();
        }
        let check = quarantine(home.path());
        assert!(check.hint.contains(&place.display().to_string()), "{}", check.hint);
        let names = "brave-lynx.1.20261130, calm-otter.1.20261130, quiet-heron.1.20261130, …";
        assert_eq!(told(check), (Verdict::Warning, format!("work that the server could not save lies there, 4 in all: {names}")));
        std::fs::remove_dir_all(&place).unwrap();
        std::fs::write(&place, "").unwrap();
        assert_eq!(quarantine(home.path()).verdict, Verdict::Warning);
    }
}
