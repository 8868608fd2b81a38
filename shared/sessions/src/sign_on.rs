//! Sign-ons: several apps of one device have sessions of their own from one login, which end together or alone.

use crate::{SessionError, Sessions, Tokens};
use futures_util::future::join_all;
use gateway_domain::ids::{ClientId, SessionId};
use gateway_domain::session::Session;
use gateway_domain::sign_on::{Member, SignOn};
use gateway_store::App;

impl Sessions {
    /// Notes the sign-on that the login of this session begins. Call it after the session has begun and before anybody has its tokens. It
    /// can be repeated.
    pub async fn begin_sign_on(&self, session: &Session, browser_epoch: u64) -> Result<(), SessionError> {
        Ok(self.table.create_sign_on(&SignOn::begin(session, browser_epoch)).await?)
    }

    /// The sign-on of this id, ended or not. One strongly consistent read.
    pub async fn sign_on(&self, id: &SessionId) -> Result<Option<SignOn>, SessionError> {
        Ok(self.table.sign_on(id).await?)
    }

    /// Gives an application the place for a session in a sign-on, instead of the session that it has there, which ends first: so no session is
    /// left that nobody knows, whatever dies on the way. `false` if another exchange was faster, or the sign-on has ended.
    pub async fn take_place(
        &self,
        sign_on: &SignOn,
        client: &ClientId,
        member: &Member,
        before: Option<&SessionId>,
    ) -> Result<bool, SessionError> {
        if let Some(before) = before {
            self.end(before).await?;
        }
        Ok(self.table.take_place(&sign_on.id, client, member, before).await?)
    }

    /// Begins the session that has its place in a sign-on, or finds it begun. Each step can be repeated, so that an attempt that was cut off
    /// is finished by the next one.
    ///
    /// # Errors
    /// [`SessionError::CredentialsChanged`] if the user's credentials changed, or if the sign-on or the session ended meanwhile, or another
    /// session has got the place: nothing of it is left then.
    pub async fn begin_joined(&self, app: &App, sign_on: &SignOn, new: &Session) -> Result<Session, SessionError> {
        // Another attempt of the same client may have written it first, with a salt and internal tokens of its own.
        let session = self.create_or_find(new).await?;
        if session.family.ended {
            return Err(SessionError::CredentialsChanged);
        }
        self.make_live(app, &session).await?;
        self.check_login(&session, sign_on.browser_epoch).await?;
        // Whoever ended the sign-on or the session, or took the place, before the entry was there has not removed it.
        let now = self.table.sign_on(&sign_on.id).await?;
        let keeps_place = now.is_some_and(|now| !now.ended && now.has(&session.client_id, &session.sid));
        if !keeps_place || self.has_ended(&session.sid).await? {
            self.end(&session.sid).await?;
            return Err(SessionError::CredentialsChanged);
        }
        Ok(session)
    }

    /// Ends the device secret of a session that belongs to a sign-on. The sessions that there are stay.
    pub async fn end_secret_of(&self, session: &Session) -> Result<(), SessionError> {
        if let Some(sign_on) = &session.sign_on {
            self.table.end_sign_on(&sign_on.id).await?;
        }
        Ok(())
    }

    /// Ends a sign-on with all its sessions. The secret ends first, so that no more of them begin: one that is beginning at this moment finds
    /// that. If this dies on the way, the next attempt ends the rest. All of them are over before the first legacy system is told, and these are
    /// told at once, so that as many as a family has apps take no longer than one.
    pub async fn end_together(&self, id: &SessionId) -> Result<(), SessionError> {
        if !self.table.end_sign_on(id).await? {
            return Ok(());
        }
        let (mut cut_off, mut outcome) = (Vec::new(), Ok(()));
        for member in self.table.members(id).await? {
            let ended = self.cut_off(&member.sid).await;
            match ended {
                Ok(tokens) => cut_off.extend(tokens.map(|tokens| (member.sid, tokens))),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        join_all(cut_off.iter().map(|(sid, tokens)| self.log_out_cut_off(sid, tokens))).await;
        outcome
    }

    /// Logs out internal tokens that no session has taken.
    pub async fn drop_tokens(&self, sid: &SessionId, tokens: &Tokens) {
        self.tokens.log_out(sid, tokens).await;
    }
}
