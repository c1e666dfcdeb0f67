//! What was said lately in each channel: a few messages, for a while. Pure; time is in milliseconds.

use std::collections::{HashMap, VecDeque};

/// Most messages of a channel.
const MOST: usize = 50;

/// A channel that nobody looked at for so long is forgotten.
const IDLE: i64 = 3_600_000;

/// A message as it is kept (F-198).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cached {
    /// Its id.
    pub(crate) id: u64,
    /// Who wrote it; `AgentQueue` for ourselves.
    pub(crate) author: String,
    /// We wrote it.
    pub(crate) by_bot: bool,
    /// The text.
    pub(crate) content: String,
}

/// Work that ends when nobody needs it any more.
#[derive(Debug)]
pub(super) struct Job(pub(super) tokio::task::AbortHandle);

impl Drop for Job {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug, Default)]
struct Channel {
    messages: VecDeque<Cached>,
    used: i64,
    /// The newest message that a summary covers, and the summary.
    summary: Option<(u64, String)>,
    /// Who makes a newer one; goes with the channel.
    job: Option<Job>,
}

/// The channels.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    channels: HashMap<u64, Channel>,
}

impl Buffers {
    /// Keeps a message; one that is there already is not kept twice.
    pub(crate) fn keep(&mut self, channel: u64, message: Cached, now: i64) {
        let of = self.channels.entry(channel).or_default();
        of.used = now;
        if of.messages.iter().any(|known| known.id == message.id) {
            return;
        }
        of.messages.push_back(message);
        of.messages.make_contiguous().sort_by_key(|message| message.id);
        if of.messages.len() > MOST {
            of.messages.pop_front();
        }
    }

    /// What was said before a message; `None` when nothing is kept of the channel (F-207).
    pub(crate) fn before(&mut self, channel: u64, message: u64, now: i64) -> Option<Vec<Cached>> {
        let of = self.channels.get_mut(&channel)?;
        of.used = now;
        let found: Vec<Cached> = of.messages.iter().filter(|kept| kept.id < message).cloned().collect();
        (!found.is_empty()).then_some(found)
    }

    /// The newest message that a channel's summary covers, and the summary.
    pub(crate) fn summary(&self, channel: u64) -> Option<(u64, String)> {
        self.channels.get(&channel)?.summary.clone()
    }

    /// Everything that is kept of a channel.
    pub(super) fn all(&self, channel: u64) -> Vec<Cached> {
        self.channels.get(&channel).map(|of| of.messages.iter().cloned().collect()).unwrap_or_default()
    }

    /// Begins to summarise a channel, unless somebody does (F-210).
    pub(super) fn summarising(&mut self, channel: u64, begin: impl FnOnce() -> Job) {
        if let Some(of) = self.channels.get_mut(&channel)
            && of.job.as_ref().is_none_or(|job| job.0.is_finished())
        {
            of.job = Some(begin());
        }
    }

    /// Keeps a summary; a channel that is forgotten meanwhile stays so.
    pub(crate) fn summarised(&mut self, channel: u64, upto: u64, text: String) {
        if let Some(of) = self.channels.get_mut(&channel) {
            of.summary = Some((upto, text));
        }
    }

    /// Forgets a channel.
    pub(crate) fn forget(&mut self, channel: u64) {
        self.channels.remove(&channel);
    }

    /// Forgets what nobody used for an hour (F-211).
    pub(crate) fn sweep(&mut self, now: i64) {
        self.channels.retain(|_, channel| now - channel.used <= IDLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u64) -> Cached {
        Cached { id, author: "Ann".to_owned(), by_bot: false, content: id.to_string() }
    }

    /// F-197, F-198, F-207, F-211: fifty messages in their order, each once; summaries while they are new enough; idle channels go.
    #[test]
    fn channels_are_kept_for_a_while() {
        let mut buffers = Buffers::default();
        assert_eq!(buffers.before(1, 9, 0), None);
        for id in (1..=60).rev().chain([60, 5]) {
            buffers.keep(1, message(id), 0);
        }
        let before = buffers.before(1, 59, 10).unwrap();
        assert!(before.is_sorted_by_key(|message| message.id) && before.len() <= MOST && before.last().unwrap().id == 58);
        buffers.summarised(1, 40, "short".to_owned());
        assert_eq!(buffers.summary(1), Some((40, "short".to_owned())));
        buffers.sweep(IDLE + 10);
        assert!(buffers.before(1, 59, IDLE + 10).is_some());
        buffers.sweep(2 * IDLE + 11);
        assert_eq!(buffers.before(1, 59, 0), None);
        buffers.summarised(1, 40, "late".to_owned());
        assert_eq!(buffers.summary(1), None);
        buffers.keep(2, message(1), 0);
        buffers.forget(2);
        assert_eq!(buffers.before(2, 9, 0), None);
    }

    /// F-210: one job for each channel; it ends with what is kept of the channel.
    #[tokio::test]
    async fn one_job_for_each_channel() {
        let mut buffers = Buffers::default();
        let work = || Job(tokio::spawn(std::future::pending::<()>()).abort_handle());
        let nobody = || -> Job { panic!("a second job") };
        buffers.summarising(1, nobody);
        buffers.keep(1, message(1), 0);
        let mut handle = None;
        buffers.summarising(1, || {
            let job = work();
            handle = Some(job.0.clone());
            job
        });
        buffers.summarising(1, nobody);
        buffers.sweep(IDLE + 1);
        let handle = handle.unwrap();
        while !handle.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}
