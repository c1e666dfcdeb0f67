//! What a call that changes something is about, read off its request and its answer for the audit log: the things that it names and what it chooses.
//!
//! Which fields say that is found in the descriptions of the contract, so that a new call is told like the others: ids and names, enumerations,
//! switches, which of several kinds of an answer was given, the fields that an update changes. Free text is never taken.
//!
//! Spec: specs/server/audit.md

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use aq_core::audit::Entry;
use aq_core::principal::Principal;
use aq_core::time::Timestamp;
use aq_runner::redact::Redactor;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use crate::commands::{About, Trail};
use crate::lifecycle::Tx;

/// Most things told of one call; a batch may name more.
const MOST: usize = 50;
/// Longest name that is told, in bytes.
const LONGEST: usize = 128;

/// Fields that are ids of something else than what this server holds.
const FOREIGN: [&str; 4] = ["request_id", "session_id", "call_id", "lease_id"];

/// What a field of a message says.
#[derive(Clone, Debug)]
enum Says {
    /// Which thing: its kind.
    Thing(String),
    /// What was chosen: the name of the field and the words of its numbers.
    Choice(String, BTreeMap<u64, String>),
    /// A switch that was set.
    Switch(String),
    /// That this member of a group was given: the name of the group and its own; and what it says itself.
    Member(String, String, Option<Shape>),
    /// The fields that are changed.
    Mask(String),
    /// What its own fields say.
    Inside(Shape),
    /// The id that makes repeating the call safe.
    RequestId,
}

/// What the fields of a message say, by their numbers.
type Shape = BTreeMap<u64, Says>;

/// A call that changes something.
struct Shapes {
    path: &'static str,
    request: Shape,
    answer: Shape,
}

static CALLS: LazyLock<BTreeMap<String, Shapes>> = LazyLock::new(|| {
    // The bytes are made by our own build; a set that does not decode leaves the table empty, and a test below fails.
    let pool = DescriptorPool::decode(aq_proto::FILE_DESCRIPTOR_SET).unwrap_or_default();
    let mut calls = BTreeMap::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let known = super::permissions::TABLE.iter().map(|(path, _)| *path).find(|known| *known == path);
        if let Some(path) = known
            && method.input().get_field_by_name("request_id").is_some()
        {
            calls.insert(path.to_owned(), Shapes { path, request: of_request(&method.input(), 0), answer: of_answer(&method.output(), 0) });
        }
    }
    calls
});

/// True when the call changes something.
pub(super) fn changes(path: &str) -> bool {
    CALLS.contains_key(path)
}

/// `ListTasks` → `list_tasks`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// The kind of thing that a text field names; `None`: it names none.
fn kind(message: &MessageDescriptor, field: &FieldDescriptor) -> Option<String> {
    let name = field.name();
    if !matches!(field.kind(), Kind::String) || FOREIGN.contains(&name) {
        return None;
    }
    match name {
        "id" => Some(snake(message.name())),
        "kid" => Some("key".to_owned()),
        "name" | "tool" => Some(name.to_owned()),
        _ => name.strip_suffix("_ids").or_else(|| name.strip_suffix("_id")).map(str::to_owned),
    }
}

fn of_request(message: &MessageDescriptor, depth: usize) -> Shape {
    let mut shape = Shape::new();
    for field in message.fields() {
        // A field that may be left out is a group of its own in the descriptions.
        let group = field.containing_oneof().filter(|group| !group.is_synthetic());
        let says = match (field.kind(), group) {
            (Kind::String, _) if field.name() == "request_id" => Some(Says::RequestId),
            (kind, Some(group)) if self::kind(message, &field).is_none() => {
                let inside = match kind {
                    Kind::Message(message) if depth < 2 => Some(of_request(&message, depth + 1)),
                    _ => None,
                };
                Some(Says::Member(group.name().to_owned(), field.name().to_owned(), inside))
            }
            (Kind::Message(inner), None) if inner.full_name() == "google.protobuf.FieldMask" => Some(Says::Mask("fields".to_owned())),
            (Kind::Message(inner), None) if depth == 0 && !field.is_map() => Some(Says::Inside(names_of(&inner))),
            (Kind::Enum(words), None) => {
                let prefix = format!("{}_", snake(words.name()).to_ascii_uppercase());
                let word = |name: &str| name.strip_prefix(&prefix).unwrap_or(name).to_ascii_lowercase();
                let words = words.values().filter_map(|value| Some((u64::try_from(value.number()).ok()?, word(value.name())))).collect();
                Some(Says::Choice(field.name().to_owned(), words))
            }
            (Kind::Bool, None) => Some(Says::Switch(field.name().to_owned())),
            _ => kind(message, &field).map(Says::Thing),
        };
        if let Some(says) = says {
            shape.insert(u64::from(field.number()), says);
        }
    }
    shape
}

/// The own names of a message and of its project.
fn names_of(message: &MessageDescriptor) -> Shape {
    let own = |field: &FieldDescriptor| matches!(field.name(), "id" | "kid" | "project_id");
    let fields = message.fields().filter(own);
    fields.filter_map(|field| Some((u64::from(field.number()), Says::Thing(kind(message, &field)?)))).collect()
}

