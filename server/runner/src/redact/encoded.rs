//! The forms in which a value is written inside other texts: JSON, URLs, base64, hexadecimal digits. Looking for them is not done here.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The forms of a value (redact R1), itself among them.
pub(super) fn forms(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let mut forms = vec![value.to_owned(), quoted(value), quoted(&quoted(value)), HEXLOWER.encode(bytes), HEXUPPER.encode(bytes)];
    forms.push(utf8_percent_encode(value, NON_ALPHANUMERIC).to_string());
    // What stands before the value in the encoded text moves its bits: three texts are possible, each without the letters that hold bits of a neighbour.
    for before in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
        let (from, to) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
            forms.extend(encoding.encode(&shifted).get(from..to).map(str::to_owned));
        }
    }
    forms
}

/// The text as it stands inside a JSON string.
fn quoted(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}
