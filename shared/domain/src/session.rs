//! The state of a session, which is one login of one user in one application, and the rules for its refresh tokens.

mod holder;

use crate::acr::Authentication;
use crate::ids::{ClientId, ConnectorName, SessionId, UserId};
use crate::scope::Scope;
use crate::sealing::SealedToken;
use crate::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use holder::{Holder, Shown, judge};

/// The whole state of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The session's id; every token of the family carries it.
    pub sid: SessionId,
    /// The user, who is the subject of its tokens.
    pub user_id: UserId,
    /// The application it belongs to.
    pub client_id: ClientId,
    /// The scope granted at login. A refresh can narrow the scope of an access token, never this one (RFC 6749 §6).
    pub scope: Scope,
    /// The state of its refresh tokens.
    pub family: Family,
    /// Whose it is alone; `None` if whoever has its tokens may use them.
    pub holder: Option<Holder>,
    /// Random bytes under the MAC of each refresh token, so that the MAC key alone cannot mint one.
    pub salt: [u8; 16],
    /// The id of the MAC key of this session's refresh tokens. It stays the same for the life of the session.
    pub mac_key: String,
    /// The user's credential epoch at login. A password change raises the user's epoch, which ends this session.
    pub credential_epoch: u64,
    /// When the user last logged in for this session; `None` in a session that began before this was noted.
    pub auth_time: Option<Timestamp>,
    /// How it began.
    pub origin: Origin,
    /// The issuer of its tokens, by which its application knows this server. `None` in a session without the scope `openid`,
    /// of which no logout token tells.
    pub issuer: Option<String>,
    /// The sign-on that it belongs to, if it is one of several sessions of one login (OpenID Connect Native SSO).
    pub sign_on: Option<OfSignOn>,
    /// The sealed internal tokens of the legacy systems.
    pub tokens: BTreeMap<ConnectorName, InternalToken>,
}

impl Session {
    /// When and how its user logged in into it, if that was noted. Who reads a time alone must not take that of another session's login for it.
    pub fn authentication(&self) -> Option<Authentication> {
        let by = self.origin.by;
        self.auth_time.filter(|_| by.is_shown()).map(|auth_time| Authentication { auth_time, by })
    }
}

/// How a session began, as its user sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// When; `None` in a session that began before this was noted.
    pub began: Option<Timestamp>,
    /// On which device, as the app said.
    pub device: Option<String>,
    /// By what the user logged in, also last, into it. It says what the session lacks.
    pub by: LoginMethod,
}

/// By what a user logged in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// The password, here or in a directory.
    #[default]
    Password,
    /// A passkey, whose authenticator has verified its user.
    Passkey,
    /// Nothing, for this session: another app of the device has its user's login (OpenID Connect Native SSO).
    SignOn,
    /// Nothing here: the refresh token of another issuer.
    TradeIn,
}

impl LoginMethod {
    /// Whether it is the one that is not written, since every login was by it once.
    pub fn is_password(&self) -> bool {
        matches!(self, Self::Password)
    }

    /// Whether its user has shown something for this very session. Only then its `auth_time` says that whoever has its tokens was there: that of
    /// a session by native SSO is of the login of another app.
    pub const fn is_shown(self) -> bool {
        match self {
            Self::Password | Self::Passkey => true,
            Self::SignOn | Self::TradeIn => false,
        }
    }
}

/// To which sign-on a session belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfSignOn {
    /// The id of the sign-on: that of the session whose login began it.
    pub id: SessionId,
    /// What the ID tokens of the session say of its device secret.
    pub ds_hash: String,
}

/// The part of a session that decides about refresh tokens. The rules over it are pure and model-checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Family {
    /// The generation of the newest refresh token; the first is 1.
    pub generation: u64,
    /// When the newest generation was first served.
    pub served_at: Timestamp,
    /// When the generation before it was first served.
    pub parent_served_at: Timestamp,
    /// SHA-256 of the attempt id (`Idempotency-Key`) whose request made the newest generation.
    pub attempt: Option<String>,
    /// The same for the generation before it.
    pub parent_attempt: Option<String>,
    /// When the session ends if it is not refreshed; every refresh moves it.
    pub idle_end: Timestamp,
    /// When the session ends however much it is used; it never moves.
    pub absolute_end: Timestamp,
    /// Logged out, revoked, or ended after reuse.
    pub ended: bool,
}

/// An internal token at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalToken {
    /// Counts the renewals. It is authenticated with the sealed token, so that no other version opens in its place.
    pub version: u64,
    /// The connector's state, encrypted with AES-256-GCM.
    pub sealed: SealedToken,
    /// When the legacy system issued it.
    pub since: Timestamp,
    /// When the legacy system ends it however much it is used, if known.
    pub ends: Option<Timestamp>,
    /// When the legacy system ends it if it is not used, if it does so.
    pub idle: Option<Idle>,
    /// Until when it can be renewed without the password, if at all.
    pub renew_until: Option<Timestamp>,
}

/// When an internal token ends if it is not used. Only a use moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// How long the legacy system waits for the next use.
    pub after: Seconds,
    /// When it stops waiting, at the earliest: not every use is noted.
    pub ends: Timestamp,
}