/// What an answer names: the thing itself, or the things that it holds.
fn of_answer(message: &MessageDescriptor, depth: usize) -> Shape {
    let mut shape = names_of(message);
    let named = message.get_field_by_name("id").is_some() || message.get_field_by_name("kid").is_some();
    if depth == 0 && !named {
        for field in message.fields().filter(|field| !field.is_map()) {
            if let Kind::Message(inner) = field.kind() {
                shape.insert(u64::from(field.number()), Says::Inside(of_answer(&inner, 1)));
            }
        }
    }
    shape
}

/// A number of the wire form, and what is behind it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(at).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

/// A value of a field on the wire.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Each field of a message in its wire form that the shape knows. The bytes were written by our own encoder; what is none of its work ends the walk.
/// Read in place, because messages made from descriptors would copy every text of every call to look at three of them, and prost keeps its own
/// reader of the wire form out of its public interface.
fn each<'a>(mut bytes: &'a [u8], shape: &'a Shape, mut take: impl FnMut(&'a Says, Value<'a>)) -> Option<()> {
    while !bytes.is_empty() {
        let (tag, rest) = varint(bytes)?;
        let says = shape.get(&(tag >> 3));
        bytes = match tag & 7 {
            0 => {
                let (number, rest) = varint(rest)?;
                if let Some(says) = says {
                    take(says, Value::Number(number));
                }
                rest
            }
            1 => rest.get(8..)?,
            2 => {
                let (length, rest) = varint(rest)?;
                let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                if let Some(says) = says {
                    take(says, Value::Bytes(value));
                }
                rest
            }
            5 => rest.get(4..)?,
            _ => return None,
        };
    }
    Some(())
}

/// A name as it is told: short, visible, on one line.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut told: String = text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    if told.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| told.is_char_boundary(*at)).unwrap_or(0);
        told.truncate(end);
        told.push('…');
    }
    told
}

fn read(bytes: &[u8], shape: &Shape, about: &mut About) {
    let done = each(bytes, shape, |says, value| match (says, value) {
        (Says::RequestId, Value::Bytes(text)) => about.request_id = plain(text),
        (Says::Thing(kind), Value::Bytes(id)) if !id.is_empty() => about.resources.push(format!("{kind}:{}", plain(id))),
        (Says::Choice(field, words), Value::Number(number)) => {
            let word = words.get(&number).cloned().unwrap_or_else(|| number.to_string());
            about.choices.push(format!("{field}={word}"));
        }
        (Says::Switch(field), Value::Number(number)) if number != 0 => about.choices.push(format!("{field}=yes")),
        (Says::Member(group, member, inside), value) => {
            about.choices.push(format!("{group}={member}"));
            if let (Some(inside), Value::Bytes(bytes)) = (inside, value) {
                read(bytes, inside, about);
            }
        }
        (Says::Mask(field), Value::Bytes(mask)) => {
            let paths = Shape::from([(1, Says::Thing(field.clone()))]);
            let mut named = About::default();
            read(mask, &paths, &mut named);
            about.choices.extend(named.resources.iter().map(|path| path.replacen(':', "=", 1)));
        }
        (Says::Inside(inside), Value::Bytes(bytes)) => read(bytes, inside, about),
        _ => {}
    });
    if done.is_none() {
        tracing::debug!("a message could not be read for the audit log");
    }
}

/// What a request is about; `None` for a call that changes nothing.
pub(super) fn of(path: &str, encoded: &[u8]) -> Option<About> {
    let shapes = CALLS.get(path)?;
    let mut about = About { method: shapes.path, ..About::default() };
    read(encoded, &shapes.request, &mut about);
    tidy(&mut about);
    Some(about)
}

/// Each thing once, and not too many.
fn tidy(about: &mut About) {
    for list in [&mut about.resources, &mut about.choices] {
        let mut seen = BTreeSet::new();
        list.retain(|item| seen.insert(item.clone()));
        if list.len() > MOST {
            let left_out = list.len() - MOST;
            list.truncate(MOST);
            list.push(format!("more={left_out}"));
        }
    }
}

/// The record of a call as its request tells it.
pub(super) fn entry(principal: &Principal, now: Timestamp, trail: &Trail) -> Entry {
    let about = trail.about().cloned().unwrap_or_default();
    Entry {
        at: now,
        actor: principal.into(),
        method: about.method.to_owned(),
        project: project(&about.resources).unwrap_or_default(),
        resources: about.resources,
        choices: about.choices,
        request_id: about.request_id,
        call_id: trail.call_id.clone(),
        origin: trail.origin.clone(),
        code: "OK".to_owned(),
        note: String::new(),
    }
}

/// The record without secrets: somebody may have put one where a name belongs.
pub(super) fn cleansed(mut entry: Entry, redactor: &Redactor) -> Entry {
    let Entry { actor, resources, choices, project, request_id, call_id, note, .. } = &mut entry;
    let texts = [&mut actor.key_name, &mut actor.person, project, request_id, call_id, note];
    for text in texts.into_iter().chain(resources).chain(choices) {
        if let Cow::Owned(clean) = redactor.redact(text) {
            *text = clean;
        }
    }
    entry
}

