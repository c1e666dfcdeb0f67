//! Spools that were damaged, torn and stirred.

use crate::mutate::{corpus, mutants, tell};
use crate::properties::{sound_spool, spool, was_written};

/// Spool R1, R7: a damaged spool is read to its end; every line that comes out is one that was written, and nothing is made up.
#[test]
fn spools_of_any_shape_are_read() {
    let sound = sound_spool();
    for bytes in corpus("spools") {
        drop(spool(&bytes));
    }
    for bytes in mutants(&[sound], &["AQS1", "\u{0}\u{0}\u{0}\u{0}", "\u{7f}"], 1_500) {
        let made_up: Vec<_> = spool(&bytes).into_iter().filter(|line| !was_written(line)).collect();
        assert!(made_up.is_empty(), "{made_up:?}");
    }
    tell("spools of any shape", 1_500);
}
