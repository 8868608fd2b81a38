//! The source of random bytes.

/// A source of random bytes. Tests use one whose bytes they know.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer. After an error its bytes must not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

impl dyn Entropy + '_ {
    /// Fresh random bytes.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// The source has no random bytes; the text is its own error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes: {0}")]
pub struct NoEntropy(pub String);
