//! Following the output of a run or a task. The number of an item counts within its run.
//!
//! Spec: specs/proto/resume.md

use super::{Accepted, Cursor, ResumeOptions, Resumed, resume};
use crate::client::AqChannel;
use crate::v1::run_service_client::RunServiceClient;
use crate::v1::stream_run_output_response::Event;
use crate::v1::{StreamGap, StreamRunOutputRequest, StreamRunOutputResponse};

/// The position in the output of a run or a task.
#[derive(Clone, Debug)]
pub struct OutputCursor {
    request: StreamRunOutputRequest,
    /// The run and number of the last item accepted.
    last: Option<(u32, u64)>,
    /// The newest run whose end was accepted.
    ended: u32,
    /// Where a hole was met before, so that a hole that stays is told instead of asked for forever.
    hole: Option<(u32, u64)>,
}

impl OutputCursor {
    /// The position that `request` describes.
    #[must_use]
    pub const fn new(request: StreamRunOutputRequest) -> Self {
        Self { request, last: None, ended: 0, hole: None }
    }

    /// The run and number of the last item accepted; `None` before the first.
    #[must_use]
    pub const fn position(&self) -> Option<(u32, u64)> {
        self.last
    }

    /// The number before the first item expected of `run`; `None` when any may come first.
    fn before(&self, run: u32) -> Option<u64> {
        match self.last {
            Some((last_run, seq)) if run == last_run => Some(seq),
            Some((last_run, _)) if run > last_run => Some(0),
            Some(_) => Some(u64::MAX),
            None if self.request.tail > 0 && self.request.after_seq == 0 => None,
            None => {
                let first = if self.request.run_number > 0 { self.request.run_number } else { self.request.first_run_number };
                // `after_seq` belongs to the run the request begins with; without a number that is whichever comes first.
                Some(if first == 0 || first == run { self.request.after_seq } else { 0 })
            }
        }
    }

    fn take_item(&mut self, run: u32, seq: u64, message: StreamRunOutputResponse) -> Accepted<StreamRunOutputResponse> {
        let before = self.before(run).unwrap_or_else(|| seq.saturating_sub(1));
        if seq <= before {
            return Accepted::Skip;
        }
        let expected = before.saturating_add(1);
        if seq == expected {
            self.last = Some((run, seq));
            return Accepted::Deliver(message);
        }
        if self.hole == Some((run, expected)) {
            self.last = Some((run, seq));
            let gap = StreamGap { from_seq: expected, to_seq: seq - 1, reason: "the server did not send these items".to_owned() };
            return Accepted::Both(StreamRunOutputResponse { run_number: run, event: Some(Event::Gap(gap)) }, message);
        }
        self.hole = Some((run, expected));
        Accepted::Broken(format!("item {expected} of run {run} is missing; the server sent {seq}"))
    }

    fn take_gap(&mut self, run: u32, mut gap: StreamGap) -> Accepted<StreamRunOutputResponse> {
        let before = self.before(run).unwrap_or_else(|| gap.from_seq.saturating_sub(1));
        if gap.to_seq <= before {
            return Accepted::Skip;
        }
        gap.from_seq = gap.from_seq.max(before.saturating_add(1));
        self.last = Some((run, gap.to_seq));
        Accepted::Deliver(StreamRunOutputResponse { run_number: run, event: Some(Event::Gap(gap)) })
    }
}

impl Cursor for OutputCursor {
    type Request = StreamRunOutputRequest;
    type Message = StreamRunOutputResponse;

    fn request(&self) -> StreamRunOutputRequest {
        let mut request = self.request.clone();
        if let Some((run, seq)) = self.last {
            if request.run_number == 0 {
                request.first_run_number = run;
            }
            request.after_seq = seq;
            request.tail = 0;
        }
        request
    }

    fn accept(&mut self, message: StreamRunOutputResponse) -> Accepted<StreamRunOutputResponse> {
        let run = message.run_number;
        match &message.event {
            Some(Event::Item(item)) => {
                let seq = item.seq;
                self.take_item(run, seq, message)
            }
            Some(Event::Gap(gap)) => {
                let gap = gap.clone();
                self.take_gap(run, gap)
            }
            Some(Event::RunEnded(_)) if run <= self.ended => Accepted::Skip,
            Some(Event::RunEnded(_)) => {
                self.ended = run;
                Accepted::Deliver(message)
            }
            Some(Event::End(_)) => Accepted::End(message),
            // What a newer server adds to the stream is not for this client.
            Some(Event::Heartbeat(_)) | None => Accepted::Skip,
        }
    }
}

/// Streams the output that `request` asks for, across broken connections. Heartbeats are not handed on. Must be called inside a tokio
/// runtime.
#[must_use]
pub fn stream_run_output(
    client: RunServiceClient<AqChannel>,
    request: StreamRunOutputRequest,
    options: ResumeOptions,
) -> Resumed<StreamRunOutputResponse> {
    let open = move |request: StreamRunOutputRequest| {
        let mut client = client.clone();
        async move { Ok(client.stream_run_output(request).await?.into_inner()) }
    };
    resume(OutputCursor::new(request), open, options)
}
