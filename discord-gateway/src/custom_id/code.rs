//! Reading and writing: `aq1:word:argument:…`. The server decides again what may be done; here only the form is checked.

use super::action::{Action, Note, Verb};

/// The version that ids begin with. Ids of other versions are told apart from nonsense.
const VERSION: &str = "aq1";

/// Longest id.
const LONGEST: usize = 100;

/// Why an id means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It belongs to another version of the gateway.
    #[error("this button belongs to another version of Agent Queue; use the command instead")]
    OtherVersion,
    /// It is not one of ours.
    #[error("this button means nothing to Agent Queue")]
    Unknown,
}

/// The text of an action; `None` when an argument does not fit.
pub(crate) fn write(action: &Action) -> Option<String> {
    let words = match action {
        Action::On(verb, id) => {
            let word = Verb::WORDS.iter().find(|(known, _)| known == verb).map(|(_, word)| *word)?;
            vec![word.to_owned(), id.clone()]
        }
        Action::Allow { task, question, always } => {
            vec![(if *always { "always" } else { "allow" }).to_owned(), task.clone(), question.clone()]
        }
        Action::Deny { task, question } => vec!["deny".to_owned(), task.clone(), question.clone()],
        Action::Option { task, question, index } => {
            vec!["option".to_owned(), task.clone(), question.clone(), index.map_or_else(|| "v".to_owned(), |index| index.to_string())]
        }
        Action::Tasks { project, view, open, page } => {
            let project = if project.is_empty() { "*".to_owned() } else { project.clone() };
            vec!["tasks".to_owned(), project, view.to_string(), format!("{open:x}"), page.to_string()]
        }
        Action::Notes { project, note } => {
            let (word, name) = match note {
                Note::View(name) => ("view", name.clone()),
                Note::Dismiss(name) => ("dismiss", name.clone()),
                Note::Delete(name) => ("delete", name.clone()),
                Note::DeleteSure(name) => ("delete-sure", name.clone()),
                Note::Page(page) => ("page", page.to_string()),
                Note::Refresh => ("refresh", "x".to_owned()),
                Note::Close => ("close", "x".to_owned()),
            };
            vec!["notes".to_owned(), project.clone(), word.to_owned(), name]
        }
        Action::Choose => vec!["choose".to_owned()],
        Action::DeleteProject { project, archive } => {
            vec!["delete-project".to_owned(), project.clone(), (if *archive { "y" } else { "n" }).to_owned()]
        }
        Action::CancelChat { message } => vec!["cancel".to_owned(), message.clone()],
    };
    let text = format!("{VERSION}:{}", words.join(":"));
    (text.len() <= LONGEST && read(&text).as_ref() == Ok(action)).then_some(text)
}

/// The action of a text.
pub(crate) fn read(text: &str) -> Result<Action, Unreadable> {
    if text.len() > LONGEST {
        return Err(Unreadable::Unknown);
    }
    let mut words = text.split(':');
    let version = words.next().unwrap_or_default();
    if version != VERSION {
        let ours = version.strip_prefix("aq").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        return Err(if ours { Unreadable::OtherVersion } else { Unreadable::Unknown });
    }
    let words: Vec<&str> = words.collect();
    let action = match words.as_slice() {
        ["allow" | "always", task, question] => {
            Action::Allow { task: id(task)?, question: id(question)?, always: words.first() == Some(&"always") }
        }
        ["deny", task, question] => Action::Deny { task: id(task)?, question: id(question)? },
        ["option", task, question, "v"] => Action::Option { task: id(task)?, question: id(question)?, index: None },
        ["option", task, question, index] => Action::Option { task: id(task)?, question: id(question)?, index: Some(number(index)?) },
        ["tasks", project, view, open, page] => Action::Tasks {
            project: if *project == "*" { String::new() } else { id(project)? },
            view: match *view {
                "l" => 'l',
                "t" => 't',
                "c" => 'c',
                _ => return Err(Unreadable::Unknown),
            },
            open: u16::from_str_radix(open, 16).ok().filter(|read| format!("{read:x}") == *open).ok_or(Unreadable::Unknown)?,
            page: number(page)?,
        },
        ["notes", project, word, name] => {
            let note = match (*word, *name) {
                ("view", name) => Note::View(id(name)?),
                ("dismiss", name) => Note::Dismiss(id(name)?),
                ("delete", name) => Note::Delete(id(name)?),
                ("delete-sure", name) => Note::DeleteSure(id(name)?),
                ("page", page) => Note::Page(number(page)?),
                ("refresh", "x") => Note::Refresh,
                ("close", "x") => Note::Close,
                _ => return Err(Unreadable::Unknown),
            };
            Action::Notes { project: id(project)?, note }
        }
        ["choose"] => Action::Choose,
        ["delete-project", project, archive @ ("y" | "n")] => Action::DeleteProject { project: id(project)?, archive: *archive == "y" },
        ["cancel", message] => Action::CancelChat { message: id(message)? },
        [word, subject] => {
            let verb = Verb::WORDS.iter().find(|(_, known)| known == word).ok_or(Unreadable::Unknown)?.0;
            Action::On(verb, id(subject)?)
        }
        _ => return Err(Unreadable::Unknown),
    };
    Ok(action)
}

