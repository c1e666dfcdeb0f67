//! One record: a header of fixed size, then the bytes of a line.
//!
//! Spec: specs/server/runner/spool.md

/// Size of a header in bytes.
pub(super) const HEADER_BYTES: usize = 40;

/// Longest line kept whole; the rest of a longer one is dropped and counted.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Start of every record; the digit is the version of the format.
const MAGIC: [u8; 4] = *b"AQS1";

/// Longest payload that a reader accepts, so that a broken length never makes it allocate much.
const MAX_PAYLOAD: usize = 2 * MAX_LINE_BYTES;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// A line of standard output.
    Stdout,
    /// A line of standard error.
    Stderr,
    /// Nothing but a count of bytes that are missing here.
    Gap,
}

impl RawKind {
    const fn code(self) -> u8 {
        match self {
            Self::Stdout => 1,
            Self::Stderr => 2,
            Self::Gap => 3,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Stdout),
            2 => Some(Self::Stderr),
            3 => Some(Self::Gap),
            _ => None,
        }
    }
}

/// A record's fields; `offset` is the position in the whole spool, all chunks laid end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: RawKind,
    pub(super) offset: u64,
    pub(super) at_ms: i64,
    pub(super) dropped: u64,
    pub(super) payload: &'a [u8],
}

impl Record<'_> {
    /// Bytes that the record takes in the spool.
    pub(super) const fn size(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }

    /// Appends the record to `out`. The checksum covers everything but itself.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut head = [0_u8; HEADER_BYTES];
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        let fields: [(usize, &[u8]); 6] = [
            (0, &MAGIC),
            (4, &[self.kind.code()]),
            (8, &length.to_le_bytes()),
            (16, &self.offset.to_le_bytes()),
            (24, &self.at_ms.to_le_bytes()),
            (32, &self.dropped.to_le_bytes()),
        ];
        for (at, bytes) in fields {
            if let Some(place) = head.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        }
        let sum = checksum(&head, self.payload).to_le_bytes();
        if let Some(place) = head.get_mut(12..16) {
            place.copy_from_slice(&sum);
        }
        out.extend_from_slice(&head);
        out.extend_from_slice(self.payload);
    }
}

fn checksum(head: &[u8; HEADER_BYTES], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let (front, back) = (head.get(..12), head.get(16..));
    hasher.update(front.unwrap_or_default());
    hasher.update(back.unwrap_or_default());
    hasher.update(payload);
    hasher.finalize()
}

/// What stands at the start of some bytes.
pub(super) enum Decoded<'a> {
    /// A whole record.
    Record(Record<'a>),
    /// The beginning of a record whose rest is not there (yet); the size that is needed, when the header tells.
    Incomplete(usize),
    /// Not a record: a torn write, or damage.
    Corrupt,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// Reads the record at the start of `bytes`.
pub(super) fn decode(bytes: &[u8]) -> Decoded<'_> {
    let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Decoded::Incomplete(HEADER_BYTES);
    };
    let length = u32::from_le_bytes(array(head, 8)) as usize;
    let kind = RawKind::from_code(array::<1>(head, 4)[0]);
    let (Some(kind), true, true) = (kind, head.starts_with(&MAGIC), length <= MAX_PAYLOAD) else {
        return Decoded::Corrupt;
    };
    let Some(payload) = bytes.get(HEADER_BYTES..HEADER_BYTES + length) else {
        return Decoded::Incomplete(HEADER_BYTES + length);
    };
    if checksum(head, payload) != u32::from_le_bytes(array(head, 12)) {
        return Decoded::Corrupt;
    }
    Decoded::Record(Record {
        kind,
        offset: u64::from_le_bytes(array(head, 16)),
        at_ms: i64::from_le_bytes(array(head, 24)),
        dropped: u64::from_le_bytes(array(head, 32)),
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::{Decoded, HEADER_BYTES, RawKind, Record, decode};

    /// Spool R1: what is written is read back, and a changed byte anywhere is noticed.
    #[test]
    fn round_trip_and_damage() {
        let record = Record { kind: RawKind::Stderr, offset: 77, at_ms: -5, dropped: 9, payload: b"hello\xff" };
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        assert_eq!(bytes.len(), record.size());
        assert!(matches!(decode(&bytes), Decoded::Record(back) if back == record));
        for cut in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..cut]), Decoded::Incomplete(size) if size > cut), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0x41;
            assert!(!matches!(decode(&broken), Decoded::Record(_)), "byte {at} of {HEADER_BYTES} + payload");
        }
    }
}
