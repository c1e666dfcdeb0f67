//! The wake-up of a loop. It carries no data: whoever is woken looks at what is.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

/// A handle that wakes one loop; cheap to clone. Wake-ups that come while the loop works are kept as one.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Bell>);

#[derive(Debug, Default)]
struct Bell {
    rung: Notify,
    rounds: watch::Sender<u64>,
}

impl Wake {
    /// Wakes the loop, now or at its next wait.
    pub fn ring(&self) {
        self.0.rung.notify_one();
    }

    /// Waits for a wake-up. One that came before is taken at once.
    pub async fn rung(&self) {
        self.0.rung.notified().await;
    }

    /// The loop has gone round: what it could do is done.
    pub fn gone_round(&self) {
        self.0.rounds.send_modify(|rounds| *rounds += 1);
    }

    /// Wakes the loop and waits until everything is done that it can do now. Never returns when the loop has ended.
    pub async fn settled(&self) {
        let mut rounds = self.0.rounds.subscribe();
        let before = *rounds.borrow();
        // The first round to end may have begun before this call, the second has not.
        for more in 1..=2 {
            self.ring();
            // Only a bell that is gone sends no more, and this handle holds it.
            drop(rounds.wait_for(|now| *now >= before + more).await);
        }
    }
}
