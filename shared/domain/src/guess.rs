//! Guessing passwords: how many tries a source and an account have, and how long the next one waits.

use crate::time::{Seconds, Timestamp};

/// A counter of consecutive failed guesses, with a reservation made before every guess is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// This many guesses are evaluated without delay.
    pub free: u64,
    /// After that, waits grow by doubling up to this length.
    pub longest_wait: Seconds,
    /// From this many on, nothing is evaluated until the counter lapses.
    pub most: u64,
    /// The counter lapses this long after the last reservation.
    pub memory: Seconds,
}

/// One account from one source (address and application). A source that has logged in before is judged by this alone.
pub const PAIR: Limit = Limit { free: 10, longest_wait: Seconds::new(900), most: 100, memory: Seconds::new(86_400) };
/// One account from all sources that have not logged in before: at most 100 consecutive failures (SP 800-63B-4 §3.2.2).
pub const ACCOUNT: Limit = Limit { free: 30, longest_wait: Seconds::new(60), most: 100, memory: Seconds::new(86_400) };
/// One source over all accounts: password spraying and stuffing.
pub const SOURCE: Limit =
    Limit { free: 100, longest_wait: Seconds::new(300), most: u64::MAX, memory: Seconds::new(3_600) };

/// Client secrets from one source. They cannot be guessed, so this only slows down and tells.
pub const CLIENT: Limit = Limit { free: 20, longest_wait: Seconds::new(60), most: u64::MAX, memory: Seconds::new(60) };

/// How long the next guess waits after this many.
pub fn wait(limit: Limit, failures: u64) -> Seconds {
    let doublings = failures.saturating_sub(limit.free).min(30);
    Seconds::new((1_u64 << doublings).min(limit.longest_wait.as_u64()))
}

/// Whether a guess may be evaluated given the counter's state; the error is the wait, at least one second.
pub fn may_guess(
    limit: Limit,
    failures: u64,
    next_at: Timestamp,
    lapses: Timestamp,
    now: Timestamp,
) -> Result<(), Seconds> {
    if now >= lapses || failures < limit.free {
        return Ok(());
    }
    let until = if failures >= limit.most { lapses } else { next_at };
    if until <= now { Ok(()) } else { Err(Seconds::new(until.since(now).as_u64().max(1))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checklist G-04, P-09, Z-12.
    #[test]
    fn waits_double_and_stay_bounded_and_a_hundred_failures_are_the_most() {
        let now = Timestamp::from_secs(0);
        let lapses = now.saturating_add(ACCOUNT.memory);
        let waits: Vec<_> = (30..38).map(|failures| wait(ACCOUNT, failures).as_u64()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(may_guess(ACCOUNT, 29, now, lapses, now), Ok(()));
        assert_eq!(may_guess(ACCOUNT, 30, Timestamp::from_secs(7), lapses, now), Err(Seconds::new(7)));
        assert_eq!(may_guess(ACCOUNT, 100, now, lapses, now), Err(Seconds::new(86_400)));
        assert_eq!(may_guess(ACCOUNT, 100, now, lapses, lapses), Ok(()));
    }
}
