//! A signed text that may be used once.

use crate::time::Timestamp;

/// What a verified text says of itself: it may be used once until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneUse {
    /// Its id, unique for who signed it.
    pub jti: String,
    /// The first second at which it is not accepted any more.
    pub until: Timestamp,
}
