//! What holds of any text on its way to Discord. It takes any bytes, from the mutants beside it, from the corpus or from a fuzzer.
//!
//! How the bytes are made is not here.

use crate::text::{clean, fenced, inline, length, one_line, split};

/// Text R1, R2, R3, F-214: pieces fit, nothing rings, and nothing gets out of a code block. The first byte says how long a piece may be.
pub(crate) fn message(bytes: &[u8]) {
    let Some((most, bytes)) = bytes.split_first() else { return };
    let (most, input) = (usize::from(*most) + 60, String::from_utf8_lossy(bytes));
    for piece in split(&input, most) {
        assert!(length(&piece) <= most, "{} units of {most}: {piece:?}", length(&piece));
    }
    let cleaned = clean(&input);
    assert!(!cleaned.contains('\u{1b}') && !cleaned.contains("@everyone") && !cleaned.contains("@here"), "{cleaned:?}");
    assert_eq!(clean(&cleaned), cleaned, "cleaning again changes nothing");
    assert!(!one_line(&input).contains('\n'));
    assert_eq!(inline(&input).matches('`').count(), 2, "{input:?}");
    assert_eq!(fenced(&input, "").matches("```").count(), 2, "{input:?}");
}
