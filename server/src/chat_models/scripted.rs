//! A model that says what it is told to: for tests, and for nothing else.

use std::sync::{Mutex, PoisonError};

use aq_core::chat::{Answer, ChatModel, Delta, ModelCall, ModelError};
use aq_core::runner_link::BoxFuture;

/// What a script answers to a call.
type Script = Box<dyn Fn(&ModelCall) -> Result<Vec<Result<Delta, ModelError>>, ModelError> + Send + Sync>;

/// The model.
pub struct Scripted {
    script: Script,
    asked: Mutex<Vec<ModelCall>>,
}

impl Scripted {
    /// A model that answers as `script` says.
    pub fn new(script: impl Fn(&ModelCall) -> Result<Vec<Result<Delta, ModelError>>, ModelError> + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), asked: Mutex::default() }
    }

    /// Everything it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<ModelCall> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ChatModel for Scripted {
    fn provider(&self) -> &'static str {
        "scripted"
    }

    fn model(&self) -> String {
        "scripted".to_owned()
    }

    fn ask<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<Box<dyn Answer>, ModelError>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(call.clone());
        let answer = (self.script)(call);
        Box::pin(async move { Ok(Box::new(Pieces(answer?.into_iter())) as Box<dyn Answer>) })
    }
}

struct Pieces(std::vec::IntoIter<Result<Delta, ModelError>>);

impl Answer for Pieces {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Delta, ModelError>>> {
        let next = self.0.next();
        Box::pin(async move { next })
    }
}
