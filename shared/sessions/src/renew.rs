//! Renews one internal token between two refreshes: a back end has refused it, and a call waits for another.

use crate::internal_tokens::references;
use crate::lease::Lease;
use crate::{MAX_POLLS, POLL_INTERVAL, SessionError, Sessions};
use gateway_domain::renewal::{RenewalRequest, RenewalResponse};
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;
use gateway_store::Entry;

impl Sessions {
    /// Renews an internal token unless it has another version by now: lease, renew, commit, as at a refresh. Of concurrent
    /// requests one renews it, and the others find it renewed. `now` is read again for every poll.
    pub async fn renew(
        &self,
        asked: &RenewalRequest,
        now: impl Fn() -> Result<Timestamp, SessionError>,
    ) -> Result<RenewalResponse, SessionError> {
        let sid = &asked.session;
        for poll in 0..MAX_POLLS {
            if poll > 0 {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            let now = now()?;
            let Some(session) = self.table.get(sid).await?.filter(|session| !session.family.ended) else {
                return Ok(RenewalResponse::Over);
            };
            let Some(token) = session.tokens.get(&asked.connector) else { return Ok(RenewalResponse::Over) };
            if token.version != asked.version {
                return Ok(RenewalResponse::Renewed);
            }
            if !token.is_renewable(now)
                || now >= session.family.absolute_end
                || !self.credentials_hold(&session).await?
            {
                return Ok(RenewalResponse::Over);
            }
            let lease = Lease::new(&*self.entropy)?;
            let renewing = async {
                match self.tokens.renew_one(&session, &asked.connector, token, now).await {
                    Ok(token) => Ok(Some(token)),
                    Err(SessionError::BackEndRefused(_)) => Ok(None),
                    Err(error) => Err(error),
                }
            };
            let Some(renewed) = self.leased(&session, &lease, now, renewing).await? else { continue };
            if !self.table.replace_token(sid, &asked.connector, renewed.as_ref(), &lease.0).await? {
                if let (Some(token), true) = (renewed, self.has_ended(sid).await?) {
                    // The session ended before it could keep this token, so the end did not log it out.
                    self.tokens.log_out(sid, &[(asked.connector.clone(), token)].into()).await;
                }
                continue;
            }
            let response = if renewed.is_some() { RenewalResponse::Renewed } else { RenewalResponse::Over };
            let mut session = session;
            session.tokens.remove(&asked.connector);
            session.tokens.extend(renewed.map(|token| (asked.connector.clone(), token)));
            // A failure here is no error: calls that get the old version from the authorizer then read the session.
            if let Err(error) = self.refer_to(&session).await {
                tracing::warn!(session = %sid, reason = %error, "the activity item still refers to the version before");
            }
            return Ok(response);
        }
        Err(SessionError::Busy)
    }

    /// Writes into the activity item the references to the session's internal tokens, which the authorizer hands on.
    pub(crate) async fn refer_to(&self, session: &Session) -> Result<(), SessionError> {
        let entry = Entry { sid: session.sid.clone(), ends: session.family.absolute_end };
        let tokens = references(&session.tokens);
        Ok(self.activity.update_entry(&session.user_id, &session.client_id, &entry, &tokens).await?)
    }
}
