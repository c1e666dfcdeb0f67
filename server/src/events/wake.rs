//! The wake-up of a loop. It carries no data: whoever is woken looks at what is.

use std::sync::Arc;

use tokio::sync::Notify;

/// A handle that wakes one loop; cheap to clone. Wake-ups that come while the loop works are kept as one.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Wakes the loop, now or at its next wait.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for a wake-up. One that came before is taken at once.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}
