//! A model with patience: what passes by itself is tried again, with growing waits and some chance, as long as nothing of the answer has come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aq_core::chat::{Answer, ChatModel, Delta, ModelCall, ModelError};
use aq_core::runner_link::BoxFuture;

/// Tries of one call.
const TRIES: u32 = 4;
/// The first wait.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait that somebody is kept for; a limit that lasts longer is told at once.
const LONGEST: Duration = Duration::from_secs(30);

/// Draws a number from 0.0 to 1.0.
type Draw = fn() -> f64;

/// The model behind it, with patience.
pub struct Patient {
    inner: Arc<dyn ChatModel>,
    draw: Draw,
}

impl Patient {
    /// `inner`, tried again. `draw` spreads the waits.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>, draw: fn() -> f64) -> Self {
        Self { inner, draw }
    }

    /// How long to wait before the next try; `None`: not worth it.
    fn wait(&self, error: &ModelError, tried: u32) -> Option<Duration> {
        if !error.passes() || tried >= TRIES {
            return None;
        }
        let told = match error {
            ModelError::Limited { retry_after_ms, .. } => retry_after_ms.map(Duration::from_millis),
            _ => None,
        };
        let grown = FIRST.saturating_mul(1 << tried.saturating_sub(1).min(10));
        // Half of the wait is fixed and half is drawn; what the provider says is never cut short.
        let wait = match told {
            Some(told) => told.saturating_add(FIRST.mul_f64((self.draw)().clamp(0.0, 1.0))),
            None => grown.mul_f64((self.draw)().clamp(0.0, 1.0).mul_add(0.5, 0.5)),
        };
        (told.unwrap_or(grown) <= LONGEST).then_some(wait)
    }

    /// Asks once and reads until something of the answer is there.
    async fn once(&self, call: &ModelCall) -> Result<Begun, ModelError> {
        let mut rest = self.inner.ask(call).await?;
        let mut first = VecDeque::new();
        while let Some(piece) = rest.next().await {
            let quiet = matches!(piece, Ok(Delta::Usage(_)));
            first.push_back(Ok(piece?));
            if !quiet {
                break;
            }
        }
        Ok(Begun { first, rest })
    }
}

impl ChatModel for Patient {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }

    fn model(&self) -> String {
        self.inner.model()
    }

    fn ask<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<Box<dyn Answer>, ModelError>> {
        Box::pin(async move {
            let mut tried = 1;
            loop {
                match self.once(call).await {
                    Ok(begun) => return Ok(Box::new(begun) as Box<dyn Answer>),
                    Err(error) => {
                        let Some(wait) = self.wait(&error, tried) else { return Err(error) };
                        tracing::info!(%error, provider = self.provider(), tried, wait_ms = wait.as_millis(), "a model is asked again");
                        tokio::time::sleep(wait).await;
                        tried += 1;
                    }
                }
            }
        })
    }
}

/// An answer of which something was read already.
struct Begun {
    first: VecDeque<Result<Delta, ModelError>>,
    rest: Box<dyn Answer>,
}

impl Answer for Begun {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Delta, ModelError>>> {
        match self.first.pop_front() {
            Some(piece) => Box::pin(async move { Some(piece) }),
            None => self.rest.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use aq_core::chat::{Message, Purpose, Speaker};

    use super::super::Scripted;
    use super::*;

    fn call() -> ModelCall {
        ModelCall {
            purpose: Purpose::Chat,
            model: String::new(),
            system: String::new(),
            messages: vec![Message::text(Speaker::Person, "x")],
            tools: Vec::new(),
            may_use_tools: true,
            must_use: None,
            max_tokens: 1,
        }
    }

    /// What came of `failures` failures of this kind, and after how many milliseconds.
    async fn after(failures: u32, error: ModelError, in_stream: bool) -> (Result<(), ModelError>, u128) {
        let count = AtomicU32::new(0);
        let model = Scripted::new(move |_| {
            if count.fetch_add(1, Ordering::SeqCst) >= failures {
                return Ok(vec![Ok(Delta::Text("hello".into()))]);
            }
            if in_stream { Ok(vec![Ok(Delta::Usage(Default::default())), Err(error.clone())]) } else { Err(error.clone()) }
        });
        let (patient, begin) = (Patient::new(Arc::new(model), || 1.0), tokio::time::Instant::now());
        let answer = patient.ask(&call()).await;
        if let Ok(mut answer) = answer {
            while let Some(piece) = answer.next().await {
                if let Err(error) = piece {
                    return (Err(error), begin.elapsed().as_millis());
                }
            }
            return (Ok(()), begin.elapsed().as_millis());
        }
        (answer.map(drop), begin.elapsed().as_millis())
    }

    /// chat_models R5: waits grow, `Retry-After` is kept, long limits and what does not pass are told at once, tries are bounded.
    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again() {
        let busy = ModelError::Overloaded("busy".into());
        assert_eq!(after(2, busy.clone(), false).await, (Ok(()), 3000));
        assert_eq!(after(2, busy.clone(), true).await, (Ok(()), 3000), "also when the answer broke off before it began");
        let (gave_up, waited) = after(9, busy.clone(), false).await;
        assert_eq!((gave_up, waited), (Err(busy), 7000));
        let limited = |wait| ModelError::Limited { retry_after_ms: Some(wait), message: String::new() };
        assert_eq!(after(1, limited(12_000), false).await, (Ok(()), 13_000));
        assert_eq!(after(1, limited(3_600_000), false).await.1, 0);
        assert_eq!(after(1, ModelError::Auth("no".into()), false).await, (Err(ModelError::Auth("no".into())), 0));
    }

    /// chat_models R5: once something was said nothing is said twice.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_began_is_not_asked_for_again() {
        let model = Arc::new(Scripted::new(|_| Ok(vec![Ok(Delta::Text("a".into())), Err(ModelError::Cut("gone".into()))])));
        let patient = Patient::new(Arc::clone(&model) as Arc<dyn ChatModel>, || 0.0);
        let mut answer = patient.ask(&call()).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.next().await, Some(Ok(Delta::Text("a".into()))));
        assert_eq!(answer.next().await, Some(Err(ModelError::Cut("gone".into()))));
        assert_eq!(model.asked().len(), 1);
    }
}
