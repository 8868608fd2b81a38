//! Sessions: begin, rotate and end them, with the internal tokens that they carry.
//!
//! No name or text here belongs to one login protocol, so that every protocol can use this crate.

mod access;
mod begin;
mod end;
mod error;
mod hand_out;
mod header_budget;
mod internal_tokens;
mod lease;
mod logout;
mod pending;
mod redeem;
mod renew;
mod replace;
mod rotate;
mod sign_on;
mod start;
mod trade_in;
mod without_password;

pub use error::{LogoutError, SessionError};
pub use hand_out::ForService;
pub use internal_tokens::{InternalTokens, Login, Tokens};
pub use lease::{MAX_POLLS, POLL_INTERVAL};
pub use pending::{NewLogin, PendingSessions};
pub use redeem::{Redeeming, of_own_sign_on};
pub use rotate::{Rotation, TokenSource};
pub use trade_in::TradingIn;

use gateway_config::Gateway;
use gateway_domain::entropy::Entropy;
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;
use gateway_runtime::StartError;
use gateway_store::{Activity, Users};
use std::sync::Arc;

/// Begins, changes and ends sessions.
pub struct Sessions {
    gateway: Arc<Gateway>,
    users: Users,
    table: gateway_store::Sessions,
    activity: Activity,
    tokens: Arc<InternalTokens>,
    entropy: Arc<dyn Entropy>,
}

impl Sessions {
    /// Sessions in these tables. The table of users is only read, to check that credentials still hold.
    pub fn new(users: Users, table: gateway_store::Sessions, activity: Activity, tokens: Arc<InternalTokens>) -> Self {
        let (gateway, entropy) = (Arc::clone(tokens.gateway()), Arc::clone(tokens.entropy()));
        Self { gateway, users, table, activity, tokens, entropy }
    }

    /// The internal tokens. They are acquired before their session begins; if it does not begin, they are logged out.
    pub fn tokens(&self) -> &Arc<InternalTokens> {
        &self.tokens
    }

    /// Reads the sealing keys again if they are older than the cache age.
    pub async fn freshen(&self) -> Result<(), StartError> {
        self.tokens.freshen().await
    }

    /// The session of this id, ended or not. One strongly consistent read.
    pub async fn get(&self, sid: &SessionId) -> Result<Option<Session>, SessionError> {
        Ok(self.table.get(sid).await?)
    }

    /// Whether the activity item holds this session, so that the authorizer admits its calls. One strongly consistent read.
    pub async fn is_live(
        &self,
        user: &UserId,
        client: &ClientId,
        sid: &SessionId,
        now: Timestamp,
    ) -> Result<bool, SessionError> {
        Ok(self.activity.entry_is_live(user, client, sid, now).await?)
    }

    /// Whether the user is enabled and has the credentials the session began with. One strongly consistent read.
    pub async fn credentials_hold(&self, session: &Session) -> Result<bool, SessionError> {
        Ok(self.user_of(session).await?.is_some())
    }

    /// The user, if enabled and with the credentials the session began with.
    async fn user_of(&self, session: &Session) -> Result<Option<gateway_store::UserState>, SessionError> {
        let user = self.users.state(&session.user_id).await?;
        Ok(user.filter(|user| user.enabled && user.credential_epoch == session.credential_epoch))
    }

    /// Ends the session if the user's credentials changed, or the user was disabled, since it began.
    ///
    /// # Errors
    /// [`SessionError::CredentialsChanged`] if the session was ended for that reason.
    pub async fn check_credentials(&self, session: &Session) -> Result<(), SessionError> {
        if self.credentials_hold(session).await? {
            return Ok(());
        }
        self.end(&session.sid).await?;
        Err(SessionError::CredentialsChanged)
    }

    /// The same for a session that begins from the login of a browser: a logout everywhere else ends it as well.
    pub(crate) async fn check_login(&self, session: &Session, browser_epoch: u64) -> Result<(), SessionError> {
        if self.user_of(session).await?.is_some_and(|user| user.browser_epoch == browser_epoch) {
            return Ok(());
        }
        self.end(&session.sid).await?;
        Err(SessionError::CredentialsChanged)
    }
}
