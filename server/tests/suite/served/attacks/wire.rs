//! Frames of HTTP/2 as bytes, for what no library agrees to write. Only writing, and as much reading as tells how the other end takes it.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long an answer or an end may take; far beyond every limit of the server.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// Codes of errors, RFC 9113 §7.
pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const FLOW_CONTROL_ERROR: u32 = 3;
pub(super) const STREAM_CLOSED: u32 = 5;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame as it stands on the wire.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn frame_of_ping(flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(PING, flags, 0, payload)
}

/// An integer of HPACK behind a prefix of some bits (RFC 7541 §5.1).
fn integer(first: u8, bits: u32, mut value: usize) -> Vec<u8> {
    let most = (1_usize << bits) - 1;
    if value < most {
        return vec![first | u8::try_from(value).unwrap()];
    }
    let mut bytes = vec![first | u8::try_from(most).unwrap()];
    value -= most;
    while value >= 128 {
        bytes.push(u8::try_from(value % 128).unwrap() | 128);
        value /= 128;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A header in plain letters that the other end does not remember.
pub(super) fn header(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0], integer(0, 7, name.len()), name.to_vec(), integer(0, 7, value.len()), value.to_vec()].concat()
}

/// A header that the other end remembers: the next ones may name it by number 62.
pub(super) fn remembered(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0x40], integer(0, 7, name.len()), name.to_vec(), integer(0, 7, value.len()), value.to_vec()].concat()
}

/// A header by its number.
pub(super) fn numbered(number: usize) -> Vec<u8> {
    integer(0x80, 7, number)
}

/// The headers of a call.
pub(super) fn call(path: &str, key: Option<&str>) -> Vec<u8> {
    let mut block = [
        header(b":method", b"POST"),
        header(b":scheme", b"http"),
        header(b":path", path.as_bytes()),
        header(b":authority", b"localhost"),
        header(b"te", b"trailers"),
        header(b"content-type", b"application/grpc"),
    ]
    .concat();
    if let Some(key) = key {
        block.extend(header(b"authorization", format!("Bearer {key}").as_bytes()));
    }
    block
}

/// A frame that was read.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// The code of RST_STREAM or GOAWAY.
    pub(super) code: u32,
    /// What a ping carries.
    ping: [u8; 8],
}

/// A connection on which anything may be written. What comes back is read all the time.
pub(super) struct Wire {
    write: OwnedWriteHalf,
    frames: UnboundedReceiver<Told>,
}

impl Wire {
    /// A connection that has said the preface and `settings`, the payload of its first frame.
    pub(super) async fn greeted(socket: TcpStream, settings: &[u8]) -> Self {
        let (mut read, write) = socket.into_split();
        let (told, frames) = unbounded_channel();
        tokio::spawn(async move {
            let mut head = [0; 9];
            while read.read_exact(&mut head).await.is_ok() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; usize::try_from(length).unwrap()];
                if read.read_exact(&mut payload).await.is_err() {
                    break;
                }
                let (kind, skip) = (head[3], if head[3] == GOAWAY { 4 } else { 0 });
                let code = payload.get(skip..skip + 4).map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
                let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                let ping = payload.get(..8).map_or([0; 8], |bytes| bytes.try_into().unwrap());
                let _nobody_reads = told.send(Told { kind, flags: head[4], stream, code, ping });
            }
        });
        let mut wire = Self { write, frames };
        wire.send(&[PREFACE.to_vec(), frame(SETTINGS, 0, 0, settings)].concat()).await;
        wire
    }

    /// Writes; false when the other end has closed.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.write.write_all(bytes).await.is_ok()
    }

    /// Writes the same bytes many times, or until the other end has closed.
    pub(super) async fn flood(&mut self, bytes: &[u8], times: usize) -> bool {
        let many = bytes.repeat(64);
        for _ in 0..times.div_ceil(64) {
            if !self.send(&many).await {
                return false;
            }
        }
        true
    }

    /// Waits for a frame; `None` when the connection ends before.
    pub(super) async fn until(&mut self, is: impl Fn(&Told) -> bool) -> Option<Told> {
        let wait = async {
            while let Some(frame) = self.frames.recv().await {
                if is(&frame) {
                    return Some(frame);
                }
            }
            None
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("neither the frame nor an end")
    }

    /// Waits until the other end closes, and tells the reasons it gave: the code of each GOAWAY.
    pub(super) async fn ended(&mut self) -> Vec<u32> {
        let mut codes = Vec::new();
        while let Some(frame) = self.until(|frame| frame.kind == GOAWAY).await {
            codes.push(frame.code);
        }
        codes
    }

    /// Answers pings and asks with some of its own, as a living peer does, until the other end closes.
    pub(super) async fn ended_while_alive(&mut self) {
        let mut pace = tokio::time::interval(Duration::from_secs(1));
        let alive = async {
            loop {
                tokio::select! {
                    frame = self.frames.recv() => match frame {
                        Some(asked) if asked.kind == PING && asked.flags == 0 => {
                            let _closed = self.write.write_all(&frame_of_ping(1, &asked.ping)).await;
                        }
                        Some(_) => {}
                        None => return,
                    },
                    _ = pace.tick() => {
                        let _closed = self.write.write_all(&frame_of_ping(0, b"I am now")).await;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, alive).await.expect("the server never closed it");
    }

    /// How a flood was taken: `None` when the connection lives and has read it all, else the reason for its end.
    pub(super) async fn taken(&mut self) -> Option<u32> {
        self.send(&frame(PING, 0, 0, b"all read")).await;
        let told = self.until(|frame| frame.kind == GOAWAY || (frame.kind == PING && frame.flags == 1)).await;
        told.map_or(Some(0), |frame| (frame.kind == GOAWAY).then_some(frame.code))
    }
}

/// Waits until the other end of a bare socket closes, and tells how many bytes came before.
pub(super) async fn closed(socket: &mut TcpStream) -> usize {
    let mut all = Vec::new();
    // A reset is an end as well.
    let wait = async { socket.read_to_end(&mut all).await.is_ok() };
    let _clean = tokio::time::timeout(PATIENCE, wait).await.expect("the server never closed it");
    all.len()
}
