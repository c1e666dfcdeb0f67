//! Random draws exactly as CPython's `random.Random` makes them, so that figures taken with the original program can be taken again here.
//!
//! What is drawn lives in `model`.

use rand_mt::Mt;

/// CPython's generator: MT19937 seeded from an array of 32-bit words, 53 bits for each number.
pub(crate) struct Draws(Mt);

impl Draws {
    /// The generator of `random.Random(seed)`.
    pub(crate) fn new(seed: u32) -> Self {
        Self(Mt::new_with_key([seed]))
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    pub(crate) fn unit(&mut self) -> f64 {
        let (high, low) = (self.0.next_u32() >> 5, self.0.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// A lognormal number; the normal one comes from Kinderman and Monahan's ratio of uniform numbers.
    pub(crate) fn lognormal(&mut self, mu: f64, sigma: f64) -> f64 {
        let magic = 4.0 * (-0.5_f64).exp() / 2.0_f64.sqrt();
        loop {
            let u = self.unit();
            let v = 1.0 - self.unit();
            let z = magic * (u - 0.5) / v;
            if z * z / 4.0 <= -v.ln() {
                return (mu + z * sigma).exp();
            }
        }
    }
}
