//! A pending session: what a login on the gateway's own pages, or on those of an app of the company, gave, from the password or the passkey to the redemption of its code.
//!
//! It holds internal tokens like a session, but no call and no refresh can use it. Its id becomes that of the session.

use crate::holder_key::Thumbprint;
use crate::ids::{ClientId, ConnectorName, SessionId, UserId};
use crate::pkce::CodeChallenge;
use crate::scope::Scope;
use crate::session::{InternalToken, LoginMethod};
use crate::time::{Seconds, Timestamp};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq as _;

/// How long an authorization code can be redeemed.
pub const CODE_LIFETIME: Seconds = Seconds::new(60);
/// For how long after the redemption the same attempt gets the same tokens again.
pub const REPEATABLE: Seconds = Seconds::new(60);
/// How long the user may take to answer the consent page.
pub const CONSENT_LIFETIME: Seconds = Seconds::new(600);

/// A login that waits for the user's consent, or whose code waits to be redeemed.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingSession {
    /// The id of the session that it becomes.
    pub sid: SessionId,
    /// The user who logged in.
    pub user_id: UserId,
    /// The application that asked for the login.
    pub client_id: ClientId,
    /// The scope that the code gives.
    pub scope: Scope,
    /// Where the code is sent. The redemption must name the same (RFC 6749 §4.1.3). Empty if the request named none.
    pub redirect_uri: String,
    /// The `state` of the request, which is returned with the code.
    pub state: Option<String>,
    /// What the redemption must prove (RFC 7636); `None` only for a confidential client that is exempt.
    pub challenge: Option<CodeChallenge>,
    /// The key that the redemption must prove to have, if the request named one (RFC 9449 §10).
    pub key: Option<Thumbprint>,
    /// The `nonce` of the request (OpenID Connect Core §3.1.2.1).
    pub nonce: Option<String>,
    /// When the user logged in.
    pub auth_time: Timestamp,
    /// By what.
    pub by: LoginMethod,
    /// The user's credential epoch at that time.
    pub credential_epoch: u64,
    /// The user's browser epoch at that time.
    pub browser_epoch: u64,
    /// SHA-256 of the cookie of the browser in which the login happened: the consent is given in the same one. Empty where there was none.
    pub browser: String,
    /// The sealed internal tokens, bound to `sid`.
    pub tokens: BTreeMap<ConnectorName, InternalToken>,
    /// Until when it can go on: to consent, and after that to redemption.
    pub ends: Timestamp,
    /// How far it has come.
    pub progress: Progress,
}

/// How far a pending session has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The user was asked for consent.
    Asked,
    /// A code was issued, of which this is the hash.
    Issued(String),
    /// The code was redeemed.
    Redeemed(Redeemed),
    /// It was refused or has lapsed; its internal tokens are to be logged out.
    Ended,
}

/// The first redemption of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// The hash of the code.
    pub code: String,
    /// When it was.
    pub at: Timestamp,
    /// SHA-256 of the attempt id (`Idempotency-Key`) of that request.
    pub attempt: Option<String>,
}

/// What a redemption proved. Comparisons are in constant time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that is proved, and none excludes another")]
pub struct Proof {
    /// The client authenticated, and is that of the login.
    pub client: bool,
    /// The redirect URI is that of the login.
    pub redirect_uri: bool,
    /// The verifier has the challenge, or there is none of either.
    pub verifier: bool,
    /// The key is that of the request, or the request named none.
    pub key: bool,
}

impl Proof {
    fn is_right(self) -> bool {
        self.client && self.redirect_uri && self.verifier && self.key
    }
}

/// What is to be done with a presented code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redemption {
    /// Redeem it.
    Redeem,
    /// It was redeemed by this very attempt, whose response may have been lost: serve the same session again.
    Repeat,
    /// Refuse it; nothing changes.
    Refuse,
    /// It was redeemed before, and who presents it has the right proof: refuse it, and end the session that the first use
    /// began (RFC 6749 §4.1.2).
    EndSession,
}

impl PendingSession {
    /// Decides about a code whose secret has this hash. `attempt` is the hash of the request's attempt id.
    ///
    /// A wrong proof changes nothing: whoever intercepts a code cannot end the session of its owner, and there are too many
    /// verifiers to try.
    pub fn redemption(&self, code: &str, proof: Proof, attempt: Option<&str>, now: Timestamp) -> Redemption {
        let is = |stored: &str| bool::from(stored.as_bytes().ct_eq(code.as_bytes()));
        match &self.progress {
            Progress::Issued(stored) if is(stored) && proof.is_right() && now < self.ends => Redemption::Redeem,
            Progress::Redeemed(redeemed) if is(&redeemed.code) && proof.is_right() => {
                let same = attempt.is_some() && attempt == redeemed.attempt.as_deref();
                match (same, now < redeemed.at.saturating_add(REPEATABLE)) {
                    (true, true) => Redemption::Repeat,
                    // A late copy of the client's own attempt is no sign of theft.
                    (true, false) => Redemption::Refuse,
                    (false, _) => Redemption::EndSession,
                }
            }
            Progress::Asked | Progress::Issued(_) | Progress::Redeemed(_) | Progress::Ended => Redemption::Refuse,
        }
    }