impl Idle {
    /// The end after a use now, if it is worth a write: it must move the end by more than a tenth of `after`.
    pub fn moved(&self, now: Timestamp) -> Option<Self> {
        let ends = now.saturating_add(self.after);
        let worth = Seconds::new(self.after.as_u64() / 10);
        (ends > self.ends.saturating_add(worth)).then_some(Self { ends, ..*self })
    }
}

impl InternalToken {
    /// Whether a refresh should renew it: it can be renewed, and three quarters of its life are over or it has ended.
    pub fn wants_renewal(&self, now: Timestamp) -> bool {
        let aged = self.ends.is_some_and(|ends| {
            let life = ends.since(self.since).as_u64();
            now >= self.since.saturating_add(Seconds::new(life / 4 * 3))
        });
        self.is_renewable(now) && (aged || self.is_over(now))
    }

    /// Whether it can still be renewed without the password.
    pub fn is_renewable(&self, now: Timestamp) -> bool {
        self.renew_until.is_some_and(|until| now < until)
    }

    /// Whether the legacy system has ended it.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|ends| now >= ends) || self.idle.is_some_and(|idle| now >= idle.ends)
    }
}

/// How a refresh token that has already been exchanged is treated, by the time since then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReusePolicy {
    /// For this long after the newest token was first served, its parent yields it again, also without an attempt id.
    pub window: Seconds,
    /// For this long after `window`, a delayed duplicate is refused without ending the family.
    pub late: Seconds,
}

/// What is to be done with a presented refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It is the newest token: make the next generation.
    Rotate,
    /// Its successor was served but may not have been received: serve the same successor again.
    Replay,
    /// It is not valid, but nothing suggests theft: refuse it and keep the family.
    Refuse,
    /// It is bound to a key that nothing proves: refuse it, say so, and keep the family.
    Unproved,
    /// It was used long ago, so it may be stolen: refuse it and end the family (RFC 9700 §4.14.2).
    Revoke,
}

/// Decides about a refresh token of the given generation, whose MAC must have been checked. `attempt` is the hash of
/// the request's attempt id.
pub fn decide(
    family: &Family,
    generation: u64,
    attempt: Option<&str>,
    policy: ReusePolicy,
    now: Timestamp,
) -> Decision {
    if family.is_over(now) || generation > family.generation {
        return Decision::Refuse;
    }
    let same_attempt = |as_of: &Option<String>| attempt.is_some() && attempt == as_of.as_deref();
    match family.generation - generation {
        0 => Decision::Rotate,
        1 => {
            let age = now.since(family.served_at);
            if same_attempt(&family.attempt) || (age <= policy.window && policy.window > Seconds::new(0)) {
                Decision::Replay
            } else if age <= policy.window.saturating_add(policy.late) {
                Decision::Refuse
            } else {
                Decision::Revoke
            }
        }
        2 if now.since(family.parent_served_at) <= policy.window.saturating_add(policy.late) => Decision::Refuse,
        // The client may repeat this attempt at any time, so a late copy of it is no sign of theft.
        2 if same_attempt(&family.parent_attempt) => Decision::Refuse,
        _ => Decision::Revoke,
    }
}

impl Family {
    /// A new family whose first token is served now.
    pub fn begin(now: Timestamp, idle: Seconds, absolute: Seconds) -> Self {
        Self::begin_until(now, idle, now.saturating_add(absolute))
    }

    /// The same with an end that another login has set.
    pub fn begin_until(now: Timestamp, idle: Seconds, absolute_end: Timestamp) -> Self {
        Self {
            generation: 1,
            served_at: now,
            parent_served_at: now,
            attempt: None,
            parent_attempt: None,
            idle_end: now.saturating_add(idle).min(absolute_end),
            absolute_end,
            ended: false,
        }
    }

    /// The family of a refresh token of another issuer that was traded in by this attempt: that token is the generation before the first one.
    pub fn traded_in(attempt: Option<String>, now: Timestamp, idle: Seconds, absolute: Seconds) -> Self {
        Self { attempt, ..Self::begin(now, idle, absolute) }
    }

