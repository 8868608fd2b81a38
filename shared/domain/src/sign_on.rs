//! Sign-ons: what the sessions share that the apps of one family have on one device from one login (OpenID Connect Native SSO), and which
//! session an exchange gives.

use crate::holder_key::Thumbprint;
use crate::ids::{ClientId, SessionId, UserId};
use crate::session::Session;
use crate::time::{Seconds, Timestamp};
use std::collections::BTreeMap;

/// The most exchanges of one sign-on: each may begin a session, of which an application has one at a time.
pub const MAX_EXCHANGES: u64 = 200;
/// For this long an exchange without `Idempotency-Key` is taken for a repetition of the one before.
const REPEATABLE: Seconds = Seconds::new(60);
/// The attempt of the login that began a sign-on. No hash of an attempt id is like it, so that no exchange repeats a login.
const LOGIN: &str = "login";

/// A sign-on. Its id is that of the session whose login began it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOn {
    /// The id.
    pub id: SessionId,
    /// Who has logged in.
    pub user_id: UserId,
    /// Random bytes under the MAC of the device secret: those of the first session.
    pub salt: [u8; 16],
    /// The id of the MAC key of the device secret.
    pub mac_key: String,
    /// The user's credential epoch at the login. A password change ends all of it.
    pub credential_epoch: u64,
    /// The user's browser epoch at the login. A logout everywhere else ends the secret.
    pub browser_epoch: u64,
    /// When the user logged in.
    pub auth_time: Option<Timestamp>,
    /// When every session of it has ended, however much it is used.
    pub absolute_end: Timestamp,
    /// The session of each application, live or not.
    pub members: BTreeMap<ClientId, Member>,
    /// How many exchanges there were.
    pub exchanges: u64,
    /// The device secret is good for nothing any more.
    pub ended: bool,
}

/// The session of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id. The session itself is written after this.
    pub sid: SessionId,
    /// When it got this place.
    pub at: Timestamp,
    /// SHA-256 of the attempt id (`Idempotency-Key`) of that request.
    pub attempt: Option<String>,
    /// The same of the last attempt with an id that had the place before: a late copy of it takes nothing from whoever came after it.
    pub before: Option<String>,
}

impl Member {
    /// The place of this session, which the attempt at that time takes from whoever has it now.
    pub fn taking(now: Option<&Self>, sid: SessionId, attempt: Option<String>, at: Timestamp) -> Self {
        let before = now.and_then(|now| now.attempt.as_ref().or(now.before.as_ref())).cloned();
        Self { sid, at, attempt, before }
    }
}

/// Which session an exchange gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The application has none: a new one.
    New,
    /// That of this very attempt, whose response may have been lost, or which died before the session was written.
    Again,
    /// A new one in place of that which the application has, and which ends.
    Instead,
    /// None: a late copy of an attempt whose session was used, has ended, or has given its place to a later one.
    None,
}

impl SignOn {
    /// The sign-on that the login of this session begins, under this browser epoch of its user.
    pub fn begin(session: &Session, browser_epoch: u64) -> Self {
        let at = session.family.served_at;
        let first = Member { sid: session.sid.clone(), at, attempt: Some(LOGIN.to_owned()), before: None };
        Self {
            id: session.sid.clone(),
            user_id: session.user_id.clone(),
            salt: session.salt,
            mac_key: session.mac_key.clone(),
            credential_epoch: session.credential_epoch,
            browser_epoch,
            auth_time: session.auth_time,
            absolute_end: session.family.absolute_end,
            members: [(session.client_id.clone(), first)].into(),
            exchanges: 0,
            ended: false,
        }
    }

    /// Whether another application can still get a session by it.
    pub fn is_open(&self, now: Timestamp) -> bool {
        !self.ended && now < self.absolute_end
    }

    /// Whether this is the session of that application.
    pub fn has(&self, client: &ClientId, sid: &SessionId) -> bool {
        self.members.get(client).is_some_and(|member| member.sid == *sid)
    }
}

