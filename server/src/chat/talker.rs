//! What the API is given: turns and summaries, for whoever asks.

use std::sync::Arc;

use aq_core::chat::{ChatModel, Delta, ModelError, Purpose, summary_call};
use aq_core::principal::Principal;
use aq_core::runner_link::BoxFuture;
use tokio::sync::{Semaphore, mpsc};

use super::books::Account;
use super::drive;
use super::parts::Parts;
use crate::api::{Ask, Digest, Summary, Talk, TalkError, Told};

/// Turns that go on at the same time.
const MOST_TURNS: usize = 16;
/// Messages of a turn that may wait for their reader.
const BUFFER: usize = 64;

/// Talks.
pub struct Talker {
    parts: Arc<Parts>,
    turns: Arc<Semaphore>,
}

impl Talker {
    /// Talks with `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), turns: Arc::new(Semaphore::new(MOST_TURNS)) }
    }

    fn model(&self) -> Result<Arc<dyn ChatModel>, TalkError> {
        self.parts.model.clone().map_err(|why| TalkError::Model(ModelError::NotConfigured(why)))
    }
}

impl Talk for Talker {
    fn chat(&self, caller: Principal, ask: Ask) -> Result<mpsc::Receiver<Result<Told, TalkError>>, TalkError> {
        let model = self.model()?;
        let place = Arc::clone(&self.turns).try_acquire_owned().map_err(|_| TalkError::Busy(MOST_TURNS))?;
        let (sender, receiver) = mpsc::channel(BUFFER);
        let parts = Arc::clone(&self.parts);
        tokio::spawn(async move {
            let _place = place;
            drive::watched(&parts, model, caller, ask, sender).await;
        });
        Ok(receiver)
    }

    fn summarize(&self, caller: Principal, digest: Digest) -> BoxFuture<'_, Result<Summary, TalkError>> {
        Box::pin(async move {
            let model = self.model()?;
            let call = summary_call(&digest.model, &digest.messages);
            let name = if digest.model.is_empty() { model.model() } else { digest.model.clone() };
            let account = Account { project: digest.project, purpose: Purpose::Summary, model: name };
            let mut spent = self.parts.books.open(account);
            let mut text = String::new();
            let read = async {
                let mut answer = model.ask(&call).await?;
                while let Some(piece) = answer.next().await {
                    match piece? {
                        Delta::Text(more) => text.push_str(&more),
                        Delta::Usage(tokens) => spent.used(tokens),
                        _ => {}
                    }
                }
                Ok::<_, ModelError>(())
            };
            let read = tokio::time::timeout(self.parts.settings.longest, read).await;
            let tokens = spent.close().await;
            read.map_err(|_| TalkError::TimeUp(self.parts.settings.longest))??;
            let text = text.trim().to_owned();
            tracing::info!(actor = %caller.actor(), tokens = tokens.total(), "a conversation was summarised");
            if text.is_empty() {
                return Err(TalkError::Model(ModelError::Malformed("the summary is empty".to_owned())));
            }
            Ok(Summary { text, tokens })
        })
    }
}
