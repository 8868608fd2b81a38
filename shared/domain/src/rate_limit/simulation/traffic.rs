//! Calls of many users through many containers, in shapes that traffic has.

use super::Attempt;

/// How calls are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One after the other at one pace.
    Steady,
    /// With gaps from none to twice the mean.
    Random,
    /// So many at once, and then a pause.
    Bursts(u32),
    /// Rising from a tenth of the peak to the peak in the middle, and falling again: one day.
    Day,
}

/// Traffic of one application.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// How calls are spread.
    pub shape: Shape,
    /// Calls in 1,000 seconds, of a day at its peak.
    pub per_1000_s: u64,
    /// How long it lasts, in milliseconds.
    pub length_ms: i64,
    /// From how many users.
    pub users: usize,
    /// Through how many containers of the authorizer.
    pub containers: usize,
    /// What each call uses.
    pub weight: u32,
}

impl Traffic {
    /// The attempts from a point in time on. The same traffic is always the same attempts.
    pub fn attempts(&self, from_ms: i64) -> Vec<Attempt> {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let (mut at_us, length_us) = (0_i64, self.length_ms.saturating_mul(1_000));
        let mut attempts = Vec::new();
        while at_us < length_us {
            let mean_us = self.mean_gap_us(at_us, length_us);
            let (size, gap_us) = match self.shape {
                Shape::Steady => (1, mean_us),
                Shape::Random | Shape::Day => (1, random.below(mean_us.saturating_mul(2).saturating_add(1))),
                Shape::Bursts(size) => (size, mean_us.saturating_mul(size.into())),
            };
            for _ in 0..size {
                attempts.push(Attempt {
                    at_ms: from_ms.saturating_add(at_us / 1_000).saturating_add(random.below(20)),
                    container: random.one_of(self.containers),
                    user: random.one_of(self.users),
                    api: 0,
                    weight: self.weight,
                    counted_after_ms: random.below(40),
                    refund_after_ms: 15,
                });
            }
            at_us = at_us.saturating_add(gap_us.max(1));
        }
        attempts
    }

    fn mean_gap_us(&self, at_us: i64, length_us: i64) -> i64 {
        let peak_us = i64::try_from(1_000_000_000_u64.checked_div(self.per_1000_s).unwrap_or(u64::MAX))
            .unwrap_or(i64::MAX)
            .max(1);
        if self.shape != Shape::Day {
            return peak_us;
        }
        // From 1/10 to 1 and back, in a straight line.
        let half = (length_us / 2).max(1);
        let from_peak = at_us.saturating_sub(half).saturating_abs().min(half);
        let thousandths = 1_000_i64.saturating_sub(from_peak.saturating_mul(900) / half).max(1);
        peak_us.saturating_mul(1_000) / thousandths
    }
}

/// Numbers without a pattern that are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound).unwrap_or(1).max(1);
        i64::try_from(self.0.checked_rem(bound).unwrap_or(0)).unwrap_or(0)
    }

    fn one_of(&mut self, count: usize) -> usize {
        usize::try_from(self.below(i64::try_from(count).unwrap_or(i64::MAX))).unwrap_or(0)
    }
}