/// Decides which session an exchange gives to an application that has this place, and this session in it. `attempt` is the hash of the
/// request's attempt id, `key` the key that the request proves to have.
pub fn place(
    member: Option<&Member>,
    session: Option<&Session>,
    (attempt, key): (Option<&str>, Option<&Thumbprint>),
    now: Timestamp,
) -> Place {
    let Some(member) = member else { return Place::New };
    // A session that was refreshed, or has ended, was received; and one that is bound to a key is its holder's alone.
    let is_unused = session.is_none_or(|session| {
        let holder = session.holder.as_ref().map(|holder| &holder.key);
        !session.family.is_over(now) && session.family.generation == 1 && holder == key
    });
    let without = attempt.is_none() && member.attempt.is_none();
    if attempt.is_some() && attempt == member.attempt.as_deref() {
        if is_unused { Place::Again } else { Place::None }
    } else if attempt.is_some() && attempt == member.before.as_deref() {
        Place::None
    } else if without && is_unused && now < member.at.saturating_add(REPEATABLE) {
        Place::Again
    } else {
        Place::Instead
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Family, Holder, Origin};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn session() -> Session {
        Session {
            sid: SessionId::from_random([1; 16]),
            user_id: UserId::parse("u_ada").unwrap(),
            client_id: ClientId::parse("first").unwrap(),
            scope: crate::scope::Scope::default(),
            family: Family::begin(at(0), Seconds::new(1_000), Seconds::new(10_000)),
            holder: None,
            salt: [3; 16],
            mac_key: "m1".to_owned(),
            credential_epoch: 1,
            auth_time: Some(at(0)),
            origin: Origin::default(),
            issuer: None,
            sign_on: None,
            tokens: BTreeMap::new(),
        }
    }

    fn member(attempt: Option<&str>) -> Member {
        Member { sid: SessionId::from_random([1; 16]), at: at(0), attempt: attempt.map(str::to_owned), before: None }
    }

    fn placed(of: Option<&str>, session: Option<&Session>, attempt: Option<&str>, seconds: i64) -> Place {
        place(Some(&member(of)), session, (attempt, None), at(seconds))
    }

    #[test]
    fn whoever_has_no_session_gets_a_new_one() {
        assert_eq!(place(None, None, (None, None), at(0)), Place::New);
        assert_eq!(place(None, None, (Some("a"), None), at(0)), Place::New);
    }

    /// Abuse case O5.
    #[test]
    fn the_same_attempt_gets_the_same_session_until_it_was_used() {
        let unused = session();
        for own in [None, Some(&unused)] {
            assert_eq!(placed(Some("a"), own, Some("a"), 999), Place::Again);
            assert_eq!(placed(None, own, None, 59), Place::Again);
            assert_eq!(placed(None, own, None, 60), Place::Instead, "too late to be a repetition");
        }
        let mut ended = session();
        ended.family.ended = true;
        let refreshed = Session { family: unused.family.rotated(None, Seconds::new(1_000), at(5)), ..session() };
        for used in [&ended, &refreshed] {
            assert_eq!(placed(Some("a"), Some(used), Some("a"), 6), Place::None);
            assert_eq!(placed(None, Some(used), None, 6), Place::Instead);
        }
    }

    /// Abuse case O5.
    #[test]
    fn another_attempt_gets_a_session_instead_of_the_one_before() {
        let own = session();
        for (of, shown) in [(Some("a"), Some("b")), (Some("a"), None), (None, Some("b"))] {
            assert_eq!(placed(of, Some(&own), shown, 1), Place::Instead, "{of:?} {shown:?}");
        }
    }

    /// Abuse case O5: a request that was held up on the way ends no session that began meanwhile.
    #[test]
    fn a_late_copy_of_the_attempt_before_gets_nothing() {
        let (own, sid) = (session(), SessionId::from_random([2; 16]));
        let first = member(Some("a"));
        for later in [Some("b"), None] {
            let taken = Member::taking(Some(&first), sid.clone(), later.map(str::to_owned), at(1));
            let shown = |attempt| place(Some(&taken), Some(&own), (attempt, None), at(100));
            assert_eq!((shown(Some("a")), shown(Some("c"))), (Place::None, Place::Instead), "{later:?}");
            // One without an id in between makes it no better.
            let again = Member::taking(Some(&taken), sid.clone(), None, at(2));
            assert_eq!(again.before.as_deref(), later.or(Some("a")));
        }
        assert_eq!(Member::taking(None, sid, None, at(1)).before, None);
    }

    #[test]
    fn a_session_of_a_key_is_served_again_to_that_key_alone() {
        let key = |sign: &str| Thumbprint::parse(&sign.repeat(43)).unwrap();
        let (ours, other) = (key("A"), key("Q"));
        let bound = Session { holder: Some(Holder::from_begin(ours.clone())), ..session() };
        let shown = |key| place(Some(&member(Some("a"))), Some(&bound), (Some("a"), key), at(1));
        assert_eq!(shown(Some(&ours)), Place::Again);
        assert_eq!((shown(Some(&other)), shown(None)), (Place::None, Place::None));
    }

    /// Abuse case O9: the end of the first login is that of all of it.
    #[test]
    fn a_sign_on_is_as_old_as_its_login_and_repeats_none() {
        let first = session();
        let begun = SignOn::begin(&first, 7);
        assert_eq!((begun.absolute_end, begun.browser_epoch, &begun.id), (at(10_000), 7, &first.sid));
        assert!(begun.is_open(at(9_999)) && !begun.is_open(at(10_000)));
        assert!(!SignOn { ended: true, ..begun.clone() }.is_open(at(0)));
        assert!(begun.has(&first.client_id, &first.sid));
        assert_eq!(place(begun.members.get(&first.client_id), Some(&first), (None, None), at(0)), Place::Instead);
    }
}