/// Ids as the server makes them; whatever else stands there was not written by us.
fn id(text: &str) -> Result<String, Unreadable> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) { Ok(text.to_owned()) } else { Err(Unreadable::Unknown) }
}

/// A number written the only way there is.
fn number<N: std::str::FromStr + std::fmt::Display>(text: &str) -> Result<N, Unreadable> {
    text.parse().ok().filter(|number: &N| number.to_string() == text).ok_or(Unreadable::Unknown)
}

/// A short name of a question, which has an id of any length: two questions of one task never share it by accident.
pub(crate) fn fingerprint(question: &str) -> String {
    // FNV-1a.
    let hash = question.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// F-218, actions R1: what is written is read back, by any later start of the gateway.
    #[test]
    fn every_action_is_read_back() {
        let task = || "swift-falcon".to_owned();
        let question = fingerprint("toolu_01");
        let mut actions: Vec<Action> = Verb::WORDS.iter().map(|(verb, _)| Action::On(*verb, task())).collect();
        actions.extend([
            Action::Allow { task: task(), question: question.clone(), always: false },
            Action::Allow { task: task(), question: question.clone(), always: true },
            Action::Deny { task: task(), question: question.clone() },
            Action::Option { task: task(), question: question.clone(), index: Some(3) },
            Action::Option { task: task(), question, index: None },
            Action::Tasks { project: String::new(), view: 'l', open: 0x7ff, page: 0 },
            Action::Tasks { project: "app".to_owned(), view: 't', open: 0, page: 12 },
            Action::Choose,
            Action::Notes { project: "app".to_owned(), note: Note::View(fingerprint("n")) },
            Action::Notes { project: "app".to_owned(), note: Note::DeleteSure(fingerprint("n")) },
            Action::Notes { project: "app".to_owned(), note: Note::Page(3) },
            Action::Notes { project: "app".to_owned(), note: Note::Close },
            Action::DeleteProject { project: "app".to_owned(), archive: true },
            Action::CancelChat { message: "12".to_owned() },
        ]);
        for action in actions {
            let text = write(&action).unwrap();
            assert!(text.len() <= LONGEST && read(&text) == Ok(action), "{text}");
        }
        assert_eq!(write(&Action::On(Verb::Skip, "x".repeat(99))), None);
    }

    /// F-218, actions R2: forged and foreign ids do nothing.
    #[test]
    fn forged_ids_are_refused() {
        for text in [
            "",
            "notes:x",
            "aq1",
            "aq1:skip",
            "aq1:skip:",
            "aq1:skip:UP",
            "aq1:skip:a:b",
            "aq1:drop:a",
            "aq1:tasks:*:l:07:0",
            "aq1:option:a:b:+1",
        ] {
            assert_eq!(read(text), Err(Unreadable::Unknown), "{text}");
        }
        assert_eq!(read("aq2:skip:a"), Err(Unreadable::OtherVersion));
        assert_eq!(read("aq0:anything"), Err(Unreadable::OtherVersion));
    }

    proptest! {
        /// Actions R2: no text whatever makes the reader stumble, and nothing is read that would be written otherwise.
        #[test]
        fn reading_never_stumbles(text in "(aq1:)?[a-z0-9:*-]{0,40}|\\PC{0,60}") {
            if let Ok(action) = read(&text) {
                prop_assert_eq!(write(&action), Some(text));
            }
        }
    }
}
