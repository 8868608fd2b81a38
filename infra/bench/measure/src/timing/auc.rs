//! How well one number tells two samples apart: the area under the ROC curve, which is the probability that a value of the
//! second sample is greater than one of the first (Mann-Whitney U).

/// How often both samples are drawn anew for an interval.
const DRAWS: usize = 1_000;

/// The area; 0.5 if nothing is told, also for empty samples. Equal values count half.
pub(super) fn area(one: &[f64], other: &[f64]) -> f64 {
    let mut one = one.to_vec();
    one.sort_by(f64::total_cmp);
    let below = |value: f64| one.partition_point(|known| *known < value) + one.partition_point(|known| *known <= value);
    let twice: usize = other.iter().map(|value| below(*value)).sum();
    let pairs = one.len() * other.len();
    if pairs == 0 { 0.5 } else { float(twice) / 2.0 / float(pairs) }
}

/// The interval of 95 % of the area, by a bootstrap that draws the same every time.
pub(super) fn interval(one: &[f64], other: &[f64]) -> [f64; 2] {
    let mut dice = Dice::new();
    let mut areas: Vec<_> = (0..DRAWS).map(|_| area(&drawn(one, &mut dice), &drawn(other, &mut dice))).collect();
    areas.sort_by(f64::total_cmp);
    [DRAWS / 40, DRAWS - DRAWS / 40].map(|at| areas.get(at).copied().unwrap_or(0.5))
}

/// The middle value; 0 of nothing.
pub(super) fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// As many values, each drawn from all.
fn drawn(sample: &[f64], dice: &mut Dice) -> Vec<f64> {
    (0..sample.len()).filter_map(|_| sample.get(dice.below(sample.len())).copied()).collect()
}

/// Numbers that look random and are the same every time (xorshift64, Marsaglia 2003).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// A number below this one; 0 below 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound.max(1)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of pairs, far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn the_area_says_how_often_the_second_is_greater() {
        assert!(close(area(&[1.0, 2.0], &[3.0, 4.0]), 1.0));
        assert!(close(area(&[3.0, 4.0], &[1.0, 2.0]), 0.0));
        assert!(close(area(&[1.0, 2.0], &[1.0, 2.0]), 0.5));
        assert!(close(area(&[1.0, 3.0], &[2.0]), 0.5));
        assert!(close(area(&[], &[1.0]), 0.5));
    }

    #[test]
    fn the_interval_holds_the_area_and_tells_what_is_apart() {
        let sample = |from: u32| (from..from + 100).map(f64::from).collect::<Vec<_>>();
        let [low, high] = interval(&sample(0), &sample(0));
        assert!(low < 0.5 && 0.5 < high && high - low < 0.2, "{low} {high}");
        let [low, high] = interval(&sample(0), &sample(50));
        assert!(low > 0.8 && high <= 1.0, "{low} {high}");
    }
}
