//! Whom a passkey logs in, whichever way the challenge was given out.
//!
//! Whoever has no passkey, has another, is disabled or was removed gets one answer, after the same reads and one signature that is verified.

use crate::CredentialsError;
use crate::login_attempts::LoginAttempts;
use gateway_domain::passkey::{NoChallenge, Passkey, PasskeyChallenge};
use gateway_domain::source::Source;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_passkeys::{Assertion, Refused, RelyingParty};
use gateway_runtime::StartError;
use gateway_store::{User, Users};

/// How old the last use of a passkey that does not count may be before the next one is noted.
const NOTED: Seconds = Seconds::new(86_400);

/// Why a response logs nobody in: told to the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NotLoggedIn {
    #[error("there are no passkeys here")]
    NoParty,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Challenge(#[from] NoChallenge),
    #[error("the user has no such passkey, or may not log in")]
    Nobody,
    #[error("the challenge was used before")]
    Again,
    #[error("the passkey was removed or has signed more often meanwhile")]
    Meanwhile,
}

/// Checks what authenticators sign at a login, notes which challenges were used, and counts failures.
pub struct PasskeyLogin {
    users: Users,
    attempts: LoginAttempts,
    has_directory: bool,
}

impl PasskeyLogin {
    /// Reads and notes passkeys in the table of users, and notes and counts in that of attempts. With a directory, it has passwords of users.
    pub fn new(users: Users, attempts: gateway_store::LoginAttempts, has_directory: bool) -> Self {
        Self { users, attempts: LoginAttempts::new(attempts), has_directory }
    }

    /// Whether this user may have passkeys and log in by one. Who has the password in a directory logs in by that password alone: the directory
    /// decides at every login who is still there, and is not asked about a passkey.
    pub fn may_have(&self, user: &User) -> bool {
        user.password.is_some() || !self.has_directory
    }

    /// The user whose passkey has signed this response, or `None` if it logs nobody in. `until` opens its challenge, and tells the first second at
    /// which that is no good any more.
    ///
    /// Failures are counted by their source and reported to the log, and refuse nobody: whoever sends junk locks no account, and neither passwords
    /// nor good passkeys of people behind the same address wait for it.
    ///
    /// # Errors
    /// If the tables or the keys cannot be read.
    pub async fn user<Until>(
        &self,
        party: Option<&RelyingParty>,
        response: &str,
        until: impl FnOnce(PasskeyChallenge) -> Until,
        (source, now): (&Source, Timestamp),
    ) -> Result<Option<User>, CredentialsError>
    where
        Until: Future<Output = Result<Result<Timestamp, NoChallenge>, StartError>>,
    {
        let reason = match Box::pin(self.signed_by(party, response, until, now)).await? {
            Ok(user) => return Ok(Some(user)),
            Err(reason) => reason,
        };
        tracing::info!(%reason, "a passkey logs nobody in");
        // A page that lay open for too long is no guess, and nothing was read for it.
        let is_junk = reason != NotLoggedIn::Challenge(NoChallenge::Lapsed);
        if is_junk && self.attempts.wrong_passkey(source, now).await? {
            tracing::warn!(
                "one source sends many responses that no passkey has signed: the access log has its address"
            );
        }
        Ok(None)
    }

    /// The challenge is spent and the use noted, in this order, before anything begins.
    async fn signed_by<Until>(
        &self,
        party: Option<&RelyingParty>,
        response: &str,
        until: impl FnOnce(PasskeyChallenge) -> Until,
        now: Timestamp,
    ) -> Result<Result<User, NotLoggedIn>, CredentialsError>
    where
        Until: Future<Output = Result<Result<Timestamp, NoChallenge>, StartError>>,
    {
        let Some(party) = party else { return Ok(Err(NotLoggedIn::NoParty)) };
        let assertion = match Assertion::parse(response) {
            Ok(assertion) => assertion,
            Err(refused) => return Ok(Err(refused.into())),
        };
        let challenge = assertion.challenge();
        let until = match until(challenge.clone()).await? {
            Ok(until) => until,
            Err(none) => return Ok(Err(none.into())),
        };
        // Both are read, and a signature is verified, whether there is such a user and passkey or not.
        let user = self.users.get(assertion.user()).await?;
        let known = self.users.passkey(assertion.user(), assertion.credential_id()).await?;
        let nobodys = Passkey::of_nobody(assertion.credential_id().clone());
        let verified = party.verified(&assertion, known.as_ref().unwrap_or(&nobodys), challenge);
        let user = user.filter(|user| user.enabled && self.may_have(user));
        let (signed, passkey, user) = match (verified, known, user) {
            (Ok(signed), Some(passkey), Some(user)) => (signed, passkey, user),
            (Err(refused), Some(_), Some(_)) => return Ok(Err(refused.into())),
            _ => return Ok(Err(NotLoggedIn::Nobody)),
        };
        if !self.attempts.use_key(&format!("passkey#{}", challenge.key()), until, now).await? {
            return Ok(Err(NotLoggedIn::Again));
        }
        let is_noted = signed.sign_count == 0 && passkey.used_at.is_some_and(|at| now < at.saturating_add(NOTED));
        if !is_noted && !self.users.note_passkey_use(&user.user_id, &passkey.id, signed.sign_count, now).await? {
            return Ok(Err(NotLoggedIn::Meanwhile));
        }
        Ok(Ok(user))
    }
}
