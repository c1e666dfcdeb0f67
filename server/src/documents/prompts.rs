//! Prompt templates of one project.

use std::path::PathBuf;

use aq_core::ids::ProjectId;
use aq_core::prompt::{Header, MAX_PARTS, category, header, prompt_name, split};

use super::error::DocumentError;
use super::folder::{Folder, MOST_READ};
use super::notes::MOST;
use crate::config::yaml_value;

const ENDING: &str = ".md";
/// Folders and files that are no templates.
const LEFT_OUT: [&str; 2] = ["_examples", "README.md"];

/// The templates of a project below the server's home.
#[derive(Clone, Debug)]
pub struct Prompts {
    home: PathBuf,
    project: ProjectId,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Its name with folders.
    pub name: String,
    /// What its header says; empty when that cannot be read.
    pub header: Header,
    /// Its category.
    pub category: String,
    /// The text behind the header.
    pub body: String,
    /// What is wrong with the header; empty: nothing.
    pub problem: String,
}

impl Prompt {
    /// Reads the file of a template.
    #[must_use]
    pub fn parse(name: &str, file: &str) -> Self {
        let (head, body) = split(file);
        let read = head.map_or_else(|| Ok(Header::default()), |head| yaml_value(head).and_then(|value| header(&value)));
        let (header, problem) = match read {
            Ok(header) => (header, String::new()),
            Err(problem) => (Header::default(), problem),
        };
        Self { name: name.to_owned(), category: category(name, &header), header, body: body.to_owned(), problem }
    }

    /// The title: the header's, else the last part of the name.
    #[must_use]
    pub fn title(&self) -> &str {
        self.header.title.as_deref().unwrap_or_else(|| last(&self.name))
    }
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

impl Prompts {
    /// The templates of `project`.
    #[must_use]
    pub fn new(home: PathBuf, project: ProjectId) -> Self {
        Self { home, project }
    }

    /// The file of a template.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.join("projects").join(self.project.as_str()).join("prompts").join(format!("{name}{ENDING}"))
    }

    fn folder(&self, make: bool) -> Result<Option<Folder>, DocumentError> {
        Folder::open(&self.home, &["projects", self.project.as_str(), "prompts"], make)
    }

    /// Every template, by category and name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn all(&self) -> Result<Vec<Prompt>, DocumentError> {
        let mut found = Vec::new();
        if let Some(folder) = self.folder(false)? {
            gather(&folder, "", 1, &mut found)?;
        }
        found.sort_by(|one, two| (&one.category, &one.name).cmp(&(&two.category, &two.name)));
        Ok(found)
    }

    /// The template of this name, last part of a name, or title.
    ///
    /// # Errors
    /// [`DocumentError::Missing`].
    pub fn read(&self, wanted: &str) -> Result<Prompt, DocumentError> {
        let wanted = wanted.strip_suffix(ENDING).unwrap_or(wanted);
        let mut all = self.all()?;
        let by = |is: &dyn Fn(&Prompt) -> bool| all.iter().position(is);
        let at = by(&|prompt| prompt.name == wanted)
            .or_else(|| by(&|prompt| last(&prompt.name) == wanted))
            .or_else(|| by(&|prompt| prompt.header.title.as_deref() == Some(wanted)))
            .or_else(|| prompt_name(wanted).ok().and_then(|name| by(&|prompt| prompt.name == name)));
        match at {
            Some(at) => Ok(all.swap_remove(at)),
            None => Err(DocumentError::Missing(wanted.chars().take(200).collect())),
        }
    }

    /// Writes a template whole; `name` is one that [`prompt_name`] gave.
    ///
    /// # Errors
    /// [`DocumentError::TooMany`], or when the disk refuses.
    pub fn write(&self, name: &str, file: &str) -> Result<Prompt, DocumentError> {
        let is_new = !self.all()?.iter().any(|prompt| prompt.name == name);
        if is_new && self.all()?.len() >= MOST {
            return Err(DocumentError::TooMany(MOST));
        }
        let missing = || DocumentError::Missing(name.to_owned());
        let (folder, file_name) = self.place(name, true)?.ok_or_else(missing)?;
        folder.write(&file_name, file)?;
        Ok(Prompt::parse(name, file))
    }

    /// Removes a template by its whole name.
    ///
    /// # Errors
    /// [`DocumentError::Missing`].
    pub fn remove(&self, name: &str) -> Result<(), DocumentError> {
        let missing = || DocumentError::Missing(name.to_owned());
        let (folder, file_name) = self.place(name, false)?.ok_or_else(missing)?;
        if folder.remove(&file_name)? { Ok(()) } else { Err(missing()) }
    }

    fn place(&self, name: &str, make: bool) -> Result<Option<(Folder, String)>, DocumentError> {
        let Some(mut folder) = self.folder(make)? else { return Ok(None) };
        let mut parts: Vec<&str> = name.split('/').collect();
        let file = format!("{}{ENDING}", parts.pop().unwrap_or_default());
        for part in parts {
            let Some(next) = folder.inside(part, make)? else { return Ok(None) };
            folder = next;
        }
        Ok(Some((folder, file)))
    }
}

fn gather(folder: &Folder, prefix: &str, depth: usize, found: &mut Vec<Prompt>) -> Result<(), DocumentError> {
    for entry in folder.entries()? {
        if LEFT_OUT.contains(&entry.name.as_str()) || found.len() > MOST {
            continue;
        }
        if entry.is_folder {
            if let Some(inner) = folder.inside(&entry.name, false)?.filter(|_| depth < MAX_PARTS) {
                gather(&inner, &format!("{prefix}{}/", entry.name), depth + 1, found)?;
            }
        } else if let Some(stem) = entry.name.strip_suffix(ENDING).filter(|stem| !stem.is_empty())
            && let Ok(Some(read)) = folder.read(&entry.name, MOST_READ)
        {
            found.push(Prompt::parse(&format!("{prefix}{stem}"), &read.text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-170, notes R10: what is a template, its category, and a header that cannot be read.
    #[test]
    fn templates_are_found_in_folders() {
        let home = tempfile::tempdir().unwrap();
        let prompts = Prompts::new(home.path().to_owned(), ProjectId::parse("app").unwrap());
        assert!(prompts.all().unwrap().is_empty());
        prompts.write("hooks/watch", "---\nname: Test watcher\ntags: [ci]\n---\nRun {{what}}").unwrap();
        prompts.write("plain", "Just text").unwrap();
        prompts.write("a/b/c", "---\ntags: {}\n---\nx").unwrap();
        let base = home.path().join("projects/app/prompts");
        for left_out in ["README.md", "_examples/x.md", ".hidden.md", "a/b/d/e.md", "notes.txt"] {
            let file = base.join(left_out);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "x").unwrap();
        }
        let all = prompts.all().unwrap();
        let names: Vec<_> = all.iter().map(|prompt| (prompt.category.as_str(), prompt.name.as_str())).collect();
        assert_eq!(names, [("b", "a/b/c"), ("custom", "plain"), ("hooks", "hooks/watch")]);
        assert!(all[0].problem.contains("tags"), "{}", all[0].problem);
        for wanted in ["hooks/watch", "watch", "watch.md", "Test watcher"] {
            assert_eq!(prompts.read(wanted).unwrap().name, "hooks/watch", "{wanted}");
        }
        assert!(prompts.read("../watch").is_err() && prompts.read("nothing").is_err());
        prompts.remove("plain").unwrap();
        assert!(matches!(prompts.remove("plain"), Err(DocumentError::Missing(_))));
    }
}