/// The one project that is named; `None`: none is, or several are.
fn project(resources: &[String]) -> Option<String> {
    let mut named = resources.iter().filter_map(|thing| thing.strip_prefix("project:"));
    let first = named.next()?;
    named.all(|other| other == first).then(|| first.to_owned())
}

/// The record of a call that was carried out, with what its answer names and the project that its events name, those announced since `before`.
pub(super) fn carried_out(tx: &Tx<'_>, before: usize, mut entry: Entry, answer: &[u8]) -> Entry {
    if let Some(shapes) = CALLS.get(&entry.method) {
        let mut about = About { resources: std::mem::take(&mut entry.resources), ..About::default() };
        read(answer, &shapes.answer, &mut about);
        tidy(&mut about);
        entry.resources = about.resources;
    }
    let told = tx.announced().get(before..).unwrap_or_default();
    let of_events = || told.iter().find_map(|event| event.project.as_ref()).map(ToString::to_string);
    entry.project = project(&entry.resources).or_else(of_events).unwrap_or_default();
    entry
}

#[cfg(test)]
mod tests {
    use aq_proto::v1 as pb;

    use super::*;
    use crate::api::Call;

    fn about<Q: Call + prost::Message>(request: &Q) -> About {
        of(Q::PATH, &request.encode_to_vec()).unwrap()
    }

    /// audit R2: what a call names and chooses is told, its words are not.
    #[test]
    fn requests_are_told_without_their_words() {
        let create = pb::CreateTaskRequest {
            project_id: "app".into(),
            title: "the secret".into(),
            description: "of all".into(),
            request_id: "r1".into(),
            ..Default::default()
        };
        let told = about(&create);
        assert_eq!((told.resources.as_slice(), told.request_id.as_str()), (["project:app".to_owned()].as_slice(), "r1"));
        assert!(!format!("{told:?}").contains("secret"), "{told:?}");

        let allow = pb::answer_question_request::Allow { remember: pb::PermissionScope::Project.into() };
        let answer = pb::AnswerQuestionRequest {
            task_id: "t".into(),
            question_id: "q".into(),
            answer: Some(pb::answer_question_request::Answer::Allow(allow)),
            ..Default::default()
        };
        let told = about(&answer);
        assert_eq!(
            (told.resources, told.choices),
            (vec!["task:t".into(), "question:q".into()], vec!["answer=allow".into(), "remember=project".into()])
        );
        let text = pb::AnswerQuestionRequest {
            answer: Some(pb::answer_question_request::Answer::Text("the secret".into())),
            ..Default::default()
        };
        assert_eq!(about(&text).choices, ["answer=text"]);

        let key =
            pb::CreateApiKeyRequest { role: pb::Role::Viewer.into(), project_ids: vec!["a".into(), "b".into()], ..Default::default() };
        let told = about(&key);
        assert_eq!((told.choices, told.resources), (vec!["role=viewer".into()], vec!["project:a".into(), "project:b".into()]));
        let project = pb::Project { id: "app".into(), name: "x".into(), ..Default::default() };
        let mask = Some(prost_types::FieldMask { paths: vec!["name".into(), "credit_weight".into()] });
        let told = about(&pb::UpdateProjectRequest { project: Some(project), update_mask: mask, ..Default::default() });
        assert_eq!((told.resources, told.choices), (vec!["project:app".into()], vec!["fields=name".into(), "fields=credit_weight".into()]));
        assert_eq!(of(pb::GetTaskRequest::PATH, &[]), None, "looking changes nothing");
    }

    /// audit R2, R4: names are short and on one line, and a batch of thousands stays a record.
    #[test]
    fn what_is_told_is_bounded() {
        let odd = pb::StopTaskRequest { task_id: format!("a\nb{}", "x".repeat(500)), ..Default::default() };
        let told = about(&odd).resources.pop().unwrap();
        assert!(told.starts_with("task:a?bxxx") && told.len() <= LONGEST + 8, "{told}");
        let many = pb::ArchiveTasksRequest { task_ids: (0..80).map(|number| number.to_string()).collect(), ..Default::default() };
        let told = about(&many).resources;
        assert_eq!((told.len(), told.last().map(String::as_str)), (MOST + 1, Some("more=30")));
    }

    /// audit R1: every call that changes something has a shape, and names something, the whole server included, unless it is about the run whose key asks.
    #[test]
    fn every_change_is_known() {
        let thing = |shape: &Shape| shape.values().any(|says| matches!(says, Says::Thing(_) | Says::Inside(_)));
        let named = |shapes: &Shapes| thing(&shapes.request) || thing(&shapes.answer);
        let mut nameless: Vec<_> =
            CALLS.iter().filter(|(_, shapes)| !named(shapes)).map(|(path, _)| path.rsplit('/').next().unwrap()).collect();
        nameless.sort_unstable();
        assert_eq!(nameless, ["AskHuman", "ExchangeMcpMessage", "ReportProgress"]);
        assert!(CALLS.len() > 60, "{}", CALLS.len());
    }
}
