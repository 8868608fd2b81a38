//! Login attempts: how many a source and an account have, and how long the next one waits.
//!
//! A counter is a bucket that leaks: every attempt that is evaluated fills it by one, and one leaks out every `every`.
//! What is stored is the time at which it will be empty, so that it decays without being written, and nothing that is
//! written, a right password least of all, makes an older attempt count for longer.

use crate::time::{Seconds, Timestamp};

/// How many attempts are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// This many are evaluated at once, without a wait.
    pub free: u64,
    /// Beyond `free`, one is evaluated in this time.
    pub pace: Seconds,
    /// This many fill the counter: nothing more is evaluated before one has leaked out. At least `free`.
    pub most: u64,
    /// One leaks out in this time, so that in any length of time at most `most` and one per `every` are evaluated.
    pub every: Seconds,
}

/// One account from one source (address and application). A source that has logged in before is judged by this alone.
/// At most 20 + 80 in any day.
pub const PAIR: Limit = Limit { free: 10, pace: Seconds::new(60), most: 20, every: Seconds::new(1_080) };
/// One account from all sources that have not logged in before: at most 60 + 40 in any day (SP 800-63B-4 §3.2.2).
pub const ACCOUNT: Limit = Limit { free: 30, pace: Seconds::new(60), most: 60, every: Seconds::new(2_160) };
/// One source over all accounts that have not logged in from there before: password spraying and stuffing. Five
/// thousand people behind one address who log in there for the first time and mistype in 2 of 100 cases fail a hundred
/// times, give or take thirty.
pub const SOURCE: Limit = Limit { free: 200, pace: Seconds::new(300), most: 200, every: Seconds::new(300) };
/// Client secrets from one source. They cannot be guessed, so this only slows down and tells.
pub const CLIENT: Limit = Limit { free: 20, pace: Seconds::new(3), most: 20, every: Seconds::new(3) };

impl Limit {
    /// A counter that was written now is empty after this time, whatever was in it.
    pub fn memory(self) -> Seconds {
        times(self.every, self.most)
    }
}

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// When it will be empty. In the past if it is.
    pub empty_at: Timestamp,
    /// Beyond the free attempts, nothing is evaluated before this.
    pub next_at: Timestamp,
}

/// How an attempt that may be evaluated is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// The counter is empty: it begins with this one.
    First,
    /// There are free attempts left, however many are counted at the same time.
    Free,
    /// One of those who wait goes on: the one who finds the counter as it was read.
    Paced,
}

impl Counter {
    /// One that never counted anything.
    pub const EMPTY: Self = Self { empty_at: Timestamp::from_secs(0), next_at: Timestamp::from_secs(0) };

    /// Whether an attempt may be evaluated, and how it is then counted; the error is the wait, at least a second, after
    /// which one will be, if nobody else is first.
    pub fn permit(self, limit: Limit, now: Timestamp) -> Result<Permit, Seconds> {
        if self.empty_at <= now {
            return Ok(Permit::First);
        }
        let free_from = self.empty_at.saturating_sub(room(limit.every, limit.free));
        let paced_from = self.empty_at.saturating_sub(room(limit.every, limit.most)).max(self.next_at);
        if free_from <= now {
            Ok(Permit::Free)
        } else if limit.free < limit.most && paced_from <= now {
            Ok(Permit::Paced)
        } else {
            let from = if limit.free < limit.most { free_from.min(paced_from) } else { free_from };
            Err(Seconds::new(from.since(now).as_u64().max(1)))
        }
    }

    /// The counter once an attempt with this permit is counted.
    #[must_use]
    pub fn counted(self, limit: Limit, permit: Permit, now: Timestamp) -> Self {
        let empty_at = self.empty_at.max(now).saturating_add(limit.every);
        match permit {
            Permit::First | Permit::Free => Self { empty_at, ..self },
            Permit::Paced => Self { empty_at, next_at: now.saturating_add(limit.pace) },
        }
    }

    /// The counter once an attempt is taken back, because it was right.
    #[must_use]
    pub fn returned(self, limit: Limit) -> Self {
        Self { empty_at: self.empty_at.saturating_sub(limit.every), next_at: Timestamp::from_secs(0) }
    }
}

/// With how much still to leak there is room for one more below `bound`.
pub fn room(every: Seconds, bound: u64) -> Seconds {
    times(every, bound.saturating_sub(1))
}

fn times(length: Seconds, count: u64) -> Seconds {
    Seconds::new(length.as_u64().saturating_mul(count))
}

#[cfg(test)]
mod tests;
