//! Pending sessions: a login on the gateway's own pages waits, with its internal tokens, for consent and redemption.

use crate::{InternalTokens, Login, SessionError};
use gateway_domain::authorization_code::AuthorizationCode;
use gateway_domain::entropy::Entropy;
use gateway_domain::holder_key::Thumbprint;
use gateway_domain::ids::{SessionId, UserId};
use gateway_domain::pending_session::{CODE_LIFETIME, CONSENT_LIFETIME, PendingSession, Progress};
use gateway_domain::pkce::CodeChallenge;
use gateway_domain::scope::Scope;
use gateway_domain::session::LoginMethod;
use gateway_domain::time::Timestamp;
use std::sync::Arc;

/// A user who is logged in, and the request of the application that the login is for.
pub struct NewLogin<'a> {
    /// The application.
    pub app: &'a gateway_store::App,
    /// The scope that it gets.
    pub scope: Scope,
    /// Where its code is sent.
    pub redirect_uri: String,
    /// `state` of the request.
    pub state: Option<String>,
    /// `code_challenge` of the request.
    pub challenge: Option<CodeChallenge>,
    /// The key that the redemption has to prove.
    pub key: Option<Thumbprint>,
    /// `nonce` of the request.
    pub nonce: Option<String>,
    /// The user.
    pub user: &'a UserId,
    /// The user's credential epoch, as it was read for this login.
    pub credential_epoch: u64,
    /// The user's browser epoch, as it was read for this login.
    pub browser_epoch: u64,
    /// When the user logged in.
    pub auth_time: Timestamp,
    /// By what.
    pub by: LoginMethod,
    /// SHA-256 of the cookie of the browser.
    pub browser: String,
}

/// Begins pending sessions, issues their codes and ends them.
pub struct PendingSessions {
    table: gateway_store::PendingSessions,
    tokens: Arc<InternalTokens>,
    entropy: Arc<dyn Entropy>,
}

impl PendingSessions {
    /// Pending sessions in this table, with these internal tokens.
    pub fn new(table: gateway_store::PendingSessions, tokens: Arc<InternalTokens>) -> Self {
        let entropy = Arc::clone(tokens.entropy());
        Self { table, tokens, entropy }
    }

    /// The internal tokens.
    pub fn tokens(&self) -> &Arc<InternalTokens> {
        &self.tokens
    }

    /// The pending session of this id. One strongly consistent read.
    pub async fn get(&self, sid: &SessionId) -> Result<Option<PendingSession>, SessionError> {
        Ok(self.table.get(sid).await?)
    }

    /// Logs in at the legacy systems of the scope that this login reaches, and then asks for consent: the pending session waits for it.
    ///
    /// # Errors
    /// Nothing was written. The legacy sessions that were begun were ended, as far as the systems could be reached.
    pub async fn ask(
        &self,
        new: NewLogin<'_>,
        login: Login<'_>,
        now: Timestamp,
    ) -> Result<PendingSession, SessionError> {
        let ends = now.saturating_add(CONSENT_LIFETIME);
        self.begin(new, login, SessionId::from_random(self.entropy.bytes()?), ends, Progress::Asked, now).await
    }

    /// The same without a question: the code is issued at once.
    pub async fn permit(
        &self,
        new: NewLogin<'_>,
        login: Login<'_>,
        now: Timestamp,
    ) -> Result<(PendingSession, AuthorizationCode), SessionError> {
        let code = self.new_code(SessionId::from_random(self.entropy.bytes()?))?;
        let (ends, progress) = (now.saturating_add(CODE_LIFETIME), Progress::Issued(code.hash()));
        Ok((self.begin(new, login, code.sid.clone(), ends, progress, now).await?, code))
    }

    /// Issues the code after the user's consent, in place of one that nobody has redeemed: a form may be sent twice. `None` if
    /// it was redeemed, or the question was answered otherwise or has lapsed.
    pub async fn issue(
        &self,
        pending: &PendingSession,
        now: Timestamp,
    ) -> Result<Option<AuthorizationCode>, SessionError> {
        let code = self.new_code(pending.sid.clone())?;
        let issued = self.table.issue(pending, &code.hash(), now.saturating_add(CODE_LIFETIME), now).await?;
        Ok(issued.then_some(code))
    }

    /// Ends a pending session that has come no further since it was read, and logs it out of the legacy systems. Returns
    /// whether it was ended. A logout that fails is left for [`Sessions::sweep`](crate::Sessions::sweep).
    pub async fn end(&self, pending: &PendingSession) -> Result<bool, SessionError> {
        if !self.table.end(pending).await? {
            return Ok(false);
        }
        self.log_out(pending).await?;
        Ok(true)
    }

    /// Logs out the internal tokens and forgets those whose logout is done. Returns whether none is left.
    pub(crate) async fn log_out(&self, pending: &PendingSession) -> Result<bool, SessionError> {
        let done = self.tokens.log_out(&pending.sid, &pending.tokens).await;
        self.table.forget_tokens(&pending.sid, &done).await?;
        Ok(done.len() == pending.tokens.len())
    }

    pub(crate) fn table(&self) -> &gateway_store::PendingSessions {
        &self.table
    }

    fn new_code(&self, sid: SessionId) -> Result<AuthorizationCode, SessionError> {
        Ok(AuthorizationCode::from_random(sid, self.entropy.bytes()?))
    }

    async fn begin(
        &self,
        new: NewLogin<'_>,
        login: Login<'_>,
        sid: SessionId,
        ends: Timestamp,
        progress: Progress,
        now: Timestamp,
    ) -> Result<PendingSession, SessionError> {
        let tokens = self.tokens.acquire_to_begin(&sid, (new.app, &new.scope), (login, new.by), now).await?;
        let pending = PendingSession {
            sid,
            user_id: new.user.clone(),
            client_id: new.app.client_id.clone(),
            scope: new.scope,
            redirect_uri: new.redirect_uri,
            state: new.state,
            challenge: new.challenge,
            key: new.key,
            nonce: new.nonce,
            auth_time: new.auth_time,
            by: new.by,
            credential_epoch: new.credential_epoch,
            browser_epoch: new.browser_epoch,
            browser: new.browser,
            tokens,
            ends,
            progress,
        };
        if let Err(error) = self.table.create(&pending).await {
            self.tokens.log_out(&pending.sid, &pending.tokens).await;
            return Err(error.into());
        }
        Ok(pending)
    }
}
