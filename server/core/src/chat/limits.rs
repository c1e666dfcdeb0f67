//! What bounds a turn of the chat.

/// The limits of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of the model with tools; one more without them ends the turn.
    pub rounds: u32,
    /// Most tokens of one answer.
    pub answer_tokens: u32,
    /// Most tokens of all calls. A call that would not fit is not made.
    pub turn_tokens: u64,
    /// Most tools that run for one answer.
    pub calls_per_answer: usize,
    /// Longest answer of a tool that the model is told, in bytes.
    pub result_bytes: usize,
    /// How often the same call may give the same answer.
    pub repeats: u32,
    /// Rounds in a row in which no tool worked.
    pub vain_rounds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rounds: 25,
            answer_tokens: 4096,
            turn_tokens: 500_000,
            calls_per_answer: 16,
            result_bytes: 32 * 1024,
            repeats: 3,
            vain_rounds: 5,
        }
    }
}
