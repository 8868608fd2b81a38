//! Begins the session of a refresh token of another issuer that was traded in. Nobody has shown a password for it, so it has the
//! internal tokens of those legacy systems alone that need none.

use crate::{SessionError, Sessions, Tokens};
use gateway_domain::id_token::OPENID;
use gateway_domain::scope::Scope;
use gateway_domain::session::{Family, Holder, LoginMethod, Origin, Session};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::trade_in::Traded;
use gateway_store::{App, User};

/// A trade-in whose session is to begin.
pub struct TradingIn<'a> {
    /// The application, as it is registered now.
    pub app: &'a App,
    /// The user, as just read.
    pub user: &'a User,
    /// Which session it becomes.
    pub traded: &'a Traded,
    /// What the session may do.
    pub scope: &'a Scope,
    /// The hash of the attempt id (`Idempotency-Key`) under which the application repeats this request.
    pub attempt: Option<&'a str>,
    /// The id of the key that makes the refresh tokens.
    pub mac_key: &'a str,
    /// What the user recognises the device by.
    pub device: Option<&'a str>,
    /// Whose session it becomes, if it is bound to a key.
    pub holder: Option<&'a Holder>,
    /// The issuer of its tokens.
    pub issuer: &'a str,
    /// The time.
    pub now: Timestamp,
}

impl Sessions {
    /// Begins the session of a traded-in token. Each step can be repeated. `false` says that another request has written the session
    /// first: then it has to be judged whether this one may have it.
    ///
    /// # Errors
    /// As [`Sessions::finish_traded_in`].
    pub async fn begin_traded_in(&self, trading: &TradingIn<'_>) -> Result<(Session, bool), SessionError> {
        let TradingIn { app, user, traded, scope, attempt, mac_key, device, holder, issuer, now } = *trading;
        let by = LoginMethod::TradeIn;
        let tokens = self.tokens.acquire_without_password(&traded.sid, (app, scope), (user, by), now).await?;
        let idle = self.gateway.lifetimes().session_idle;
        let new = Session {
            sid: traded.sid.clone(),
            user_id: user.user_id.clone(),
            client_id: app.client_id.clone(),
            scope: scope.clone(),
            family: Family::traded_in(attempt.map(str::to_owned), now, idle, traded.ends.since(now)),
            holder: holder.cloned(),
            salt: self.entropy.bytes()?,
            mac_key: mac_key.to_owned(),
            credential_epoch: user.credential_epoch,
            auth_time: None,
            origin: Origin { began: Some(now), device: device.map(str::to_owned), by },
            issuer: scope.contains(OPENID).then(|| issuer.to_owned()),
            sign_on: None,
            tokens,
        };
        let session = self.create_or_find(&new).await?;
        if session.salt != new.salt {
            return Ok((session, false));
        }
        self.finish_traded_in(app, &session).await?;
        Ok((session, true))
    }

    /// Does what a crash behind the write of such a session may have left undone.
    ///
    /// # Errors
    /// [`SessionError::CredentialsChanged`] if the user's credentials changed, or the session was ended meanwhile.
    pub async fn finish_traded_in(&self, app: &App, session: &Session) -> Result<(), SessionError> {
        self.make_live(app, session).await?;
        self.check_credentials(session).await?;
        // An end that came before the entry was there has not removed it.
        if self.has_ended(&session.sid).await? {
            self.end(&session.sid).await?;
            return Err(SessionError::CredentialsChanged);
        }
        Ok(())
    }

    /// Ends the session that a token became. One that is named and has not begun, since what was to begin it is under way or has died, never
    /// begins then: an ended one takes its place.
    pub async fn end_traded_in(&self, traded: &Traded, now: Timestamp) -> Result<(), SessionError> {
        // After its end at the latest, none begins.
        if now < traded.ends && self.table.get(&traded.sid).await?.is_none() {
            self.table.create(&self.ended_before_it_began(traded, now)?).await?;
        }
        // Whichever of the two was written first.
        self.end(&traded.sid).await
    }

    fn ended_before_it_began(&self, traded: &Traded, now: Timestamp) -> Result<Session, SessionError> {
        let family = Family::begin_until(now, Seconds::new(0), traded.ends);
        Ok(Session {
            sid: traded.sid.clone(),
            user_id: traded.user_id.clone(),
            client_id: traded.client_id.clone(),
            scope: Scope::default(),
            family: Family { ended: true, ..family },
            holder: None,
            salt: self.entropy.bytes()?,
            mac_key: String::new(),
            credential_epoch: traded.credential_epoch,
            auth_time: None,
            origin: Origin { began: None, device: None, by: LoginMethod::TradeIn },
            issuer: None,
            sign_on: None,
            tokens: Tokens::new(),
        })
    }
}
