//! Cuts a stream of bytes into lines of bounded length.
//!
//! Spec: specs/server/runner/spool.md

use crate::spool::MAX_LINE_BYTES;

/// Holds the unfinished line of one stream.
#[derive(Default)]
pub(super) struct LineCutter {
    line: Vec<u8>,
    dropped: u64,
}

impl LineCutter {
    /// Takes bytes and hands every finished line, without its end, to `emit` together with the count of bytes cut off it.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(&[u8], u64)) {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = bytes.split_at(at);
            if self.line.is_empty() && self.dropped == 0 && head.len() <= MAX_LINE_BYTES {
                emit(head, 0);
            } else {
                self.take(head);
                self.emit_line(&mut emit);
            }
            bytes = tail.get(1..).unwrap_or_default();
        }
        self.take(bytes);
    }

    /// The stream has ended: what is left is a line, too.
    pub(super) fn finish(&mut self, mut emit: impl FnMut(&[u8], u64)) {
        if !self.line.is_empty() || self.dropped > 0 {
            self.emit_line(&mut emit);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES.saturating_sub(self.line.len()).min(bytes.len());
        let (kept, cut) = bytes.split_at(room);
        self.line.extend_from_slice(kept);
        self.dropped += cut.len() as u64;
    }

    fn emit_line(&mut self, emit: &mut impl FnMut(&[u8], u64)) {
        emit(&self.line, self.dropped);
        self.line.clear();
        self.line.shrink_to(64 * 1024);
        self.dropped = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::LineCutter;
    use crate::spool::MAX_LINE_BYTES;

    fn cut(chunks: &[&[u8]]) -> Vec<(usize, u64)> {
        let mut cutter = LineCutter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            cutter.push(chunk, |line, dropped| lines.push((line.len(), dropped)));
        }
        cutter.finish(|line, dropped| lines.push((line.len(), dropped)));
        lines
    }

    /// Spool R3: lines end at line feeds wherever the chunks end; an empty line is a line; the last needs no end.
    #[test]
    fn cuts_at_line_feeds() {
        assert_eq!(cut(&[b"ab\nc", b"d\n\ne"]), [(2, 0), (2, 0), (0, 0), (1, 0)]);
        assert_eq!(cut(&[b""]), []);
    }

    /// Spool R4: a long line keeps its beginning and counts the rest.
    #[test]
    fn long_lines_are_cut_and_counted() {
        let long = vec![b'x'; MAX_LINE_BYTES - 1];
        assert_eq!(cut(&[&long, b"y\nz\n"]), [(MAX_LINE_BYTES, 0), (1, 0)]);
        assert_eq!(cut(&[&long, b"yabc", b"d\nz"]), [(MAX_LINE_BYTES, 4), (1, 0)]);
        assert_eq!(cut(&[&long, &long]), [(MAX_LINE_BYTES, MAX_LINE_BYTES as u64 - 2)]);
    }
}
