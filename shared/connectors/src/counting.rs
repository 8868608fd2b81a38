//! Predictable bytes for tests in place of entropy: each fill is all 1, then all 2, and so on.

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
