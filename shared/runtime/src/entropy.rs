//! Randomness from the operating system.

use crate::StartError;
use gateway_domain::entropy::{Entropy, NoEntropy};

/// The operating system's source of randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for random bytes")]
        let filled = getrandom::fill(bytes);
        filled.map_err(|error| NoEntropy(error.to_string()))
    }
}

impl SystemEntropy {
    /// Fresh random bytes, for programs that are no Lambda function and so have no [`crate::Platform`].
    pub fn bytes<const N: usize>(self) -> Result<[u8; N], StartError> {
        Ok((&self as &dyn Entropy).bytes()?)
    }
}

#[cfg(test)]
mod tests {
    /// Checklist T-27, Z-22, Z-45: a sample has no collision and every bit is set about half of the time.
    #[test]
    fn a_million_samples_do_not_collide_and_bits_are_balanced() {
        const SAMPLES: u32 = 1_000_000;
        let mut seen = std::collections::HashSet::with_capacity(SAMPLES as usize);
        let mut ones = [0_u32; 128];
        for _ in 0..SAMPLES {
            let value = u128::from_ne_bytes(super::SystemEntropy.bytes().unwrap());
            assert!(seen.insert(value));
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += u32::from(value >> bit & 1 == 1);
            }
        }
        // The bound is ten standard deviations (500 each), so a false alarm is practically impossible.
        assert!(ones.iter().all(|count| count.abs_diff(SAMPLES / 2) < 5_000), "{ones:?}");
    }
}
