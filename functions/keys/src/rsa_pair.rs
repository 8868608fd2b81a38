//! Makes RSA key pairs, which ring cannot. Only here: they are used by ring, in functions that have no other cryptography.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng as _;
use gateway_domain::entropy::Entropy;
use gateway_domain::rotation::pair::{NoPair, Pair};
use rsa::pkcs8::EncodePrivateKey as _;

use crate::Failure;

/// The length of the keys: 128 bits of security (NIST SP 800-57 Part 1, table 2).
pub const BITS: usize = 3_072;

/// A new pair of this length. Its primes come from a generator that 256 random bits seed, so that there is one source of
/// randomness and no error within the search for primes.
pub fn generate(bits: usize, entropy: &dyn Entropy) -> Result<Pair, Failure> {
    let mut random = ChaCha20Rng::from_seed(entropy.bytes()?);
    let key = rsa::PrivateKey::new(&mut random, bits).map_err(|_| NoPair)?;
    let der = key.to_pkcs8_der().map_err(|_| NoPair)?;
    Ok(Pair::of_rsa(der.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_domain::entropy::NoEntropy;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    struct Nothing;

    impl Entropy for Nothing {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy("none".to_owned()))
        }
    }

    #[test]
    fn a_pair_is_one_that_ring_takes_and_follows_from_its_random_bytes_alone() {
        let pair = |byte| generate(BITS, &Fixed(byte)).unwrap();
        assert_eq!(pair(1), pair(1));
        assert_ne!(pair(1), pair(2));
        assert!(matches!(generate(BITS, &Nothing), Err(Failure::Start(_))));
    }
}
