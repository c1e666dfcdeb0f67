//! Words that mark unfinished work.

use super::source::{report, rust_files};

/// Style R8: nothing is left for later; what is missing is left out.
#[test]
fn nothing_is_left_for_later() {
    // Written in two pieces, so that this file does not accuse itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
    let macros = [concat!("to", "do!"), concat!("unimpl", "emented!"), concat!("#[ig", "nore"), concat!("dbg", "!(")];
    let mut offences = Vec::new();
    for file in rust_files() {
        for (index, (line, code)) in file.text.lines().zip(file.code.lines()).enumerate() {
            for mark in marks.iter().filter(|mark| super::source::has_word(line, mark)) {
                offences.push(format!("{}:{}: `{mark}`", file.path, index + 1));
            }
            for mark in macros.iter().filter(|mark| code.contains(*mark)) {
                offences.push(format!("{}:{}: `{mark}`", file.path, index + 1));
            }
        }
    }
    report("nothing is left for later (style R8)", &offences);
}