    /// Whether the internal tokens of it may be logged out, as far as this item tells: it can go on no more. After a
    /// redemption that is so only if the session does not exist; a redemption that is under way gets time for it.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        match &self.progress {
            Progress::Asked | Progress::Issued(_) => now >= self.ends,
            Progress::Redeemed(redeemed) => now >= redeemed.at.saturating_add(REPEATABLE).saturating_add(REPEATABLE),
            Progress::Ended => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Proof = Proof { client: true, redirect_uri: true, verifier: true, key: true };

    fn pending(progress: Progress) -> PendingSession {
        PendingSession {
            sid: SessionId::from_random([1; 16]),
            user_id: UserId::parse("u_ada").unwrap(),
            client_id: ClientId::parse("app").unwrap(),
            scope: Scope::default(),
            redirect_uri: "com.example.app:/cb".to_owned(),
            state: None,
            challenge: None,
            key: None,
            nonce: None,
            auth_time: Timestamp::from_secs(0),
            by: LoginMethod::Password,
            credential_epoch: 1,
            browser_epoch: 0,
            browser: String::new(),
            tokens: BTreeMap::new(),
            ends: Timestamp::from_secs(60),
            progress,
        }
    }

    fn redeemed(attempt: Option<&str>) -> PendingSession {
        let at = Timestamp::from_secs(10);
        pending(Progress::Redeemed(Redeemed { code: "c".to_owned(), at, attempt: attempt.map(str::to_owned) }))
    }

    /// Abuse cases J2, J3; checklist O-05: without its proof, a code that was used ends nothing.
    #[test]
    fn a_code_is_redeemed_once_in_its_time_with_its_proof() {
        let at = Timestamp::from_secs;
        let issued = pending(Progress::Issued("c".to_owned()));
        assert_eq!(issued.redemption("c", RIGHT, None, at(59)), Redemption::Redeem);
        assert_eq!(issued.redemption("c", RIGHT, None, at(60)), Redemption::Refuse);
        assert_eq!(issued.redemption("d", RIGHT, None, at(1)), Redemption::Refuse);
        for wrong in [
            Proof { client: false, ..RIGHT },
            Proof { redirect_uri: false, ..RIGHT },
            Proof { verifier: false, ..RIGHT },
            Proof { key: false, ..RIGHT },
        ] {
            assert_eq!(issued.redemption("c", wrong, None, at(1)), Redemption::Refuse);
            assert_eq!(redeemed(None).redemption("c", wrong, None, at(20)), Redemption::Refuse);
        }
        assert_eq!(pending(Progress::Asked).redemption("", RIGHT, None, at(1)), Redemption::Refuse);
        assert_eq!(pending(Progress::Ended).redemption("", RIGHT, None, at(1)), Redemption::Refuse);
    }

    /// Checklist O-06.
    #[test]
    fn only_the_same_attempt_is_served_again_and_any_other_use_ends_the_session() {
        let at = Timestamp::from_secs;
        let again = redeemed(Some("a"));
        assert_eq!(again.redemption("c", RIGHT, Some("a"), at(69)), Redemption::Repeat);
        assert_eq!(again.redemption("c", RIGHT, Some("a"), at(70)), Redemption::Refuse);
        assert_eq!(again.redemption("c", RIGHT, Some("b"), at(11)), Redemption::EndSession);
        assert_eq!(again.redemption("c", RIGHT, None, at(11)), Redemption::EndSession);
        assert_eq!(redeemed(None).redemption("c", RIGHT, None, at(11)), Redemption::EndSession);
        assert_eq!(redeemed(None).redemption("d", RIGHT, None, at(11)), Redemption::Refuse);
    }

    #[test]
    fn a_redemption_that_is_under_way_has_time_before_its_tokens_are_logged_out() {
        let at = Timestamp::from_secs;
        assert!(!pending(Progress::Asked).has_lapsed(at(59)) && pending(Progress::Asked).has_lapsed(at(60)));
        assert!(!redeemed(None).has_lapsed(at(129)) && redeemed(None).has_lapsed(at(130)));
        assert!(pending(Progress::Ended).has_lapsed(at(0)));
    }
}
