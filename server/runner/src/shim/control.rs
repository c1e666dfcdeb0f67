//! The shim's end of the control socket: who is connected, who has shown the key, what they ask. Never waits for anybody.
//!
//! Spec: specs/server/runner/shim.md

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::net::sockopt::socket_peercred;
use subtle::ConstantTimeEq;

use super::wire::{self, MAX_HELLO_BYTES, MAX_REQUEST_BYTES, Refusal, Reply, Request};

/// Most connections at a time. One more pushes out the oldest that has not shown the key.
const MAX_CLIENTS: usize = 16;

/// A client that does not read its replies is dropped at this many bytes.
const MAX_PENDING_BYTES: usize = 64 * 1024;

struct Client {
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// True once it has shown the key.
    trusted: bool,
    /// The epoch it said hello with; only then may it give orders.
    epoch: Option<u64>,
    watches: bool,
    gone: bool,
}

/// The control socket and its clients.
pub(super) struct Control {
    listener: UnixListener,
    path: PathBuf,
    clients: Vec<Client>,
    key: String,
    newest_epoch: u64,
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // Under /tmp anybody may have been first: only a folder that is ours alone will do.
    if let Some(folder) = path.parent() {
        let found = fs::symlink_metadata(folder)?;
        if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o022 != 0 {
            return Err(io::Error::other(format!("{} belongs to somebody else or is open to others", folder.display())));
        }
    }
    // The run is locked by us, so a socket that is there was left by a shim that died.
    drop(fs::remove_file(path));
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Control {
    /// Opens the socket at the first place that allows it.
    pub(super) fn open(candidates: &[PathBuf], key: &str, epoch: u64) -> io::Result<Self> {
        let mut failure = io::Error::other("no path is short enough for a Unix socket");
        for path in candidates {
            match bind(path) {
                Ok(listener) => {
                    return Ok(Self { listener, path: path.clone(), clients: Vec::new(), key: key.to_owned(), newest_epoch: epoch });
                }
                Err(error) => failure = io::Error::new(error.kind(), format!("{}: {error}", path.display())),
            }
        }
        Err(failure)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What to poll: the listener, then each client.
    pub(super) fn poll_fds(&self) -> Vec<PollFd<'_>> {
        let mut fds = vec![PollFd::new(&self.listener, PollFlags::IN)];
        for client in &self.clients {
            let wants = if client.output.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
            fds.push(PollFd::new(&client.stream, wants));
        }
        fds
    }

    /// Takes up what polling found, in the order of [`Control::poll_fds`]; `answer` carries out requests of authenticated clients.
    pub(super) fn handle(&mut self, found: &[PollFlags], mut answer: impl FnMut(Request) -> Reply) {
        let (listener, clients) = found.split_first().map_or((PollFlags::empty(), found), |(first, rest)| (*first, rest));
        let (key, newest) = (&self.key, &mut self.newest_epoch);
        for (client, flags) in self.clients.iter_mut().zip(clients) {
            if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                client.receive();
                client.serve(key, newest, &mut answer);
            }
            client.send();
        }
        self.clients.retain(|client| !client.gone);
        if listener.contains(PollFlags::IN) {
            self.accept();
        }
    }

    fn accept(&mut self) {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // Out of descriptors or memory: whoever knocks is heard later, and the loop must not turn hot meanwhile.
                    std::thread::sleep(Duration::from_millis(10));
                    return;
                }
            };
            let own = rustix::process::geteuid();
            let trusted = socket_peercred(&stream).is_ok_and(|peer| peer.uid == own || peer.uid.is_root());
            if !trusted || stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.clients.len() >= MAX_CLIENTS {
                let Some(at) = self.clients.iter().position(|client| !client.trusted) else { continue };
                self.clients.remove(at);
            }
            self.clients.push(Client {
                stream,
                input: Vec::new(),
                output: Vec::new(),
                trusted: false,
                epoch: None,
                watches: false,
                gone: false,
            });
        }
    }

    /// Tells every watcher that there is more output. Who has unread news already needs no more.
    pub(super) fn nudge(&mut self) {
        for client in self.clients.iter_mut().filter(|client| client.watches && client.output.is_empty()) {
            client.output = wire::line(&Reply::Data);
            client.send();
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // A socket that stays is refused by nobody listening; the folder goes with the run.
        drop(fs::remove_file(&self.path));
    }
}

impl Client {
    fn receive(&mut self) {
        let limit = if self.trusted { MAX_REQUEST_BYTES } else { MAX_HELLO_BYTES };
        let mut chunk = [0_u8; 64 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.gone = true,
                Ok(count) => {
                    self.input.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    if self.input.len() <= limit {
                        continue;
                    }
                    // Whole lines are served first; what is left must fit.
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.gone = true,
            }
            return;
        }
    }

    fn serve(&mut self, key: &str, newest: &mut u64, answer: &mut impl FnMut(Request) -> Reply) {
        let input = std::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, tail) = rest.split_at(at);
            rest = tail.get(1..).unwrap_or_default();
            let reply = match serde_json::from_slice(line) {
                Ok(request) => self.judge(request, key, newest, answer),
                Err(_) => Reply::Refused { why: Refusal::Malformed },
            };
            self.output.extend_from_slice(&wire::line(&reply));
            if self.gone {
                break;
            }
        }
        let limit = if self.trusted { MAX_REQUEST_BYTES } else { MAX_HELLO_BYTES };
        self.gone |= rest.len() > limit || self.output.len() > MAX_PENDING_BYTES;
        self.input = rest.to_vec();
    }

    /// The key first, then the epoch, then the request (shim R5, R6).
    fn judge(&mut self, request: Request, key: &str, newest: &mut u64, answer: &mut impl FnMut(Request) -> Reply) -> Reply {
        let verdict = match &request {
            Request::Hello { key: shown, .. } | Request::Watch { key: shown } if !bool::from(shown.as_bytes().ct_eq(key.as_bytes())) => {
                Err(Refusal::BadKey)
            }
            Request::Hello { epoch, .. } if epoch < newest => Err(Refusal::OldEpoch),
            Request::Hello { epoch, .. } => {
                *newest = *epoch;
                (self.trusted, self.epoch) = (true, Some(*epoch));
                Ok(Reply::Ok)
            }
            Request::Watch { .. } => {
                (self.trusted, self.watches) = (true, true);
                Ok(Reply::Ok)
            }
            _ => match self.epoch {
                None => Err(Refusal::BadKey),
                Some(epoch) if epoch < *newest => Err(Refusal::OldEpoch),
                Some(_) => return answer(request),
            },
        };
        verdict.unwrap_or_else(|why| {
            self.gone = true;
            Reply::Refused { why }
        })
    }

    fn send(&mut self) {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.gone = true;
                    return;
                }
            }
        }
    }
}
