//! The reference manual of the contract: made from the comments of the `.proto` files, and kept next to the other specs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aq_server::api::PERMISSIONS;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, ServiceDescriptorProto,
};

const PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/proto/reference.md");
const PACKAGE: &str = ".agentqueue.v1.";

/// The comments of a file, by the place of what they describe.
struct Comments(BTreeMap<Vec<i32>, String>);

impl Comments {
    fn of(file: &FileDescriptorProto) -> Self {
        let places = file.source_code_info.iter().flat_map(|info| &info.location);
        Self(
            places
                .map(|place| {
                    let text = place.leading_comments();
                    (place.path.clone(), text.split_whitespace().collect::<Vec<_>>().join(" "))
                })
                .collect(),
        )
    }

    fn at(&self, path: &[i32]) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }
}

fn short(name: &str) -> String {
    name.strip_prefix(PACKAGE).map_or_else(|| name.trim_start_matches('.').to_owned(), ToOwned::to_owned)
}

fn kind(field: &FieldDescriptorProto, maps: &BTreeMap<String, String>) -> String {
    let name = match field.r#type() {
        Type::Message | Type::Enum => maps.get(field.type_name()).cloned().unwrap_or_else(|| short(field.type_name())),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    match (field.label(), field.proto3_optional()) {
        (Label::Repeated, _) if maps.contains_key(field.type_name()) => name,
        (Label::Repeated, _) => format!("repeated {name}"),
        (_, true) => format!("optional {name}"),
        _ => name,
    }
}

fn service(text: &mut String, service: &ServiceDescriptorProto, comments: &Comments, index: i32) {
    let _ = writeln!(text, "\n## {}\n\n{}\n", service.name(), comments.at(&[6, index]));
    let _ = writeln!(text, "| Call | Request | Answer | Roles | What it does |\n|---|---|---|---|---|");
    for (place, method) in (0..).zip(&service.method) {
        let path = format!("/agentqueue.v1.{}/{}", service.name(), method.name());
        let roles = PERMISSIONS.iter().find(|(known, _)| *known == path).map(|(_, roles)| *roles).unwrap_or_default();
        let roles = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        let stream = if method.server_streaming() { "stream " } else { "" };
        let _ = writeln!(
            text,
            "| `{}` | {} | {stream}{} | {roles} | {} |",
            method.name(),
            short(method.input_type()),
            short(method.output_type()),
            comments.at(&[6, index, 2, place])
        );
    }
}

fn message(text: &mut String, name: &str, message: &DescriptorProto, comments: &Comments, path: &[i32]) {
    let _ = writeln!(text, "\n### {name}\n\n{}", comments.at(path));
    let entries = message.nested_type.iter().filter(|nested| nested.options.as_ref().is_some_and(|options| options.map_entry()));
    let maps: BTreeMap<String, String> = entries
        .map(|entry| {
            let part = |index: usize| entry.field.get(index).map(|field| kind(field, &BTreeMap::new())).unwrap_or_default();
            (format!("{PACKAGE}{name}.{}", entry.name()), format!("map<{}, {}>", part(0), part(1)))
        })
        .collect();
    if !message.field.is_empty() {
        let _ = writeln!(text, "\n| Field | Type | Meaning |\n|---|---|---|");
    }
    for (place, field) in (0..).zip(&message.field) {
        let told = comments.at(&[path, &[2, place]].concat());
        let choice =
            match (field.proto3_optional(), field.oneof_index.and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?))) {
                (false, Some(oneof)) => format!(" (one of `{}`)", oneof.name()),
                _ => String::new(),
            };
        let _ = writeln!(text, "| `{}` | {}{choice} | {told} |", field.name(), kind(field, &maps));
    }
    for (place, nested) in (0..).zip(&message.nested_type) {
        if !nested.options.as_ref().is_some_and(|options| options.map_entry()) {
            self::message(text, &format!("{name}.{}", nested.name()), nested, comments, &[path, &[3, place]].concat());
        }
    }
}

fn enumeration(text: &mut String, list: &EnumDescriptorProto, comments: &Comments, index: i32) {
    let _ = writeln!(text, "\n### {}\n\n{}\n\n| Value | Number | Meaning |\n|---|---|---|", list.name(), comments.at(&[5, index]));
    for (place, value) in (0..).zip(&list.value) {
        let _ = writeln!(text, "| `{}` | {} | {} |", value.name(), value.number(), comments.at(&[5, index, 2, place]));
    }
}

fn reference() -> String {
    let set = FileDescriptorSet::decode(aq_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut ours: Vec<_> = set.file.iter().filter(|file| file.package() == "agentqueue.v1").collect();
    ours.sort_by_key(|file| file.name());
    let mut text = String::from(
        "# Reference of agentqueue.v1\n\nMade from the comments of `proto/agentqueue/v1/*.proto` and the table of permissions; do not edit. To make it \
         again: `AQ_UPDATE=1 cargo test -p aq-server --test suite api::reference`.\n\n# Services\n",
    );
    for file in &ours {
        let comments = Comments::of(file);
        for (index, one) in (0..).zip(&file.service) {
            service(&mut text, one, &comments, index);
        }
    }
    text.push_str("\n# Messages\n");
    for file in &ours {
        let comments = Comments::of(file);
        for (index, one) in (0..).zip(&file.message_type) {
            message(&mut text, one.name(), one, &comments, &[4, index]);
        }
    }
    text.push_str("\n# Enumerations\n");
    for file in &ours {
        let comments = Comments::of(file);
        for (index, one) in (0..).zip(&file.enum_type) {
            enumeration(&mut text, one, &comments, index);
        }
    }
    text
}

/// Contract R1: the manual says what the contract says. `AQ_UPDATE=1` writes it.
#[test]
#[expect(clippy::disallowed_methods, reason = "a person asks for the update through the environment")]
fn the_reference_is_up_to_date() {
    let made = reference();
    if std::env::var_os("AQ_UPDATE").is_some() {
        std::fs::write(PLACE, &made).unwrap();
    }
    let stored = std::fs::read_to_string(PLACE).unwrap_or_default();
    assert!(stored == made, "specs/proto/reference.md is stale; run AQ_UPDATE=1 cargo test -p aq-server --test suite api::reference");
}

/// Contract R1: nothing in the contract is without a comment.
#[test]
fn everything_is_described() {
    let text = reference();
    let blank: Vec<_> = text.lines().filter(|line| line.starts_with('|') && line.ends_with("|  |")).collect();
    assert!(blank.is_empty(), "{blank:?}");
}
