//! Bytes that tests know: those of the first request are all 1, those of the second all 2, and so on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use gateway_domain::entropy::{Entropy, NoEntropy};

struct Counting(AtomicU8);

pub(crate) fn counting() -> Arc<dyn Entropy> {
    Arc::new(Counting(AtomicU8::new(1)))
}

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}
