//! Moving git objects between our mirror, run directories and the user's checkout, object by object; every copy is hashed anew (git R6).
//!
//! Spec: specs/server/runner/git.md

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use git2::{Commit, ObjectType, Odb, OdbLookupFlags, Oid, Repository, Sort, Tree};

use super::error::{AtPath, GitError, While};
use super::tidy::is_unfinished;

/// Largest single object taken from a run's directory, in bytes.
const LARGEST: usize = 2 << 30;

/// What was taken from a run's directory.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// New objects that no other new object refers to: tips of work, staged files, stashes.
    pub(super) roots: Vec<(Oid, ObjectType)>,
    /// True when an object could not be read, or refers to one that is nowhere.
    pub(super) damaged: bool,
    /// New objects that cannot be used because something behind them is missing.
    pub(super) broken: BTreeSet<Oid>,
}

/// Copies everything in `theirs` (an agent's object folder) that the mirror does not have.
pub(super) fn take(mirror: &Repository, theirs: &Path) -> Result<Taken, GitError> {
    let mut taken = Taken::default();
    let ours = mirror.odb().doing("opening the mirror's objects")?;
    let source = Odb::new().doing("opening a run's objects")?;
    source.add_disk_alternate(&theirs.to_string_lossy()).doing("opening a run's objects")?;
    let mut new = BTreeMap::new();
    for id in candidates(mirror, &source, theirs)? {
        if ours.exists_ext(id, OdbLookupFlags::NO_REFRESH) || ours.exists(id) {
            continue;
        }
        match source.read_header(id) {
            Ok((size, _)) if size <= LARGEST => {}
            _ => {
                taken.damaged = true;
                continue;
            }
        }
        let Ok(object) = source.read(id) else {
            taken.damaged = true;
            continue;
        };
        let written = ours.write(object.kind(), object.data()).doing("saving an object")?;
        new.insert(written, object.kind());
    }
    link(mirror, &ours, &new, &mut taken)?;
    Ok(taken)
}

/// Ids that may be new: loose files, and, when there is a pack that we did not make, everything in packs.
fn candidates(mirror: &Repository, source: &Odb<'_>, theirs: &Path) -> Result<BTreeSet<Oid>, GitError> {
    let mut ids = BTreeSet::new();
    let known = mirror.path().join("objects/pack");
    let packs = theirs.join("pack");
    let foreign = packs.is_dir()
        && fs::read_dir(&packs)
            .at(&packs)?
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|kind| kind == "pack") && !known.join(entry.file_name()).exists());
    if foreign {
        source
            .foreach(|id| {
                ids.insert(*id);
                true
            })
            .doing("listing a run's objects")?;
        return Ok(ids);
    }
    for (_, folder) in loose_folders(theirs)? {
        for entry in fs::read_dir(&folder).at(&folder)?.flatten() {
            let (Some(start), Some(rest)) =
                (folder.file_name().and_then(|name| name.to_str()), entry.file_name().to_str().map(str::to_owned))
            else {
                continue;
            };
            if let Some(id) = (rest.len() == 38).then(|| Oid::from_str(&format!("{start}{rest}")).ok()).flatten() {
                ids.insert(id);
            }
        }
    }
    Ok(ids)
}

fn loose_folders(objects: &Path) -> Result<Vec<(String, std::path::PathBuf)>, GitError> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(objects).at(objects)? {
        let entry = entry.at(objects)?;
        if let Some(name) = entry.file_name().to_str()
            && name.len() == 2
            && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            folders.push((name.to_owned(), entry.path()));
        }
    }
    Ok(folders)
}

/// Finds which new objects are whole, and which are referred to by no other.
fn link(mirror: &Repository, ours: &Odb<'_>, new: &BTreeMap<Oid, ObjectType>, taken: &mut Taken) -> Result<(), GitError> {
    let mut referrers: BTreeMap<Oid, Vec<Oid>> = BTreeMap::new();
    let mut broken = Vec::new();
    for (id, kind) in new {
        match references(mirror, *id, *kind) {
            Some(targets) => {
                for target in targets {
                    if !new.contains_key(&target) && !ours.exists(target) {
                        broken.push(*id);
                    }
                    referrers.entry(target).or_default().push(*id);
                }
            }
            None => broken.push(*id),
        }
    }
    while let Some(id) = broken.pop() {
        if taken.broken.insert(id) {
            taken.damaged = true;
            broken.extend(referrers.get(&id).into_iter().flatten());
        }
    }
    let unreferred = |id: &Oid| referrers.get(id).is_none_or(|from| from.iter().all(|from| taken.broken.contains(from)));
    taken.roots = new.iter().filter(|(id, _)| !taken.broken.contains(*id) && unreferred(id)).map(|(id, kind)| (*id, *kind)).collect();
    Ok(())
}

