//! What commands draw by chance, from one source that goes back together with everything else that a command did. So how commands happened to share their
//! batches, and which of these ran twice, changes nothing about what is drawn.

use rand::rngs::StdRng;

/// The source, where the present command found it, and where the present batch did.
pub(super) struct Chance {
    now: StdRng,
    command: StdRng,
    batch: StdRng,
}

impl Chance {
    pub(super) fn new(source: StdRng) -> Self {
        Self { command: source.clone(), batch: source.clone(), now: source }
    }

    /// What is drawn from.
    pub(super) fn source(&mut self) -> &mut StdRng {
        &mut self.now
    }

    /// A command begins.
    pub(super) fn begin(&mut self) {
        self.command.clone_from(&self.now);
    }

    /// The command is taken back.
    pub(super) fn undo(&mut self) {
        self.now.clone_from(&self.command);
    }

    /// The batch is taken back.
    pub(super) fn undo_batch(&mut self) {
        self.now.clone_from(&self.batch);
    }

    /// The batch is kept for good.
    pub(super) fn settle(&mut self) {
        self.batch.clone_from(&self.now);
    }
}
