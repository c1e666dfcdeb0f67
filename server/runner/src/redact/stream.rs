//! Redacts a text that comes in pieces, as if it had come whole.
//!
//! Spec: specs/server/runner/redact.md

use std::sync::Arc;

use super::HELD_BYTES;
use super::redactor::{Redactor, replace};
use super::shapes::is_token_char;

/// A run of token characters longer than this is no token that we know; it is let go.
const LONGEST_TOKEN: usize = 4096;

/// A secret that still goes on after this many bytes is replaced now, and its rest swallowed.
const LONGEST_HELD: usize = 64 * 1024;

/// Redacts one stream of text. What may be the beginning of a secret is held back until it is known (redact R4).
#[derive(Debug)]
pub struct StreamRedactor {
    redactor: Arc<Redactor>,
    held: String,
    /// Inside a secret that was replaced already: token characters belong to it.
    swallowing: bool,
}

impl StreamRedactor {
    /// A redactor of one stream; several may share the search.
    #[must_use]
    pub const fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor, held: String::new(), swallowing: false }
    }

    /// Takes the next piece and returns what is safe to show.
    pub fn push(&mut self, piece: &str) -> String {
        let piece = if self.swallowing { piece.trim_start_matches(is_token_char) } else { piece };
        self.swallowing &= piece.is_empty();
        self.held.push_str(piece);
        let held = self.held.as_str();
        let mut cut = self.safe_cut();
        let mut spans = self.redactor.spans(held);
        // A secret that touches the cut or the end may go on: it stays whole.
        if let Some(open) = spans.iter().find(|span| span.start < cut && span.end >= cut) {
            cut = open.start;
        }
        if let Some(open) = spans.iter().find(|span| span.end == held.len() && span.len() > LONGEST_HELD) {
            cut = open.end;
            self.swallowing = true;
        }
        spans.retain(|span| span.end <= cut);
        let (shown, rest) = held.split_at(cut);
        let shown = replace(shown, &spans);
        self.held = rest.to_owned();
        shown
    }

    /// The stream has ended: the rest of it.
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.held);
        self.swallowing = false;
        self.redactor.redact(&rest).into_owned()
    }

    /// Everything before this point can no longer become part of a secret that is not seen yet.
    fn safe_cut(&self) -> usize {
        let held = self.held.as_str();
        let back = HELD_BYTES.max(self.redactor.longest());
        let mut cut = held.len().saturating_sub(back);
        while !held.is_char_boundary(cut) {
            cut -= 1;
        }
        // Never inside what may be one long token.
        let (before, _) = held.split_at(cut);
        let token = before.len() - before.trim_end_matches(is_token_char).len();
        if token <= LONGEST_TOKEN { cut - token } else { cut }
    }
}
