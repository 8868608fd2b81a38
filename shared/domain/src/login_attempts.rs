//! The limits of login attempts: how many a source and an account have, and how long the next one must wait.
//!
//! A counter is a leaky bucket: every evaluated attempt adds one, and one leaks out in each `every`. The time at which it
//! will be empty is what is stored, so that it decays without a write. No later write makes an older attempt count for
//! longer, and a right password takes back what it added.

use crate::time::{Seconds, Timestamp};

/// How many attempts are evaluated under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// This many are evaluated at once, without a wait.
    pub free: u64,
    /// Beyond `free`, at most one is evaluated in this time.
    pub pace: Seconds,
    /// This many fill the counter: then none is evaluated until one has leaked out. At least `free`.
    pub most: u64,
    /// One leaks out in this time, so that any span of time has at most `most` evaluated attempts and one more per `every`.
    pub every: Seconds,
}

/// One account from one source (address and application): at most 20 + 80 in any day. It is the only limit for a source
/// that has logged in to the account before.
pub const PAIR: Limit = Limit { free: 10, pace: Seconds::new(60), most: 20, every: Seconds::new(1_080) };
/// One account from all sources that have not logged in before: 99, then one a day, so at most 100 in any day (SP 800-63B-4
/// §3.2.2). Who owns the address gets past it by a new password, which begins another counter.
pub const ACCOUNT: Limit = Limit { free: 30, pace: Seconds::new(60), most: 99, every: Seconds::new(86_400) };
/// One source over all accounts that have not logged in from there before, against password spraying and credential
/// stuffing. It leaves room for 5,000 users behind one address who log in there for the first time: if 2 of 100 mistype,
/// about 100 attempts fail, give or take 30.
pub const SOURCE: Limit = Limit { free: 200, pace: Seconds::new(300), most: 200, every: Seconds::new(300) };
/// Client secrets from one source. They are too random to guess, so this limit only slows attempts down and reports them.
pub const CLIENT: Limit = Limit { free: 20, pace: Seconds::new(3), most: 20, every: Seconds::new(3) };

/// Refresh tokens of another issuer that it refuses, from one source: they are too random to guess, so this limit only keeps who tries from
/// using the gateway to flood that issuer. Phones that share an address do not wait for each other: what the issuer takes, or cannot answer, is
/// given back.
pub const TRADE_INS: Limit = Limit { free: 20, pace: Seconds::new(30), most: 20, every: Seconds::new(30) };

/// Codes of one authenticator app, which only somebody types who has shown the password: at most 10 + 10 in any day, of which three are
/// right at any time, so that a year of guesses finds one in a hundred cases.
pub const CODE: Limit = Limit { free: 5, pace: Seconds::new(60), most: 10, every: Seconds::new(8_640) };

/// Mails to one address: at most 10 + 10 in any day, whoever asks for them.
pub const MAILS_TO_ADDRESS: Limit = Limit { free: 5, pace: Seconds::new(60), most: 10, every: Seconds::new(8_640) };
/// Mails that one source asks for: at most 100 + 100 in any day.
pub const MAILS_FROM_SOURCE: Limit = Limit { free: 50, pace: Seconds::new(10), most: 100, every: Seconds::new(864) };

/// Changes that a developer makes on the pages, each of which stays in the audit trail: at most 200 + 200 in any day.
pub const DEVELOPER_CHANGES: Limit = Limit { free: 100, pace: Seconds::new(5), most: 200, every: Seconds::new(432) };

/// So many at once, and then no more than so many a day: at most twice as many in any day. A number of the configuration, up to 86400.
pub fn a_day(most: u32) -> Limit {
    const DAY: u64 = 86_400;
    let most = u64::from(most).clamp(1, DAY);
    Limit { free: most, pace: Seconds::new(1), most, every: Seconds::new(DAY.div_ceil(most)) }
}

impl Limit {
    /// After this time without a write any counter is empty, even a full one.
    pub fn memory(self) -> Seconds {
        times(self.every, self.most)
    }
}

/// The counter of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// When it will be empty; in the past if it is empty.
    pub empty_at: Timestamp,
    /// Beyond the free attempts, none is evaluated before this time.
    pub next_at: Timestamp,
}

/// How an attempt that may be evaluated is to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// The counter is empty and begins with this attempt.
    First,
    /// Free attempts are left. Concurrent ones are counted together, as long as there is room.
    Free,
    /// The free attempts are used up. Of concurrent attempts only one is counted: the one that finds the counter unchanged.
    Paced,
}

impl Counter {
    /// A counter that has counted nothing.
    pub const EMPTY: Self = Self { empty_at: Timestamp::from_secs(0), next_at: Timestamp::from_secs(0) };

    /// Whether an attempt may be evaluated, and how it is then counted. The error is the wait after which one may be, unless
    /// another attempt comes first; at least one second.
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

    /// The counter after an attempt with this permit was counted.
    #[must_use]
    pub fn counted(self, limit: Limit, permit: Permit, now: Timestamp) -> Self {
        let empty_at = self.empty_at.max(now).saturating_add(limit.every);
        match permit {
            Permit::First | Permit::Free => Self { empty_at, ..self },
            Permit::Paced => Self { empty_at, next_at: now.saturating_add(limit.pace) },
        }
    }

    /// The counter after an attempt was taken back, because its password was right.
    #[must_use]
    pub fn returned(self, limit: Limit) -> Self {
        Self { empty_at: self.empty_at.saturating_sub(limit.every), next_at: Timestamp::from_secs(0) }
    }
}

/// One more attempt fits below `bound` if the counter will be empty within this time.
pub fn room(every: Seconds, bound: u64) -> Seconds {
    times(every, bound.saturating_sub(1))
}

fn times(length: Seconds, count: u64) -> Seconds {
    Seconds::new(length.as_u64().saturating_mul(count))
}

#[cfg(test)]
mod tests;
