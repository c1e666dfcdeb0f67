//! The provider: three accounts, each with a window of five hours and one of seven days that open with the first token after their end and hold a fixed
//! number of tokens.
//!
//! Who spends them lives in `play` and `original`.

/// Milliseconds of an hour.
pub(super) const HOUR: i64 = 3_600_000;
/// Agents on each account.
pub(super) const AGENTS: usize = 3;
/// Accounts.
pub(super) const ACCOUNTS: usize = 3;
/// Tokens per second of one agent.
pub(super) const RATE: u64 = 100;
/// Milliseconds from a start to the first token.
pub(super) const SPAWN: i64 = 2_000;
/// Tokens of a short window: the agents at full speed would use it up after three fifths of it.
pub(super) const SHORT: u64 = 18_000 * RATE * AGENTS as u64 * 6 / 10;
/// Tokens of the long windows, in short ones.
const LONG: [u64; ACCOUNTS] = [8, 5, 3];

/// One window of an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// What the provider calls it.
    pub(super) name: &'static str,
    /// Tokens it holds.
    pub(super) size: u64,
    /// Tokens left in it.
    pub(super) left: u64,
    /// When it ends; 0 before the first.
    pub(super) end: i64,
    span: i64,
}

impl Window {
    const fn new(name: &'static str, size: u64, span: i64) -> Self {
        Self { name, size, left: size, end: 0, span }
    }

    /// True while it is open and holds nothing more.
    pub(super) const fn is_exhausted(&self, now: i64) -> bool {
        now < self.end && self.left == 0
    }
}

/// One account.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The short window and the long one.
    pub(super) windows: [Window; 2],
    /// The end of each used-up window, and the milliseconds from there to the next token.
    pub(super) gaps: Vec<(i64, i64)>,
    waits_since: Option<i64>,
}

impl Plan {
    pub(super) const fn new(number: usize) -> Self {
        let long = SHORT * LONG[number];
        let windows = [Window::new("five_hour", SHORT, 5 * HOUR), Window::new("seven_day", long, 168 * HOUR)];
        Self { windows, gaps: Vec::new(), waits_since: None }
    }

    /// Spends up to `wanted` tokens and returns how many there were.
    pub(super) fn take(&mut self, now: i64, wanted: u64) -> u64 {
        if !self.is_exhausted(now) {
            for window in &mut self.windows {
                if now >= window.end {
                    (window.end, window.left) = (now + window.span, window.size);
                }
            }
            if let Some(reset) = self.waits_since.take() {
                self.gaps.push((reset, now - reset));
            }
        }
        let got = self.windows.iter().map(|window| window.left).min().unwrap().min(wanted);
        for window in &mut self.windows {
            window.left -= got;
        }
        if self.is_exhausted(now) {
            self.waits_since = self.refused(now).map(|window| window.end);
        }
        got
    }

    pub(super) fn is_exhausted(&self, now: i64) -> bool {
        self.windows.iter().any(|window| window.is_exhausted(now))
    }

    /// The used-up window that ends last.
    pub(super) fn refused(&self, now: i64) -> Option<&Window> {
        self.windows.iter().filter(|window| window.is_exhausted(now)).max_by_key(|window| window.end)
    }

    /// What the account's windows offer in `span` milliseconds, in tokens.
    fn offers(&self, span: i64) -> f64 {
        let [short, long] = &self.windows;
        let of = |span: i64, window: &Window, most: f64| {
            let fast = AGENTS as f64 * RATE as f64 / 1_000.0;
            (span / window.span) as f64 * (window.size as f64).min(most) + ((span % window.span) as f64 * fast).min(window.size as f64)
        };
        let of_short = |span: i64| of(span, short, f64::MAX).min(long.size as f64);
        (span / long.span) as f64 * of_short(long.span) + of_short(span % long.span)
    }
}

/// The accounts.
pub(super) fn plans() -> Vec<Plan> {
    (0..ACCOUNTS).map(Plan::new).collect()
}

/// What all windows offer in `span` milliseconds, in tokens.
pub(super) fn offered(span: i64) -> f64 {
    plans().iter().map(|plan| plan.offers(span)).sum()
}
