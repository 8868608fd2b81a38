//! Whatever the times of rotations, readers and failures: no key is used before everybody has it, or gone too early.

use gateway_domain::rotation::symmetric::Key;
use gateway_domain::rotation::{CannotMove, Keep, Ring, Timing};
use gateway_domain::time::{Seconds, Timestamp};
use proptest::prelude::*;

/// What a key made lives at most this long, in most histories.
const LIFE: u64 = 20_000;

/// What happened to a secret: when each version became current.
#[derive(Debug)]
struct History {
    timing: Timing,
    /// Whether clients verify what the keys make, who read them from readers of the secret.
    for_clients: bool,
    versions: Vec<(Timestamp, Ring<Key>)>,
}

/// An attempt to rotate.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    /// Seconds since the one before.
    after: u64,
    /// Seconds from its first step to its last.
    takes: u64,
    /// The configured life of what keys make.
    life: u64,
}

impl History {
    fn new(timing: Timing) -> Self {
        let start = Timestamp::from_secs(1_000_000);
        Self { timing, for_clients: false, versions: vec![(start, Ring::generate([0; 32], [0; 32], start))] }
    }

    /// As the keys function does it: made at the first step, given up when the last one comes too late.
    fn attempt(&mut self, now: Timestamp, attempt: Attempt) -> bool {
        let (_, ring) = self.versions.last().unwrap().clone();
        let readable = if self.for_clients { Timing::readable_by_clients } else { Timing::readable };
        let published = readable(self.timing, ring.made);
        let new = ring.fresh_entry([0; 32]);
        let keep = Keep::For(Seconds::new(attempt.life));
        let Ok(turned) = ring.rotate(new, published, keep, self.timing, now) else { return false };
        if attempt.takes > self.timing.finish().as_u64() {
            return false;
        }
        self.versions.push((now.saturating_add(Seconds::new(attempt.takes)), turned));
        true
    }

    /// What a reader has at this time whose copy is this old.
    fn seen(&self, now: Timestamp, age: u64) -> &Ring<Key> {
        let read = now.saturating_sub(Seconds::new(age));
        let seen = self.versions.iter().rev().find(|(since, _)| *since <= read);
        &seen.unwrap_or(&self.versions[0]).1
    }
}

