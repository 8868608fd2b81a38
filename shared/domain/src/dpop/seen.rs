//! Which proofs were seen with the calls of a user in an application: each is noted as a few bytes, in the one write that decides the call,
//! and is forgotten when it is over.
//!
//! Proofs are noted in sets, by the time at which they were made. So a proof that comes again meets the set that has it, and a set that is
//! over is known by its name.

use super::{AHEAD, Proof, WINDOW};
use crate::ids::SessionId;
use crate::secret::sha256;
use crate::time::{Seconds, Timestamp};
use std::collections::BTreeMap;

/// The proofs of this time are in one set.
const LENGTH: Seconds = Seconds::new(20);
/// How much longer a set is kept than its last proof is taken. It is far more than clocks of containers differ by.
const MARGIN: Seconds = Seconds::new(10);
/// How long a proof is kept at most, from its first use on. It may be made [`AHEAD`] of the clock, and belongs to a set that is complete
/// [`LENGTH`] later and is kept for [`WINDOW`] and [`MARGIN`].
pub const KEPT: Seconds = Seconds::new(AHEAD.as_u64() + LENGTH.as_u64() + WINDOW.as_u64() + MARGIN.as_u64());
/// The most proofs that may be noted at once. A write unit is 1 KB, of which names, four sessions and the counters of a minute take about
/// 700 bytes. These take 240, at 4 bytes each, and the names of their six sets 54.
pub const MOST: u64 = 60;
/// So many sets before the oldest that is kept are removed by each write: none is left while calls come at least once a minute.
const OVER: i64 = 3;
/// What is left of before pauses is removed when it has so many proofs, or is so many sets, each with a name of its own.
const CLEAN_FROM: usize = 16;
const CLEAN_SETS: usize = 3;

/// A proof as it is noted, and what is removed with that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenProof {
    /// Where it is noted.
    pub set: ProofSet,
    /// What stands for it there. Two proofs share it once in four thousand million times: then the second is refused, and its client makes
    /// another one.
    pub mark: [u8; 4],
    /// Sets that are over.
    pub over: Vec<ProofSet>,
}

/// The name of a set of proofs: `j` and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProofSet(i64);

impl ProofSet {
    /// The set of proofs of this time.
    fn of(at: Timestamp) -> Self {
        Self(at.as_secs().div_euclid(LENGTH.as_i64()))
    }

    /// Reads a name; `None` for any that is not of this form.
    pub fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_prefix('j')?;
        let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse().ok().filter(|_| canonical).map(Self)
    }

    /// The name.
    pub fn name(self) -> String {
        format!("j{}", self.0)
    }

    /// The oldest set that is kept at this time.
    fn oldest(now: Timestamp) -> Self {
        Self::of(now.saturating_sub(WINDOW).saturating_sub(MARGIN))
    }
}

impl SeenProof {
    /// A proof that came with a call of this session, now.
    pub fn of(session: &SessionId, proof: &Proof, now: Timestamp) -> Self {
        let text = format!("{session} {} {}", proof.thumbprint(), proof.jti);
        let [a, b, c, d, ..] = sha256(text.as_bytes());
        let ProofSet(oldest) = ProofSet::oldest(now);
        let set = ProofSet::of(proof.iat);
        // The clock may have been corrected since the proof was found to be of now.
        let over =
            (1..=OVER).map(|before| ProofSet(oldest.saturating_sub(before))).filter(|over| *over != set).collect();
        Self { set, mark: [a, b, c, d], over }
    }
}

/// The names of sets that are over, of these with the number of their proofs, if it is worth a write to remove them.
pub fn stale(sets: &BTreeMap<ProofSet, usize>, now: Timestamp) -> Vec<String> {
    let oldest = ProofSet::oldest(now);
    let over = || sets.range(..oldest);
    if over().count() < CLEAN_SETS && over().map(|(_, proofs)| *proofs).sum::<usize>() < CLEAN_FROM {
        return Vec::new();
    }
    over().map(|(set, _)| set.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder_key::HolderKey;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(NOW + seconds)
    }

    /// A proof of a key that this byte stands for.
    fn proof(byte: u8, iat: Timestamp) -> Proof {
        let half = URL_SAFE_NO_PAD.encode([byte; 32]);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": half, "y": half });
        let key = HolderKey::from_jwk(jwk.as_object().unwrap()).unwrap();
        Proof { key, jti: "one".to_owned(), iat, nonce: None }
    }

    fn session(byte: u8) -> SessionId {
        SessionId::from_random([byte; 16])
    }

    /// Otherwise a proof could be used again after it was forgotten.
    #[test]
    fn a_set_is_removed_only_after_its_last_proof_is_over_on_every_clock() {
        for second in 0..40 {
            let proof = proof(1, at(second));
            let SeenProof { set, .. } = SeenProof::of(&session(1), &proof, at(second));
            let last =
                (0..200).map(|more| at(second + more)).take_while(|now| proof.by_its_clock(*now).is_some()).last();
            let late = last.unwrap().saturating_add(MARGIN);
            assert!(set >= ProofSet::oldest(late), "{second}");
            assert!(!SeenProof::of(&session(1), &proof, late).over.contains(&set), "{second}");
            assert_eq!(stale(&BTreeMap::from([(set, 99)]), late), [""; 0], "{second}");
            // The longest that it is kept: it came as early as it may.
            let gone = at(second).saturating_sub(AHEAD).saturating_add(KEPT);
            assert!(set < ProofSet::oldest(gone), "{second}");
            assert_eq!(stale(&BTreeMap::from([(set, 99)]), gone), [set.name()], "{second}");
        }
    }

    #[test]
    fn sets_before_the_kept_ones_are_removed_without_a_gap_while_calls_come() {
        let mut removed = std::collections::BTreeSet::new();
        for minute in 0..10 {
            let now = at(60 * minute);
            removed.extend(SeenProof::of(&session(1), &proof(1, now), now).over);
        }
        let numbers: Vec<_> = removed.iter().map(|ProofSet(number)| *number).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    }

    #[test]
    fn a_few_proofs_that_are_left_are_worth_no_write() {
        let sets = |proofs| BTreeMap::from([(ProofSet::of(at(0)), proofs), (ProofSet::of(at(600)), 40)]);
        assert_eq!(stale(&sets(15), at(600)), [""; 0]);
        assert_eq!(stale(&sets(16), at(600)), [ProofSet::of(at(0)).name()]);
        // Calls with long pauses leave one proof each.
        let seldom = |calls: i64| (0..calls).map(|call| (ProofSet::of(at(call * 200)), 1)).collect();
        assert_eq!(stale(&seldom(2), at(4_000)), [""; 0]);
        assert_eq!(stale(&seldom(3), at(4_000)).len(), 3);
    }

    #[test]
    fn a_mark_is_of_one_session_one_key_and_one_id() {
        let (one, other) = (proof(1, at(0)), proof(2, at(0)));
        let mark = |byte, proof: &Proof| SeenProof::of(&session(byte), proof, at(5)).mark;
        assert_eq!(mark(1, &one), mark(1, &one.clone()));
        let second = Proof { jti: "two".to_owned(), ..one.clone() };
        for different in [mark(2, &one), mark(1, &other), mark(1, &second)] {
            assert_ne!(different, mark(1, &one));
        }
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let set = ProofSet::of(at(0));
        assert_eq!((set.name().as_str(), ProofSet::parse(&set.name())), ("j90000000", Some(set)));
        for other in ["", "j", "j0", "j01", "j-1", "j+1", "jx", "b90000000", "90000000", "j9.orders"] {
            assert_eq!(ProofSet::parse(other), None, "{other}");
        }
    }
}
