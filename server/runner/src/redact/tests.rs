//! What must never get through, in any piece size.
//!
//! Spec: specs/server/runner/redact.md

use std::sync::Arc;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use proptest::prelude::*;

use super::{REDACTED, Redactor, StreamRedactor};

fn redact(secrets: &[&str], text: &str) -> String {
    Redactor::new(secrets).unwrap().redact(text).into_owned()
}

/// Redact R1: exact values, also within JSON and line by line; short ones are left alone; overlapping ones are one.
#[test]
fn exact_values() {
    assert_eq!(redact(&["hunter2-hunter2"], "a hunter2-hunter2 b hunter2-hunter2"), "a [redacted] b [redacted]");
    assert_eq!(redact(&["short"], "short"), "short");
    assert_eq!(redact(&["with\"quote\nand line two"], r#"{"k":"with\"quote\nand line two"}"#), r#"{"k":"[redacted]"}"#);
    assert_eq!(redact(&["first line\nsecond line"], "x second line y"), "x [redacted] y");
    assert_eq!(redact(&["abcdefgh", "efghijkl"], "abcdefghijkl"), "[redacted]ijkl");
    assert_eq!(redact(&["abcdefgh", "abcdefghij"], "abcdefghij"), "[redacted]");
}

/// Redact R1: a value in the forms in which other texts hold it, wherever in them it stands.
#[test]
fn encoded_values() {
    let secret = "Kanarie/+4f7d ü9c2b";
    let redactor = Redactor::new(&[secret]).unwrap();
    for before in 0..6 {
        let whole = format!("{}{secret}{}", "x".repeat(before), "y".repeat(7 - before));
        for encoding in [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD] {
            let (told, held) = (redactor.redact(&encoding.encode(whole.as_bytes())).into_owned(), encoding.encode(secret.as_bytes()));
            // Only letters that also hold bits of the neighbours are left.
            assert!(told.contains(REDACTED) && told.len() <= whole.len() * 4 / 3 + 12 - held.len(), "{before}: {told}");
        }
        for text in [HEXLOWER.encode(whole.as_bytes()), HEXUPPER.encode(whole.as_bytes())] {
            assert_eq!(redactor.redact(&text).len(), 14 + REDACTED.len(), "{text}");
        }
    }
    assert_eq!(redactor.redact("?key=Kanarie%2F%2B4f7d%20%C3%BC9c2b&x"), "?key=[redacted]&x");
    let twice = serde_json::to_string(&serde_json::to_string("a\"b\\c-secret").unwrap()).unwrap();
    assert_eq!(redact(&["a\"b\\c-secret"], &twice), "\"\\\"[redacted]\\\"\"");
}

/// Redact R2: shapes that nobody named, and texts that only look a little like them.
#[test]
fn shapes() {
    let secrets = [
        "sk-ant-api03-AbCdEfGhIjKlMnOp-_xyz",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_11ABCDEFG0abcdefghijkl_mnop",
        "xoxb-123456789012-abcdefGHIJ",
        "AKIAIOSFODNN7EXAMPLE",
        "aq_k1ab2c_0123456789abcdefghijklmnop",
        "Bearer abcdef0123456789abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA\\n-----END PRIVATE KEY-----",
    ];
    for secret in secrets {
        assert_eq!(redact(&[], &format!("say '{secret}' now")), format!("say '{REDACTED}' now"), "{secret}");
    }
    assert_eq!(redact(&[], r#""a\nghp_0123456789abcdefghijABCDEFGHIJ""#), r#""a[redacted]""#);
    for harmless in ["task-force_alpha_of_the_year_2026", "it is sk-etchy", "the bearer of news", "aq_run_id", "AKIA", "eyJust a word"] {
        assert_eq!(redact(&[], harmless), harmless);
    }
}

/// Redact R2, R3: a credential that hangs on a secret is one all the same, and a second look finds nothing more. Found by a fuzzer's property.
#[test]
fn what_hangs_on_a_secret_is_seen() {
    let glued = "hunter2-hunter2ghp_0123456789abcdefghijABCDEFGHIJ012345AKIAIOSFODNN7EXAMPLE";
    assert_eq!(redact(&["hunter2-hunter2"], glued), "[redacted][redacted]");
    let keys = "hunter2-hunter2AKIAIOSFODNN7EXAMPLEAKIAIOSFODNN7EXAMPLE!";
    assert_eq!(redact(&["hunter2-hunter2"], keys), "[redacted][redacted][redacted]!");
    assert_eq!(redact(&["hunter2-hunter2"], "hunter2-hunter2 sk-etchy"), "[redacted] sk-etchy");
}

/// Redact R5.
#[test]
fn debug_says_nothing() {
    let redactor = Redactor::new(&["hunter2-hunter2"]).unwrap();
    assert!(!format!("{redactor:?}").contains("hunter2"));
}

/// Redact R4: a secret without an end is not held back for ever, and does not get through either.
#[test]
fn an_endless_token_is_bounded() {
    let mut stream = StreamRedactor::new(Arc::new(Redactor::new::<&str>(&[]).unwrap()));
    let mut out = stream.push("key sk-ant-");
    for _ in 0..200 {
        out.push_str(&stream.push(&"Ab1".repeat(1000)));
    }
    out.push_str(&stream.push(" end"));
    out.push_str(&stream.finish());
    assert_eq!(out, "key [redacted] end");
}

fn words() -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![
        4 => "[a-zäß ]{0,12}",
        1 => Just("top-secret value".to_owned()),
        1 => Just("zweites\"Geheimnis".to_owned()),
        1 => Just("zweites\\\"Geheimnis".to_owned()),
        1 => Just(" ghp_0123456789abcdefghijABCDEFGHIJ012345 ".to_owned()),
        1 => Just(" Bearer abcdef0123456789abcdef ".to_owned()),
        1 => Just("top-sec".to_owned()),
        1 => Just("\n".to_owned()),
    ];
    proptest::collection::vec(word, 0..40)
}

proptest! {
    /// Redact R3, R4: whatever the pieces, the stream shows what redacting the whole shows; no secret is in it; doing it twice changes nothing.
    #[test]
    fn pieces_make_no_difference(words in words(), cuts in proptest::collection::vec(1_usize..40, 1..60)) {
        let text = words.concat();
        let secrets = ["top-secret value", "zweites\"Geheimnis"];
        let redactor = Arc::new(Redactor::new(&secrets).unwrap());
        let whole = redactor.redact(&text).into_owned();
        let mut stream = StreamRedactor::new(Arc::clone(&redactor));
        let mut shown = String::new();
        let mut rest = text.as_str();
        for size in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let at = rest.char_indices().nth(*size).map_or(rest.len(), |(at, _)| at);
            let (piece, tail) = rest.split_at(at);
            shown.push_str(&stream.push(piece));
            rest = tail;
        }
        shown.push_str(&stream.finish());
        prop_assert_eq!(&shown, &whole);
        for secret in secrets {
            prop_assert!(!shown.contains(secret));
        }
        prop_assert!(!shown.contains("ghp_0") && !shown.contains("abcdef0123456789"));
        prop_assert_eq!(redactor.redact(&shown).into_owned(), shown.clone());
    }
}