    /// Whether no token of it is good any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ended || now >= self.absolute_end || now >= self.idle_end
    }

    /// The family after its newest token was exchanged.
    #[must_use]
    pub fn rotated(&self, attempt: Option<String>, idle: Seconds, now: Timestamp) -> Self {
        Self {
            generation: self.generation + 1,
            served_at: now,
            parent_served_at: self.served_at,
            attempt,
            parent_attempt: self.attempt.clone(),
            idle_end: now.saturating_add(idle).min(self.absolute_end),
            absolute_end: self.absolute_end,
            ended: self.ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REUSE_POLICY: ReusePolicy = ReusePolicy { window: Seconds::new(300), late: Seconds::new(600) };
    const DAY: Seconds = Seconds::new(86_400);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn family() -> Family {
        Family::begin(at(0), DAY, Seconds::new(10 * 86_400))
    }

    #[test]
    fn only_a_password_or_a_passkey_shows_a_user() {
        use LoginMethod::{Passkey, Password, SignOn, TradeIn};
        assert_eq!([Password, Passkey, SignOn, TradeIn].map(LoginMethod::is_shown), [true, true, false, false]);
    }

    /// Abuse case F3.
    #[test]
    fn a_lost_response_yields_the_same_successor_inside_the_window() {
        let family = family().rotated(None, DAY, at(100));
        assert_eq!(decide(&family, 2, None, REUSE_POLICY, at(101)), Decision::Rotate);
        assert_eq!(decide(&family, 1, None, REUSE_POLICY, at(400)), Decision::Replay);
        assert_eq!(decide(&family, 1, None, REUSE_POLICY, at(401)), Decision::Refuse);
        assert_eq!(decide(&family, 1, None, REUSE_POLICY, at(1001)), Decision::Revoke);
    }

    /// Abuse case F3.
    #[test]
    fn the_same_attempt_id_yields_the_same_successor_for_as_long_as_the_session_lives() {
        let family = family().rotated(Some("h".into()), DAY, at(100));
        assert_eq!(decide(&family, 1, Some("h"), REUSE_POLICY, at(50_000)), Decision::Replay);
        assert_eq!(decide(&family, 1, Some("x"), REUSE_POLICY, at(50_000)), Decision::Revoke);
        assert_eq!(decide(&family, 1, Some("h"), REUSE_POLICY, at(100 + 86_400)), Decision::Refuse);
    }

    /// Abuse cases F2, F4.
    #[test]
    fn a_grandparent_is_never_honoured_and_later_ends_the_family() {
        let family = family().rotated(Some("h".into()), DAY, at(100)).rotated(Some("i".into()), DAY, at(110));
        assert_eq!(decide(&family, 1, Some("x"), REUSE_POLICY, at(120)), Decision::Refuse);
        assert_eq!(decide(&family, 1, Some("x"), REUSE_POLICY, at(1001)), Decision::Revoke);
        assert_eq!(decide(&family, 1, None, REUSE_POLICY, at(1001)), Decision::Revoke);
        assert_eq!(
            decide(&family, 1, Some("h"), REUSE_POLICY, at(1001)),
            Decision::Refuse,
            "a late copy of a repetition"
        );
        let older = family.rotated(None, DAY, at(120));
        assert_eq!(decide(&older, 1, None, REUSE_POLICY, at(121)), Decision::Revoke);
    }

    #[test]
    fn an_internal_token_is_over_at_its_end_or_for_want_of_use() {
        let idle = Some(Idle { after: Seconds::new(100), ends: at(100) });
        let token = InternalToken {
            version: 1,
            sealed: SealedToken::parse("k.x"),
            since: at(0),
            ends: Some(at(1_000)),
            idle,
            renew_until: Some(at(5_000)),
        };
        assert!(!token.is_over(at(99)) && token.is_over(at(100)));
        assert!(!token.wants_renewal(at(99)) && token.wants_renewal(at(100)), "nobody used it");
        let used = InternalToken { idle: None, ..token.clone() };
        assert!(!used.wants_renewal(at(749)) && used.wants_renewal(at(750)) && !used.is_over(at(999)));
        assert!(used.is_over(at(1_000)) && used.wants_renewal(at(4_999)) && !used.wants_renewal(at(5_000)));
        let for_good = InternalToken { renew_until: None, ..token };
        assert!(for_good.is_over(at(100)) && !for_good.wants_renewal(at(100)));
    }

    #[test]
    fn a_use_is_noted_when_it_moves_the_idle_end_by_a_tenth() {
        let idle = Idle { after: Seconds::new(100), ends: at(100) };
        assert_eq!(idle.moved(at(10)), None);
        assert_eq!(idle.moved(at(11)), Some(Idle { ends: at(111), ..idle }));
    }

    #[test]
    fn a_window_of_zero_is_strict_rotation() {
        let strict = ReusePolicy { window: Seconds::new(0), late: Seconds::new(600) };
        let family = family().rotated(None, DAY, at(100));
        assert_eq!(decide(&family, 1, None, strict, at(100)), Decision::Refuse);
        assert_eq!(decide(&family, 2, None, strict, at(100)), Decision::Rotate);
    }

    /// Abuse case F8; checklist Z-24, Z-35.
    #[test]
    fn rotation_moves_the_idle_end_but_never_the_absolute_end() {
        let mut family = family();
        for day in 1..20 {
            if decide(&family, family.generation, None, REUSE_POLICY, at(day * 80_000)) == Decision::Rotate {
                family = family.rotated(None, DAY, at(day * 80_000));
            }
        }
        assert_eq!(family.absolute_end, at(864_000));
        assert!(family.idle_end <= family.absolute_end);
        assert_eq!(decide(&family, family.generation, None, REUSE_POLICY, at(864_000)), Decision::Refuse);
    }

    #[test]
    fn a_token_from_the_future_or_of_an_ended_family_is_refused() {
        let mut family = family();
        assert_eq!(decide(&family, 2, None, REUSE_POLICY, at(1)), Decision::Refuse);
        family.ended = true;
        assert_eq!(decide(&family, 1, None, REUSE_POLICY, at(1)), Decision::Refuse);
    }
}
