//! What developers wait for, and the decision on it.

use crate::error::Failure;
use crate::{Asked, Portal};
use gateway_domain::ids::{ClientId, UserId};
use gateway_mail::Notice;
use gateway_store::{App, NewMail, Organization, Revision};

/// What is decided on a request.
pub(crate) enum Decision {
    Approve,
    /// With a reason, which developers are told.
    Refuse(String),
}

impl Portal {
    /// Approves or refuses what an application waits for. Whoever asked is told by mail. What is decided is what was seen at this
    /// revision.
    pub(crate) async fn decide(
        &self,
        asked: &Asked<'_>,
        who: String,
        (client_id, seen): (&ClientId, Revision),
        decision: &Decision,
    ) -> Result<(App, Revision), Failure> {
        let acts = self.acts(who);
        let mut apps = self.app_acts(&acts);
        let (app, _) = apps.registered(client_id).await?;
        apps.only_at = Some(seen);
        let mail = self.decided(asked, &app, decision).await?;
        apps.mails.extend(mail.clone());
        let decided = match decision {
            Decision::Approve => apps.approve(client_id).await?,
            Decision::Refuse(reason) => apps.refuse(client_id, reason).await?,
        };
        if let Some(mail) = mail {
            self.outbox.send(&mail.id).await;
        }
        Ok(decided)
    }

    async fn decided(&self, asked: &Asked<'_>, app: &App, decision: &Decision) -> Result<Option<NewMail>, Failure> {
        let (Some(requested), Some(organization)) = (&app.requested, &app.organization) else { return Ok(None) };
        let user = self.users.get(&requested.by).await?.filter(|user| user.enabled && user.email_verified);
        let Some(user) = user else { return Ok(None) };
        let found = self.developers.organizations.get(organization).await?;
        if !found.is_some_and(|(found, _)| found.members.contains_key(&user.user_id)) {
            return Ok(None);
        }
        let path = format!("/gateway/organizations/{organization}/apps/{}", app.client_id);
        let name = app.name.clone();
        let notice = |issuer: &str| {
            let link = format!("{issuer}{path}");
            match decision {
                Decision::Approve => Notice::RequestApproved { app: name, link },
                Decision::Refuse(reason) => Notice::RequestRefused { app: name, reason: reason.clone(), link },
            }
        };
        self.mail(asked, &user.email, notice).await.map(Some)
    }

    /// The mail to those who decide, for when something begins to wait for them.
    pub(crate) async fn to_be_decided(
        &self,
        asked: &Asked<'_>,
        by: &UserId,
        (client_id, name): (&ClientId, &str),
        organization: &Organization,
    ) -> Result<Option<NewMail>, Failure> {
        let to = self.gateway.developer_portal().and_then(|portal| portal.requests_to.as_ref());
        let Some(to) = to else { return Ok(None) };
        // The request is written all the same, and is on the page.
        if !self.developer_attempts.may_tell(by, to, asked.now).await? {
            return Ok(None);
        }
        let (app, organization) = (name.to_owned(), organization.name.clone());
        let path = format!("/gateway/requests/{client_id}");
        let notice = |issuer: &str| Notice::RequestWaits { app, organization, link: format!("{issuer}{path}") };
        self.mail(asked, to, notice).await.map(Some)
    }
}
