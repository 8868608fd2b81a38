//! How long a function may use keys in memory, and the times of a rotation that follow from it.

use crate::time::{Seconds, Timestamp};

/// The text is not a valid cache age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number of seconds from 1 to {}", Timing::LONGEST.as_u64())]
pub struct InvalidTiming;

/// All times that depend on how long a reader uses keys before it reads them again. Readers and rotations use the same
/// ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    cache: Seconds,
}

impl Default for Timing {
    fn default() -> Self {
        Self { cache: Self::LONGEST }
    }
}

impl Timing {
    /// The cache age of a deployed gateway: five minutes. Tests use shorter ones.
    pub const LONGEST: Seconds = Seconds::new(300);

    /// Timing for this cache age in seconds.
    pub fn parse(text: &str) -> Result<Self, InvalidTiming> {
        let seconds: u64 = text.parse().map_err(|_| InvalidTiming)?;
        let cache = Seconds::new(seconds);
        if seconds >= 1 && cache <= Self::LONGEST { Ok(Self { cache }) } else { Err(InvalidTiming) }
    }

    /// Keys older than this are read again at their next use.
    pub const fn cache(self) -> Seconds {
        self.cache
    }

    /// The least time between two attempts to read, in milliseconds: 30 s for the cache age of 5 min.
    pub fn retry_millis(self) -> i64 {
        self.cache.as_i64().saturating_mul(100)
    }

    /// Keys that cannot be read again are used up to this age, and not longer: a day for the cache age of 5 min.
    pub const fn last_good(self) -> Seconds {
        Seconds::new(self.cache.as_u64().saturating_mul(288))
    }

    /// A rotation that takes longer than this from its first step to its last is abandoned: one cache age.
    pub const fn finish(self) -> Seconds {
        self.cache
    }

    /// The latest time at which a version of a secret that was made then begins to be read: it is current by then, or never.
    pub fn readable(self, made: Timestamp) -> Timestamp {
        made.saturating_add(self.finish())
    }

    /// The latest time at which clients begin to read what readers publish from such a version: they keep what they have for
    /// one cache age more.
    pub fn readable_by_clients(self, made: Timestamp) -> Timestamp {
        self.readable(made).saturating_add(self.cache)
    }

    /// How long a key must have been published before it is used: one cache age, and half of one for a request in progress
    /// and for one read that failed.
    pub const fn overlap(self) -> Seconds {
        Seconds::new(self.cache.as_u64().saturating_add(self.cache.as_u64().div_ceil(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cache_age_is_longer_than_what_is_deployed() {
        for bad in ["0", "301", "-1", "", "5m", "1.5"] {
            assert_eq!(Timing::parse(bad), Err(InvalidTiming), "{bad}");
        }
        assert_eq!(Timing::parse("300"), Ok(Timing::default()));
        assert_eq!(InvalidTiming.to_string(), "expected a whole number of seconds from 1 to 300");
    }

    #[test]
    fn five_minutes_make_a_day() {
        let timing = Timing::default();
        assert_eq!(timing.last_good(), Seconds::new(86_400));
        assert_eq!((timing.retry_millis(), timing.overlap()), (30_000, Seconds::new(450)));
    }
}