/// What an object needs to be whole; `None` when it cannot be read. Submodule commits live elsewhere.
fn references(repo: &Repository, id: Oid, kind: ObjectType) -> Option<Vec<Oid>> {
    match kind {
        ObjectType::Commit => {
            let commit = repo.find_commit(id).ok()?;
            Some(std::iter::once(commit.tree_id()).chain(commit.parent_ids()).collect())
        }
        ObjectType::Tree => {
            let tree = repo.find_tree(id).ok()?;
            Some(tree.iter().filter(|entry| entry.kind() != Some(ObjectType::Commit)).map(|entry| entry.id()).collect())
        }
        ObjectType::Tag => Some(vec![repo.find_tag(id).ok()?.target_id()]),
        _ => Some(Vec::new()),
    }
}

/// Copies the object files of our mirror into a run's directory, leaving out what is there. Copies, not links: what an agent does to its
/// files never reaches ours.
pub(super) fn give(ours: &Path, theirs: &Path) -> Result<(), GitError> {
    let packs = theirs.join("pack");
    fs::create_dir_all(&packs).at(&packs)?;
    let info = theirs.join("info");
    fs::create_dir_all(&info).at(&info)?;
    let source = ours.join("pack");
    if source.is_dir() {
        // The index file last: a pack is only seen once it is whole.
        for kind in ["pack", "idx"] {
            copy_new(&source, &packs, |name| name.extension().is_some_and(|found| found == kind))?;
        }
    }
    for (name, folder) in loose_folders(ours)? {
        let target = theirs.join(name);
        if !target.is_dir() {
            fs::create_dir(&target).at(&target)?;
        }
        copy_new(&folder, &target, |_| true)?;
    }
    Ok(())
}

fn copy_new(from: &Path, to: &Path, wanted: impl Fn(&Path) -> bool) -> Result<(), GitError> {
    for entry in fs::read_dir(from).at(from)? {
        let entry = entry.at(from)?;
        let path = entry.path();
        let target = to.join(entry.file_name());
        if is_unfinished(&entry.file_name().to_string_lossy()) || !wanted(&path) || target.exists() {
            continue;
        }
        fs::copy(&path, &target).at(&path)?;
    }
    Ok(())
}

/// Writes the commits `from..=tip` that lie behind `tip` but not behind `have` into `target`, oldest first, so that it is whole at every moment.
pub(super) fn send(source: &Repository, target: &Repository, tip: Oid, have: Option<Oid>) -> Result<(), GitError> {
    let (from, to) = (source.odb().doing("opening objects")?, target.odb().doing("opening objects")?);
    let mut walk = source.revwalk().doing("listing commits")?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE).doing("listing commits")?;
    walk.push(tip).doing("listing commits")?;
    if let Some(have) = have.filter(|id| from.exists(*id)) {
        walk.hide(have).doing("listing commits")?;
    }
    for id in walk {
        let commit = source.find_commit(id.doing("listing commits")?).doing("reading a commit")?;
        if !to.exists(commit.id()) {
            send_commit(source, &from, &to, &commit)?;
        }
    }
    Ok(())
}

fn send_commit(source: &Repository, from: &Odb<'_>, to: &Odb<'_>, commit: &Commit<'_>) -> Result<(), GitError> {
    send_tree(source, from, to, &commit.tree().doing("reading a tree")?)?;
    send_one(from, to, commit.id())
}

fn send_tree(source: &Repository, from: &Odb<'_>, to: &Odb<'_>, tree: &Tree<'_>) -> Result<(), GitError> {
    if to.exists(tree.id()) {
        return Ok(());
    }
    for entry in tree {
        match entry.kind() {
            Some(ObjectType::Tree) => send_tree(source, from, to, &source.find_tree(entry.id()).doing("reading a tree")?)?,
            Some(ObjectType::Blob) if !to.exists(entry.id()) => send_one(from, to, entry.id())?,
            _ => {}
        }
    }
    send_one(from, to, tree.id())
}

fn send_one(from: &Odb<'_>, to: &Odb<'_>, id: Oid) -> Result<(), GitError> {
    let object = from.read(id).doing("reading an object")?;
    to.write(object.kind(), object.data()).map(drop).doing("writing an object")
}