fn knows(ring: &Ring<Key>, id: &str) -> bool {
    ring.entries().any(|entry| entry.id == id)
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let attempt =
        (0..4_000_u64, 0..400_u64, LIFE / 2..=LIFE).prop_map(|(after, takes, life)| Attempt { after, takes, life });
    proptest::collection::vec(attempt, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// One reader makes something, another one opens it within its life. The maker may have been cut off from the secret
    /// for a day, the opener's copy is as old as it may be.
    #[test]
    fn whatever_was_made_within_its_life_still_opens(
        attempts in attempts(),
        moments in proptest::collection::vec((0..160_000_u64, 0..=86_400_u64, 0..=450_u64, 0..=LIFE / 2), 64),
    ) {
        let mut history = History::new(Timing::default());
        let start = history.versions[0].0;
        let mut now = start;
        for attempt in attempts {
            now = now.saturating_add(Seconds::new(attempt.after));
            if history.attempt(now, attempt) {
                now = now.saturating_add(Seconds::new(attempt.takes));
            }
        }
        for (at, maker, opener, later) in moments {
            // A copy is a cache age old at most, and was then in use for the rest of the overlap at most.
            let made = start.saturating_add(Seconds::new(at));
            let id = &history.seen(made, maker).current.id;
            let opened = made.saturating_add(Seconds::new(later));
            prop_assert!(knows(history.seen(opened, opener), id), "{id} made at {made}, opened at {opened}");
        }
    }

    /// A key was in every version of the last cache age and a half before it became current.
    #[test]
    fn a_key_is_never_current_before_everybody_could_read_it(attempts in attempts(), cache in 1..=300_u64) {
        let mut history = History::new(Timing::parse(&cache.to_string()).unwrap());
        let mut now = history.versions[0].0;
        for attempt in attempts {
            now = now.saturating_add(Seconds::new(attempt.after));
            if history.attempt(now, attempt) {
                let (since, turned) = history.versions.last().unwrap();
                for age in [0, cache, cache + cache.div_ceil(2)] {
                    let seen = history.seen(since.saturating_sub(Seconds::new(1)), age.saturating_sub(1));
                    prop_assert!(knows(seen, &turned.current.id));
                }
                now = now.saturating_add(Seconds::new(attempt.takes));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A client that keeps what it read as long as it may, from a reader whose copy was as old as it may be, has every key
    /// that signs.
    #[test]
    fn a_client_has_a_key_before_it_signs(attempts in attempts(), moments in proptest::collection::vec(0..160_000_u64, 64)) {
        let timing = Timing::default();
        let mut history = History { for_clients: true, ..History::new(timing) };
        let start = history.versions[0].0;
        let mut now = start;
        for attempt in attempts {
            now = now.saturating_add(Seconds::new(attempt.after));
            if history.attempt(now, attempt) {
                now = now.saturating_add(Seconds::new(attempt.takes));
            }
        }
        let oldest = timing.overlap().as_u64() + timing.cache().as_u64();
        let turns = history.versions.iter().map(|(since, _)| since.since(start).as_u64());
        for at in moments.into_iter().chain(turns) {
            let now = start.saturating_add(Seconds::new(at));
            for age in [0, oldest - 1] {
                prop_assert!(knows(history.seen(now, age), &history.seen(now, 0).current.id), "{now}, {age} s old");
            }
        }
    }
}

#[test]
fn a_next_key_that_is_too_young_is_not_promoted_and_the_error_says_when_it_will_be() {
    let timing = Timing::default();
    let now = Timestamp::from_secs(1_000_000);
    let ring = Ring::generate([1; 32], [2; 32], now);
    let new = ring.fresh_entry([3; 32]);
    let early = now.saturating_add(Seconds::new(449));
    let refused = ring.clone().rotate(new.clone(), now, Keep::Ever, timing, early);
    assert_eq!(refused, Err(CannotMove::TooEarly { wait: Seconds::new(1) }));
    let late = now.saturating_add(Seconds::new(450));
    assert_eq!(ring.rotate(new, now, Keep::Ever, timing, late).unwrap().current.id, "k2");
}

#[test]
fn a_shorter_setting_does_not_shorten_the_life_of_what_was_made_before() {
    let timing = Timing::default();
    let day = |day: i64| Timestamp::from_secs(1_000_000 + day * 86_400);
    let mut ring = Ring::generate([1; 32], [2; 32], day(0));
    let (long, short) = (Seconds::new(90 * 86_400), Seconds::new(86_400));
    for (at, life) in [(1, long), (2, short), (60, short), (92, short)] {
        let new = ring.fresh_entry([3; 32]);
        ring = ring.rotate(new, day(at - 1), Keep::For(life), timing, day(at)).unwrap();
        assert!(knows(&ring, "k1"), "day {at}");
    }
    let new = ring.fresh_entry([3; 32]);
    let ring = ring.rotate(new, day(92), Keep::For(short), timing, day(93)).unwrap();
    assert!(!knows(&ring, "k1"));
}

#[test]
fn a_leaked_key_is_gone_at_once_and_a_leaked_pepper_is_replaced_but_kept() {
    let now = Timestamp::from_secs(1_000_000);
    let ring = Ring::generate([1; 32], [2; 32], now);
    let new = ring.fresh_entry([3; 32]);
    let without = ring.clone().revoke("k1", new.clone(), true, now).unwrap();
    assert_eq!((without.current.id.as_str(), knows(&without, "k1")), ("k2", false));
    let without = ring.clone().revoke("k2", new.clone(), true, now).unwrap();
    assert_eq!((without.current.id.as_str(), knows(&without, "k2")), ("k1", false));
    let pepper = ring.clone().revoke("k1", new.clone(), false, now).unwrap();
    assert_eq!((pepper.current.id.as_str(), knows(&pepper, "k1")), ("k2", true));
    let again = pepper.revoke("k1", new.clone(), false, now);
    assert_eq!(again.unwrap_err(), CannotMove::Needed("k1".to_owned()));
    assert_eq!(ring.clone().revoke("k9", new.clone(), true, now).unwrap_err(), CannotMove::Unknown("k9".to_owned()));
    let alone = Ring { next: None, ..ring };
    assert_eq!(alone.revoke("k1", new, true, now).unwrap_err(), CannotMove::NoNext);
}
