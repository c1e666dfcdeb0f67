//! What talking costs: every call of a model is an entry of the ledger, also one that was abandoned.

use aq_core::chat::Purpose;
use aq_core::ids::ProjectId;
use aq_core::output::TokenUsage;

use crate::clock::SharedClock;
use crate::lifecycle::{Beside, Engine, LifecycleError, spend_beside};

/// The ledger, as calls of models reach it.
#[derive(Clone)]
pub struct Books {
    /// The writer.
    pub engine: Engine,
    /// The clock.
    pub clock: SharedClock,
}

/// Whose call it is.
#[derive(Clone, Debug)]
pub struct Account {
    /// The project that it is about.
    pub project: Option<ProjectId>,
    /// What it is for.
    pub purpose: Purpose,
    /// The model.
    pub model: String,
}

/// The tokens of one call; written when it is closed, or when it goes.
pub struct Spent {
    books: Books,
    account: Account,
    tokens: TokenUsage,
}

impl Books {
    /// Begins to count a call.
    #[must_use]
    pub fn open(&self, account: Account) -> Spent {
        Spent { books: self.clone(), account, tokens: TokenUsage::default() }
    }
}

impl Spent {
    /// The tokens of the call so far.
    pub const fn used(&mut self, tokens: TokenUsage) {
        self.tokens = tokens;
    }

    /// Writes the entry and gives the tokens. A ledger that cannot be written is told in the log: the answer is there already.
    pub async fn close(mut self) -> TokenUsage {
        let tokens = std::mem::take(&mut self.tokens);
        write(self.books.clone(), self.account.clone(), tokens).await;
        tokens
    }
}

async fn write(books: Books, account: Account, tokens: TokenUsage) {
    if tokens.total() == 0 {
        return;
    }
    let beside = Beside {
        id: uuid::Uuid::now_v7().simple().to_string(),
        purpose: account.purpose.as_str(),
        project: account.project,
        model: account.model,
        tokens,
        at: books.clock.now(),
    };
    let written: Result<(), LifecycleError> = books.engine.submit(move |tx| spend_beside(tx, &beside)).await;
    if let Err(error) = written {
        tracing::error!(%error, tokens = tokens.total(), "the tokens of a call could not be counted");
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        let tokens = std::mem::take(&mut self.tokens);
        if tokens.total() > 0 && tokio::runtime::Handle::try_current().is_ok() {
            drop(tokio::spawn(write(self.books.clone(), self.account.clone(), tokens)));
        }
    }
}
