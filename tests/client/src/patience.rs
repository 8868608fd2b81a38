//! How often and how long something is tried again, and that nobody asks while the gateway wants quiet.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{Client, Clock, Error, Storage};

/// How often and how long one request is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Most tries.
    pub tries: u32,
    /// Longest time over all of them, the waits in between included.
    pub total: Duration,
    /// Longest time for one response. More than the 29 s after which API Gateway gives up, or lost responses are made.
    pub one_try: Duration,
    /// Longest random wait before the second try; it doubles with each further one.
    pub first_wait: Duration,
    /// Longest random wait at all.
    pub longest_wait: Duration,
}

impl Default for Patience {
    /// Three tries within a minute.
    fn default() -> Self {
        Self {
            tries: 3,
            total: Duration::from_mins(1),
            one_try: Duration::from_secs(31),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(20),
        }
    }
}

impl Patience {
    /// The wait after so many tries: what the gateway asked for, and any time up to a bound that doubles ("full
    /// jitter"), so that a million phones that failed together do not come back together. `chance` is 0 to 1.
    pub(crate) fn wait(&self, tries: u32, retry_after: Option<Duration>, chance: f64) -> Duration {
        let doubled = self.first_wait.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
        retry_after.unwrap_or_default().saturating_add(doubled.min(self.longest_wait).mul_f64(chance.clamp(0.0, 1.0)))
    }
}

/// What came of one try.
pub(crate) enum Trouble {
    /// Trying again would not help.
    Lasting(Error),
    /// It may pass: 429, 503 or no response, after this time if the gateway said one.
    Passing(Option<Duration>, Error),
}

/// Closed while the gateway wants quiet, so that a hundred callers do not each find out for themselves.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Duration>);

impl Gate {
    fn check(&self, now: Duration) -> Result<(), Error> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now < until { Err(Error::TryLater(until.saturating_sub(now))) } else { Ok(()) }
    }

    fn close(&self, until: Duration) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *current = until.max(*current);
    }
}

/// The tries of one request.
pub(crate) struct Tries<'c, C> {
    clock: &'c C,
    patience: Patience,
    gate: &'c Gate,
    begun: Duration,
    done: u32,
}

impl<S: Storage, C: Clock> Client<S, C> {
    /// Begins, unless the gate is closed.
    pub(crate) fn tries<'c>(&'c self, gate: &'c Gate) -> Result<Tries<'c, C>, Error> {
        let begun = self.clock.now();
        gate.check(begun)?;
        Ok(Tries { clock: &self.clock, patience: self.patience, gate, begun, done: 0 })
    }
}

impl<C: Clock> Tries<'_, C> {
    /// Waits for the next try. An error means that there is none: it would not help, or the patience is over; then the
    /// gate stays closed for as long as this would have waited.
    pub(crate) async fn again(&mut self, trouble: Trouble) -> Result<(), Error> {
        self.done += 1;
        let (retry_after, error) = match trouble {
            Trouble::Lasting(error) => return Err(error),
            Trouble::Passing(retry_after, error) => (retry_after, error),
        };
        let wait = self.patience.wait(self.done, retry_after, chance()?);
        let now = self.clock.now();
        let over = self.done >= self.patience.tries
            || now.saturating_sub(self.begun).saturating_add(wait) > self.patience.total;
        if over || retry_after.is_some() {
            self.gate.close(now.saturating_add(wait));
        }
        if over {
            return Err(if retry_after.is_some() { Error::TryLater(wait) } else { error });
        }
        self.clock.sleep(wait).await;
        Ok(())
    }
}

/// A random number from 0 to 1.
fn chance() -> Result<f64, Error> {
    let random = getrandom::u32().map_err(|_| Error::Storage(std::io::Error::other("no random numbers")))?;
    Ok(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_never_undercut_what_the_gateway_asked_for() {
        let patience = Patience::default();
        let longest: Vec<_> = (1..9).map(|tries| patience.wait(tries, None, 1.0).as_millis()).collect();
        assert_eq!(longest, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
        assert_eq!(patience.wait(5, None, 0.0), Duration::ZERO);
        let asked = Some(Duration::from_secs(7));
        assert_eq!(patience.wait(1, asked, 0.0), Duration::from_secs(7));
        assert_eq!(patience.wait(1, asked, 1.0), Duration::from_millis(7_500));
        assert_eq!(patience.wait(u32::MAX, asked, 1.0), Duration::from_secs(27));
    }

    #[test]
    fn a_closed_gate_opens_by_itself_and_is_not_opened_earlier_by_another() {
        let gate = Gate::default();
        gate.close(Duration::from_secs(10));
        gate.close(Duration::from_secs(5));
        assert!(matches!(gate.check(Duration::from_secs(7)), Err(Error::TryLater(wait)) if wait.as_secs() == 3));
        assert!(gate.check(Duration::from_secs(10)).is_ok());
    }
}
