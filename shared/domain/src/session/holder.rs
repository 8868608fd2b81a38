//! Sessions that belong to whoever holds a key (RFC 9449 §5), and the rules for their refresh tokens.

use super::{Decision, Family, ReusePolicy, decide};
use crate::holder_key::Thumbprint;
use crate::time::Timestamp;

/// Whose session it is. It stays the same for the life of the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The name of the key.
    pub key: Thumbprint,
    /// The first generation of refresh tokens that is bound to it. Those before were anybody's who had them.
    pub since: u64,
}

impl Holder {
    /// The holder of a session from its begin.
    pub const fn from_begin(key: Thumbprint) -> Self {
        Self { key, since: 1 }
    }
}

/// A refresh token as it is shown. Its MAC must have been checked.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Its generation.
    pub generation: u64,
    /// The hash of the request's attempt id.
    pub attempt: Option<&'a str>,
    /// The key that the request proves to have.
    pub key: Option<&'a Thumbprint>,
}

/// Decides about a refresh token of a session that may be bound to a key.
///
/// Whoever has the key is the holder: no use of a token is a sign of theft then, and the parent yields its successor again for as long as that
/// was not used. Whoever has it not gets nothing of the session and ends it by no use of a token. Only a token of before the session was bound may
/// still end it: whoever bound it may have been a thief, and so the owner's use of that token is the sign.
pub fn judge(
    holder: Option<&Holder>,
    family: &Family,
    shown: Shown<'_>,
    policy: ReusePolicy,
    now: Timestamp,
) -> Decision {
    let Shown { generation, attempt, key } = shown;
    let as_of_anybody = || decide(family, generation, attempt, policy, now);
    let Some(holder) = holder else { return as_of_anybody() };
    if family.is_over(now) || generation > family.generation {
        return Decision::Refuse;
    }
    if key == Some(&holder.key) {
        return match family.generation - generation {
            0 => Decision::Rotate,
            1 => Decision::Replay,
            _ => Decision::Refuse,
        };
    }
    if generation >= holder.since {
        return if key.is_none() { Decision::Unproved } else { Decision::Refuse };
    }
    match as_of_anybody() {
        Decision::Revoke => Decision::Revoke,
        Decision::Rotate | Decision::Replay | Decision::Refuse | Decision::Unproved => Decision::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Seconds;

    const POLICY: ReusePolicy = ReusePolicy { window: Seconds::new(300), late: Seconds::new(600) };
    const DAY: Seconds = Seconds::new(86_400);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn key(letter: char) -> Thumbprint {
        Thumbprint::parse(&letter.to_string().repeat(42).chars().chain(['A']).collect::<String>()).unwrap()
    }

    /// Two generations behind the first, at 100 and 200.
    fn family() -> Family {
        Family::begin(at(0), DAY, DAY).rotated(None, DAY, at(100)).rotated(None, DAY, at(200))
    }

    fn judged(since: u64, generation: u64, key: Option<&Thumbprint>, seconds: i64) -> Decision {
        let holder = Holder { key: self::key('A'), since };
        judge(Some(&holder), &family(), Shown { generation, attempt: None, key }, POLICY, at(seconds))
    }

    /// Abuse cases F3, F9; checklist D-12, D-13.
    #[test]
    fn the_holder_gets_the_successor_at_any_time_and_nobody_else_ever() {
        let (ours, other) = (key('A'), key('B'));
        for seconds in [200, 500, 501, 50_000] {
            assert_eq!(judged(1, 3, Some(&ours), seconds), Decision::Rotate, "{seconds}");
            assert_eq!(judged(1, 2, Some(&ours), seconds), Decision::Replay, "{seconds}");
            assert_eq!(judged(1, 1, Some(&ours), seconds), Decision::Refuse, "{seconds}");
            for generation in 1..=3 {
                assert_eq!(judged(1, generation, Some(&other), seconds), Decision::Refuse, "{generation} {seconds}");
                assert_eq!(judged(1, generation, None, seconds), Decision::Unproved, "{generation} {seconds}");
            }
        }
        assert_eq!(judged(1, 4, Some(&ours), 200), Decision::Refuse, "from the future");
        assert_eq!(judged(1, 3, Some(&ours), 86_600), Decision::Refuse, "over");
        assert_eq!(judged(1, 3, None, 86_600), Decision::Refuse, "of what is over nothing is told");
    }

    /// Abuse case F9.
    #[test]
    fn a_token_of_before_the_binding_serves_nobody_else_and_still_tells_of_a_theft() {
        let (ours, other) = (key('A'), key('B'));
        for key in [None, Some(&other)] {
            assert_eq!(judged(3, 2, key, 201), Decision::Refuse, "as a bearer token it would be served");
            assert_eq!(judged(3, 2, key, 1_101), Decision::Revoke);
            assert_eq!(judged(3, 3, key, 1_101), key.map_or(Decision::Unproved, |_| Decision::Refuse));
        }
        assert_eq!(judged(3, 2, Some(&ours), 1_101), Decision::Replay, "the response that bound it was lost");
    }

    #[test]
    fn a_session_without_a_holder_is_as_before() {
        let ours = key('A');
        for (generation, seconds) in [(3, 200), (2, 500), (2, 501), (2, 1_101), (1, 201), (1, 2_000)] {
            for key in [None, Some(&ours)] {
                let shown = Shown { generation, attempt: None, key };
                let expected = decide(&family(), generation, None, POLICY, at(seconds));
                assert_eq!(judge(None, &family(), shown, POLICY, at(seconds)), expected, "{generation} {seconds}");
            }
        }
    }
}
