//! Cuts a stream of bytes into frames: server-sent events, or lines of JSON. Bounded, whatever comes.

use aq_core::chat::ModelError;

/// Longest line, and longest event, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// How frames are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Events of `text/event-stream`: the data of one, joined.
    Events,
    /// A line each.
    Lines,
}

/// What has come so far and was not handed out.
#[derive(Debug)]
pub(super) struct Frames {
    framing: Framing,
    bytes: Vec<u8>,
    /// How much of `bytes` was handed out.
    from: usize,
    /// The data of the event that is being read.
    data: Option<String>,
}

impl Frames {
    pub(super) const fn new(framing: Framing) -> Self {
        Self { framing, bytes: Vec::new(), from: 0, data: None }
    }

    /// Adds what came.
    ///
    /// # Errors
    /// When what is not handed out yet is too long.
    pub(super) fn feed(&mut self, more: &[u8]) -> Result<(), ModelError> {
        self.bytes.drain(..self.from);
        self.from = 0;
        if self.bytes.len().saturating_add(more.len()) > LONGEST {
            return Err(too_long());
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Nothing more comes: a last line without its end counts.
    pub(super) fn end(&mut self) {
        if self.bytes.len() > self.from {
            self.bytes.push(b'\n');
        }
        if self.framing == Framing::Events {
            self.bytes.push(b'\n');
        }
    }

    fn line(&mut self) -> Option<String> {
        let rest = self.bytes.get(self.from..)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..end)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line).into_owned();
        self.from += end + 1;
        Some(text)
    }

    /// The next whole frame, never empty.
    ///
    /// # Errors
    /// When an event is too long.
    pub(super) fn next(&mut self) -> Result<Option<String>, ModelError> {
        while let Some(line) = self.line() {
            if self.framing == Framing::Lines {
                if !line.trim().is_empty() {
                    return Ok(Some(line));
                }
                continue;
            }
            if line.is_empty() {
                if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
                    return Ok(Some(data));
                }
            } else if let Some(value) = line.trim_start_matches('\u{feff}').strip_prefix("data:") {
                let value = value.strip_prefix(' ').unwrap_or(value);
                match &mut self.data {
                    None => self.data = Some(value.to_owned()),
                    Some(data) if data.len().saturating_add(value.len()) > LONGEST => return Err(too_long()),
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                }
            }
        }
        Ok(None)
    }
}

fn too_long() -> ModelError {
    ModelError::Malformed(format!("a piece of it is longer than {LONGEST} bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(framing: Framing, pieces: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::new(framing);
        let mut found = Vec::new();
        for piece in pieces {
            frames.feed(piece).unwrap();
            while let Some(frame) = frames.next().unwrap() {
                found.push(frame);
            }
        }
        frames.end();
        while let Some(frame) = frames.next().unwrap() {
            found.push(frame);
        }
        found
    }

    /// chat_models R3: comments, names of events and other fields are skipped; several lines of data are one; a last event without its end counts.
    #[test]
    fn events_are_cut_out() {
        let text = b"\xef\xbb\xbfdata: a\r\n\r\n: ping\n\nevent: x\nid: 7\ndata:b\ndata: c\n\n\n\ndata:\n\ndata: [DONE]";
        assert_eq!(all(Framing::Events, &[text]), ["a", "b\nc", "[DONE]"]);
        assert_eq!(all(Framing::Lines, &[b"{}\n\n{\"a\":1}\r\n{"]), ["{}", "{\"a\":1}", "{"]);
    }

    /// chat_models R3: a line without an end does not fill the memory.
    #[test]
    fn endless_lines_are_refused() {
        let mut frames = Frames::new(Framing::Lines);
        let block = vec![b'x'; 1024 * 1024];
        let fed: Vec<_> = (0..6).map(|_| frames.feed(&block).is_ok()).collect();
        assert_eq!(fed, [true, true, true, true, false, false]);
        let mut events = Frames::new(Framing::Events);
        let line = [b"data: ".as_slice(), &vec![b'x'; 1024 * 1024], b"\n"].concat();
        assert!((0..6).any(|_| events.feed(&line).is_err() || events.next().is_err()));
    }

    proptest! {
        /// chat_models R3: where the network cuts makes no difference.
        #[test]
        fn cuts_make_no_difference(events in prop::collection::vec("[a-zäöü {}\":]{1,12}", 0..8), cut in 1_usize..9, lines in any::<bool>()) {
            let framing = if lines { Framing::Lines } else { Framing::Events };
            let text: String = events.iter().map(|event| if lines { format!("{event}\n") } else { format!("data: {event}\n\n") }).collect();
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(cut).collect();
            prop_assert_eq!(all(framing, &pieces), all(framing, &[text.as_bytes()]));
        }
    }
}
