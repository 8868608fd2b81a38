//! Randomness from the operating system.

use crate::StartError;

/// Fresh random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| StartError::Unavailable { what: "system randomness".into(), reason: error.to_string() })?;
    Ok(bytes)
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
            let value = u128::from_ne_bytes(super::bytes().unwrap());
            assert!(seen.insert(value));
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += u32::from(value >> bit & 1 == 1);
            }
        }
        // Ten standard deviations (500) around half: a false alarm is not to be expected in the age of the universe.
        assert!(ones.iter().all(|count| count.abs_diff(SAMPLES / 2) < 5_000), "{ones:?}");
    }
}
