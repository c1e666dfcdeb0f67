//! An answer over HTTP while it comes: bytes become frames, frames become pieces.

use std::collections::VecDeque;

use aq_core::chat::{Answer, Delta, ModelError};
use aq_core::runner_link::BoxFuture;
use serde_json::Value;

use super::frames::{Frames, Framing};
use super::http::Body;

/// Reads the frames of one provider.
pub(super) trait Decoder: Send {
    /// The pieces in a frame.
    ///
    /// # Errors
    /// When the frame tells of an error, or is none.
    fn frame(&mut self, text: &str) -> Result<Vec<Delta>, ModelError>;

    /// True when everything was said; an end of the stream before it is a break.
    fn is_over(&self) -> bool;
}

/// The JSON of a frame.
///
/// # Errors
/// [`ModelError::Malformed`].
pub(super) fn json(text: &str) -> Result<Value, ModelError> {
    serde_json::from_str(text).map_err(|error| ModelError::Malformed(format!("a piece of it is no JSON: {error}")))
}

/// The answer.
pub(super) struct Streamed<D> {
    body: Body,
    frames: Frames,
    decoder: D,
    ready: VecDeque<Delta>,
    ended: bool,
    over: bool,
}

impl<D: Decoder> Streamed<D> {
    /// An answer that begins with `first`.
    pub(super) fn new(body: Body, framing: Framing, decoder: D, first: Vec<Delta>) -> Self {
        Self { body, frames: Frames::new(framing), decoder, ready: first.into(), ended: false, over: false }
    }

    async fn pull(&mut self) -> Result<Option<Delta>, ModelError> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            if let Some(frame) = self.frames.next()? {
                self.ready.extend(self.decoder.frame(&frame)?);
            } else if self.ended {
                return if self.decoder.is_over() {
                    Ok(None)
                } else {
                    Err(ModelError::Cut("the connection ended in the middle".to_owned()))
                };
            } else {
                match self.body.chunk().await? {
                    Some(chunk) => self.frames.feed(&chunk)?,
                    None => {
                        self.ended = true;
                        self.frames.end();
                    }
                }
            }
        }
    }
}

impl<D: Decoder> Answer for Streamed<D> {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Delta, ModelError>>> {
        Box::pin(async move {
            if self.over {
                return None;
            }
            let pulled = self.pull().await.transpose();
            self.over = !matches!(pulled, Some(Ok(_)));
            pulled
        })
    }
}
