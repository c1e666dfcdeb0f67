//! Checks of the contract itself, read from the descriptor set: what `buf lint` cannot know. Tests only.

use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::FILE_DESCRIPTOR_SET;

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    set.file.into_iter().filter(|file| file.package() == "agentqueue.v1").collect()
}

/// Calls whose names begin so change nothing, or nothing more when they are repeated.
const READS: [&str; 13] =
    ["Get", "List", "Watch", "Stream", "Explain", "Forecast", "Check", "Verify", "Acknowledge", "Compare", "Render", "Keep", "Summarize"];

/// F-173, contract R7: every mutation takes `request_id` in field 15.
#[test]
fn every_mutation_takes_a_request_id_in_field_15() {
    let files = files();
    let message = |path: &str| -> DescriptorProto {
        let name = path.rsplit('.').next().unwrap();
        files.iter().flat_map(|file| &file.message_type).find(|message| message.name() == name).unwrap().clone()
    };
    let mut mutations = 0;
    for method in files.iter().flat_map(|file| &file.service).flat_map(|service| &service.method) {
        let input = message(method.input_type());
        let field = input.field.iter().find(|field| field.name() == "request_id");
        if READS.iter().any(|read| method.name().starts_with(read)) {
            assert!(field.is_none(), "{} is a read and needs no request id", method.name());
            continue;
        }
        mutations += 1;
        assert_eq!(field.map(prost_types::FieldDescriptorProto::number), Some(15), "{}", method.name());
    }
    assert!(mutations > 30, "only {mutations} mutations found");
}

/// F-245, contract R2, R12: comments reach the descriptor set, for every message, field, value and call.
#[test]
fn everything_is_commented_in_the_descriptor_set() {
    for file in files() {
        let info = file.source_code_info.clone().unwrap();
        let commented =
            |path: &[i32]| info.location.iter().any(|location| location.path == path && !location.leading_comments().trim().is_empty());
        for (m, message) in (0_i32..).zip(&file.message_type) {
            assert!(commented(&[4, m]), "{}", message.name());
            for (f, field) in (0_i32..).zip(&message.field) {
                assert!(commented(&[4, m, 2, f]), "{}.{}", message.name(), field.name());
            }
        }
        for (e, values) in (0_i32..).zip(&file.enum_type) {
            for (v, value) in (0_i32..).zip(&values.value) {
                assert!(commented(&[5, e, 2, v]), "{}.{}", values.name(), value.name());
            }
        }
        for (s, service) in (0_i32..).zip(&file.service) {
            for (c, call) in (0_i32..).zip(&service.method) {
                assert!(commented(&[6, s, 2, c]), "{}.{}", service.name(), call.name());
            }
        }
    }
}

/// Contract R4: every enum begins with an unspecified value.
#[test]
fn every_enum_has_an_unspecified_zero() {
    for values in files().iter().flat_map(|file| &file.enum_type) {
        let first = values.value.first().unwrap();
        assert_eq!(first.number(), 0, "{}", values.name());
        assert!(first.name().ends_with("_UNSPECIFIED"), "{}", first.name());
    }
}

/// Contract R6: lists take a page size and a token, and say when there is more.
#[test]
fn every_list_with_pages_answers_with_a_token() {
    let files = files();
    for message in files.iter().flat_map(|file| &file.message_type) {
        if message.field.iter().any(|field| field.name() == "page_size") {
            let answer = message.name().replace("Request", "Response");
            let answer = files.iter().flat_map(|file| &file.message_type).find(|other| other.name() == answer).unwrap();
            assert!(message.field.iter().any(|field| field.name() == "page_token"), "{}", message.name());
            assert!(answer.field.iter().any(|field| field.name() == "next_page_token"), "{}", answer.name());
        }
    }
}
