//! Ends sessions: no refresh and no call from then on, and the renewal function logs them out of the legacy systems.

use crate::{Failure, Outbox, Outcome};
use gateway_domain::ids::OutboxId;
use gateway_domain::outbox::{AppSession, PATIENCE, Which};
use gateway_domain::renewal::LogoutRequest;
use gateway_store::QueuedEnding;

impl Outbox {
    /// Ends all of them, even if one fails. Each step can be repeated. The notices for applications that there are now are added
    /// to `to_tell`: nobody is told here, since an application that does not answer would hold up the end of other sessions.
    pub(crate) async fn end_sessions(
        &self,
        ending: &QueuedEnding,
        to_tell: &mut Vec<OutboxId>,
    ) -> Result<Outcome, Failure> {
        let (id, user) = (&ending.id, &ending.user_id);
        let found = self.to_end(ending).await?;
        let mut left = 0_usize;
        for AppSession { client_id, sid } in &found {
            // Written before the end: what has ended already, by its application or an earlier attempt, is not told again.
            if self.sessions.is_live_with_issuer(sid).await? {
                let now = self.now()?;
                self.table.add_notice(sid, now, now.saturating_add(PATIENCE)).await?;
                to_tell.push(OutboxId::of_session(sid));
            }
            self.sessions.mark_ended(sid).await?;
            self.activity.remove_entry(user, client_id, sid).await?;
            if let Err(error) = self.renewal.queue(&LogoutRequest { session: sid.clone() }.to_event()).await {
                tracing::warn!(session = %sid, reason = %error, "the logout at legacy systems is not queued");
                left = left.saturating_add(1);
            }
        }
        tracing::info!(ending = %id, sessions = found.len(), left, attempts = ending.attempts, "sessions were ended");
        if left == 0 {
            return Ok(Outcome::Done);
        }
        if self.now()? >= ending.until {
            tracing::error!(ending = %id, left, "logouts at legacy systems are given up: `gateway-admin sessions logout` finds them");
            return Ok(Outcome::GivenUp);
        }
        Ok(Outcome::Deferred)
    }

    /// What is to end. Of a user's sessions that is what is live now, and what an earlier attempt has found.
    async fn to_end(&self, ending: &QueuedEnding) -> Result<Vec<AppSession>, Failure> {
        let epoch = match &ending.which {
            Which::These(sessions) => return Ok(sessions.clone()),
            Which::Together(sessions) => return self.together(sessions).await,
            Which::BegunBefore(epoch) => *epoch,
        };
        let mut found = ending.found.clone();
        for live in self.activity.sessions_of_user(&ending.user_id, self.now()?).await? {
            let sid = live.entry.sid;
            let began = self.sessions.credential_epoch(&sid).await?;
            if began.is_none_or(|began| began < epoch) && !found.iter().any(|session| session.sid == sid) {
                found.push(AppSession { client_id: live.client_id, sid });
            }
        }
        if found.len() > ending.found.len() {
            self.table.note_found(&ending.id, &found).await?;
        }
        Ok(found)
    }

    /// These sessions, and those that other apps have by the logins that began them. The secrets end first, so that no more of them begin:
    /// a later attempt finds the same.
    async fn together(&self, sessions: &[AppSession]) -> Result<Vec<AppSession>, Failure> {
        let mut found = sessions.to_vec();
        for session in sessions {
            if !self.sessions.end_sign_on(&session.sid).await? {
                continue;
            }
            let members = self.sessions.members(&session.sid).await?;
            found.extend(members.into_iter().filter(|member| !sessions.contains(member)));
        }
        Ok(found)
    }
}
