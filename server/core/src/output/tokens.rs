//! Model tokens, counted by kind.

/// Model tokens used, by kind. All counts are of one message or one turn, never running totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Input tokens that were not read from a cache.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write: u64,
}

impl TokenUsage {
    /// All kinds together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output).saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// Both together, kind by kind.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// output R3: totals never overflow.
    #[test]
    fn totals_never_overflow() {
        let usage = TokenUsage { input: u64::MAX, output: 1, cache_read: 2, cache_write: 3 };
        assert_eq!(usage.total(), u64::MAX);
        let few = TokenUsage { input: 1, output: 2, cache_read: 3, cache_write: 4 };
        assert_eq!((few.total(), usage.plus(few)), (10, TokenUsage { input: u64::MAX, output: 3, cache_read: 5, cache_write: 7 }));
    }
}
