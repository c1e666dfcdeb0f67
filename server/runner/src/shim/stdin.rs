//! The agent's standard input: an ordered queue that never makes the shim wait.
//!
//! Spec: specs/server/runner/shim.md

use std::collections::{BTreeSet, VecDeque};
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::wire::{Refusal, StdinReceipt};

/// Most bytes that wait for an agent that does not read.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;

/// How many ids of delivered input are remembered.
const MAX_IDS: usize = 65_536;

/// The writing end of the agent's standard input. The end is non-blocking.
pub(super) struct AgentStdin {
    pipe: Option<OwnedFd>,
    queue: VecDeque<Vec<u8>>,
    /// Bytes of the front of the queue that were written.
    written: usize,
    queued: usize,
    closing: bool,
    ids: BTreeSet<String>,
    order: VecDeque<String>,
}

impl AgentStdin {
    /// `pipe` is `None` for an agent without input.
    pub(super) const fn new(pipe: Option<OwnedFd>) -> Self {
        Self { pipe, queue: VecDeque::new(), written: 0, queued: 0, closing: false, ids: BTreeSet::new(), order: VecDeque::new() }
    }

    /// The end to poll for room, when something waits.
    pub(super) fn waiting(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref().filter(|_| !self.queue.is_empty())
    }

    pub(super) const fn queued_bytes(&self) -> usize {
        self.queued
    }

    /// Takes input. An id that was taken before is a duplicate even when the input is closed by now.
    pub(super) fn push(&mut self, id: &str, bytes: Vec<u8>) -> Result<StdinReceipt, Refusal> {
        if self.ids.contains(id) {
            return Ok(StdinReceipt::Duplicate);
        }
        if self.pipe.is_none() || self.closing {
            return Err(Refusal::Closed);
        }
        if self.queued.saturating_add(bytes.len()) > MAX_QUEUED_BYTES {
            return Err(Refusal::Full);
        }
        self.ids.insert(id.to_owned());
        self.order.push_back(id.to_owned());
        if self.order.len() > MAX_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        self.queued += bytes.len();
        if !bytes.is_empty() {
            self.queue.push_back(bytes);
        }
        self.write();
        Ok(StdinReceipt::Accepted)
    }

    /// Closes the input when everything that waits was written.
    pub(super) fn close(&mut self) {
        self.closing = true;
        self.write();
    }

    /// Closes the input at once; what waits is lost, for nobody is there to read it.
    pub(super) fn abandon(&mut self) {
        self.pipe = None;
        self.queue.clear();
        self.queued = 0;
    }

    /// Writes as much as the pipe takes.
    pub(super) fn write(&mut self) {
        while let (Some(pipe), Some(front)) = (&self.pipe, self.queue.front()) {
            match rustix::io::write(pipe, front.get(self.written..).unwrap_or_default()) {
                Ok(count) => {
                    self.written += count;
                    self.queued = self.queued.saturating_sub(count);
                    if self.written >= front.len() {
                        self.queue.pop_front();
                        self.written = 0;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                // The agent has closed its end.
                Err(_) => self.abandon(),
            }
        }
        if self.closing && self.queue.is_empty() {
            self.pipe = None;
        }
    }
}
