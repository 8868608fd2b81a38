//! Turns a pending session into a session when its code is redeemed, and logs out those that never are.

use crate::{PendingSessions, SessionError, Sessions};
use futures_util::future::join_all;
use gateway_domain::device_secret::{derive, ds_hash};
use gateway_domain::id_token::OPENID;
use gateway_domain::ids::SessionId;
use gateway_domain::pending_session::{PendingSession, Progress, Redeemed};
use gateway_domain::refresh_token::RefreshKeys;
use gateway_domain::session::{Family, Holder, OfSignOn, Origin, Session};
use gateway_domain::time::Timestamp;

/// Pending sessions that one sweep looks at.
const MOST: usize = 100;

/// A pending session whose code is being redeemed, with what only the redeeming function knows.
pub struct Redeeming<'a> {
    /// The application, as it is registered now.
    pub app: &'a gateway_store::App,
    /// It, as it was read.
    pub pending: &'a PendingSession,
    /// The id of the key that makes the refresh tokens.
    pub mac_key: &'a str,
    /// The keys that make the device secret, if the login begins a sign-on (OpenID Connect Native SSO).
    pub sign_on: Option<&'a RefreshKeys>,
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
    /// Redeems a code. `false` if another request has redeemed it meanwhile.
    pub async fn redeem(
        &self,
        table: &gateway_store::PendingSessions,
        sid: &SessionId,
        redeemed: &Redeemed,
    ) -> Result<bool, SessionError> {
        let redemption = u128::from_be_bytes(self.entropy.bytes()?).to_string();
        Ok(table.redeem(sid, redeemed, &redemption).await?)
    }

    /// Begins the session of a redeemed code, or finds it begun. Each step can be repeated, so that an attempt that was cut
    /// off is finished by the next one. The last step takes the internal tokens out of the pending session: until then the
    /// redemption is not finished, and [`Sessions::sweep`] ends what there is of it.
    ///
    /// # Errors
    /// [`SessionError::CredentialsChanged`] if the user's credentials changed, or the session was ended meanwhile.
    pub async fn begin_redeemed(
        &self,
        table: &gateway_store::PendingSessions,
        redeeming: &Redeeming<'_>,
    ) -> Result<Session, SessionError> {
        let Redeeming { app, pending, mac_key, sign_on, device, holder, issuer, now } = *redeeming;
        let salt = self.entropy.bytes()?;
        let sign_on = sign_on.map(|keys| of_own_sign_on(keys, mac_key, &salt, &pending.sid)).transpose()?;
        let lifetimes = self.gateway.lifetimes();
        let new = Session {
            sid: pending.sid.clone(),
            user_id: pending.user_id.clone(),
            client_id: pending.client_id.clone(),
            scope: pending.scope.clone(),
            family: Family::begin(now, lifetimes.session_idle, lifetimes.session_absolute),
            holder: holder.cloned(),
            salt,
            mac_key: mac_key.to_owned(),
            credential_epoch: pending.credential_epoch,
            auth_time: Some(pending.auth_time),
            origin: Origin { began: Some(now), device: device.map(str::to_owned), by: pending.by },
            issuer: pending.scope.contains(OPENID).then(|| issuer.to_owned()),
            sign_on,
            tokens: pending.tokens.clone(),
        };
        self.table.create(&new).await?;
        // Another attempt of the same client may have written it first, with a salt of its own.
        let session = self.table.get(&new.sid).await?.ok_or(SessionError::Internal("a session vanished"))?;
        if session.family.ended {
            return Err(SessionError::CredentialsChanged);
        }
        self.make_live(app, &session).await?;
        self.check_login(&session, pending.browser_epoch).await?;
        // An end, or another use of the code, that came before the entry was there has not removed it.
        let used_again = table.get(&session.sid).await?.is_none_or(|pending| pending.progress == Progress::Ended);
        if used_again || self.has_ended(&session.sid).await? {
            self.end(&session.sid).await?;
            return Err(SessionError::CredentialsChanged);
        }
        let handed_over: Vec<_> = pending.tokens.keys().cloned().collect();
        table.forget_tokens(&session.sid, &handed_over).await?;
        Ok(session)
    }

    /// Ends the session of a code that was used again: also one that is being begun at this moment, which finds the pending
    /// session ended.
    pub async fn end_redeemed(
        &self,
        table: &gateway_store::PendingSessions,
        pending: &PendingSession,
    ) -> Result<(), SessionError> {
        table.end(pending).await?;
        self.end(&pending.sid).await
    }

    /// Logs out the internal tokens of pending sessions that can go on no more, and returns how many sessions are left.
    pub async fn sweep(&self, pending: &PendingSessions, now: Timestamp) -> Result<usize, SessionError> {
        // From a random place on, and all at once: a legacy system that does not answer keeps no other from being told.
        let start = SessionId::from_random(self.entropy.bytes()?);
        let page = pending.table().lapsed(&start, now, MOST).await?;
        let swept = join_all(page.items.iter().map(async |lapsed| {
            let done = self.sweep_one(pending, lapsed).await;
            if let Err(error) = &done {
                tracing::warn!(session = %lapsed.sid, kind = error.kind(), reason = %error, "a lapsed login is not logged out");
            }
            done.unwrap_or(false)
        }));
        Ok(swept.await.into_iter().filter(|done| !done).count() + usize::from(page.more))
    }

    async fn sweep_one(&self, pending: &PendingSessions, lapsed: &PendingSession) -> Result<bool, SessionError> {
        // A redemption that was cut off has given nobody a token. Its session owns the internal tokens, and its end logs them
        // out.
        if self.table.get(&lapsed.sid).await?.is_some() {
            self.end(&lapsed.sid).await?;
            let all: Vec<_> = lapsed.tokens.keys().cloned().collect();
            pending.table().forget_tokens(&lapsed.sid, &all).await?;
            return Ok(true);
        }
        if !pending.table().end(lapsed).await? {
            return Ok(true);
        }
        pending.log_out(lapsed).await
    }
}

/// What a session knows of the sign-on that its own login begins: the secret is derived from the session's salt.
///
/// # Errors
/// [`SessionError::Internal`] if these are not the keys of that id.
pub fn of_own_sign_on(
    keys: &RefreshKeys,
    mac_key: &str,
    salt: &[u8; 16],
    sid: &SessionId,
) -> Result<OfSignOn, SessionError> {
    let secret =
        derive(keys, mac_key, salt, sid).map_err(|_| SessionError::Internal("the session's MAC key is gone"))?;
    Ok(OfSignOn { id: sid.clone(), ds_hash: ds_hash(&secret) })
}
