//! Renewal in mid-life: a back end has refused an internal token, and the proxy asks for another. Nobody else can ask:
//! the event is none of API Gateway's, and only the proxy's role may invoke this function.

use crate::App;
use crate::connect::references;
use crate::error::Failure;
use crate::refresh_grant::{BETWEEN_LOOKS, LEASE, LOOKS};
use domain::renewal::{RenewalAnswer, RenewalRequest};
use domain::session::{InternalToken, Session};
use store::Entry;

impl App {
    /// Renews the token, unless that has been done. Never fails: what could not be done is to be asked again.
    pub(crate) async fn renewal(&self, asked: &RenewalRequest) -> RenewalAnswer {
        let done = async {
            self.freshen().await?;
            self.renewed(asked).await
        };
        match done.await {
            Ok(answer) => answer,
            Err(failure) => {
                let (session, connector) = (&asked.session, &asked.connector);
                tracing::warn!(%session, %connector, kind = failure.kind(), reason = %failure, "no renewal in mid-life");
                RenewalAnswer::Later
            }
        }
    }

    /// Lease, renew, commit, as at a refresh; of many that ask at once, one does it and the others find it done.
    async fn renewed(&self, asked: &RenewalRequest) -> Result<RenewalAnswer, Failure> {
        let sid = &asked.session;
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
            let now = self.now()?;
            let Some(session) = self.store.session(sid).await?.filter(|session| !session.family.ended) else {
                return Ok(RenewalAnswer::Over);
            };
            let Some(token) = session.tokens.get(&asked.connector) else { return Ok(RenewalAnswer::Over) };
            if token.version != asked.version {
                return Ok(RenewalAnswer::Renewed);
            }
            if !token.is_renewable(now)
                || now >= session.family.absolute_end
                || !self.credentials_hold(&session).await?
            {
                return Ok(RenewalAnswer::Over);
            }
            let lease = u128::from_be_bytes(startup::entropy::bytes()?).to_string();
            let until = now.saturating_add(LEASE);
            if !self.store.lease_session(&session, &lease, until, now).await? {
                continue;
            }
            let renewed = match self.renew_one(&session, &asked.connector, token, now).await {
                Ok(token) => Some(token),
                Err(Failure::BackEndRefused) => None,
                Err(failure) => {
                    self.store.release_session(sid, &lease).await?;
                    return Err(failure);
                }
            };
            if !self.store.replace_token(sid, &asked.connector, renewed.as_ref(), &lease).await? {
                if let (Some(token), true) = (renewed, self.has_ended(sid).await?) {
                    // Nobody else knows of it.
                    self.end_tokens(sid, &[(asked.connector.clone(), token)].into()).await;
                }
                continue;
            }
            // Without it calls first meet the old version, and then read the new one.
            if let Err(failure) = self.refer_to(session, asked, renewed.as_ref()).await {
                tracing::warn!(session = %sid, reason = %failure, "the grant still refers to the version before");
            }
            return Ok(if renewed.is_some() { RenewalAnswer::Renewed } else { RenewalAnswer::Over });
        }
        Err(Failure::Busy)
    }

    /// Lets the authorizer know of the new version.
    async fn refer_to(
        &self,
        mut session: Session,
        asked: &RenewalRequest,
        token: Option<&InternalToken>,
    ) -> Result<(), Failure> {
        session.tokens.remove(&asked.connector);
        session.tokens.extend(token.map(|token| (asked.connector.clone(), token.clone())));
        let entry = Entry { sid: session.sid.clone(), ends: session.family.absolute_end };
        let tokens = references(&session.tokens);
        Ok(self.store.update_entry(&session.user_id, &session.client_id, &entry, &tokens).await?)
    }
}
