//! Changes of applications and organizations with all that follows from them: each is one transaction.

use crate::accounts::is_refused;
use crate::apps::{App, Apps, Revision, WriteApp};
use crate::deliveries::newer;
use crate::error::{StoreError, unavailable};
use crate::organizations::{Organization, Organizations};
use crate::{NewMail, Outbox};
use aws_sdk_dynamodb::types::TransactWriteItem;
use gateway_domain::ids::UserId;

/// The tables of applications and of organizations, with the outbox in which their changes are told.
#[derive(Debug, Clone)]
pub struct Developers {
    client: aws_sdk_dynamodb::Client,
    /// Applications.
    pub apps: Apps,
    /// Organizations.
    pub organizations: Organizations,
    outbox: Outbox,
}

/// A change of an application.
#[derive(Debug, Clone, Copy)]
pub enum AppWrite<'a> {
    /// A new one.
    Create(&'a App),
    /// From how it was at this revision.
    Change {
        /// How it was.
        before: &'a App,
        /// At which revision.
        from: Revision,
        /// How it is to be.
        after: &'a App,
    },
    /// It is deleted as it was at this revision.
    Delete(&'a App, Revision),
}

impl Developers {
    /// Over these tables.
    pub fn new(client: aws_sdk_dynamodb::Client, apps: Apps, organizations: Organizations, outbox: Outbox) -> Self {
        Self { client, apps, organizations, outbox }
    }

    /// Writes an application, what its organization has of it, whether it waits for an approval, and the mails that tell of it. As
    /// `member`, only while that user is a member of its organization. Of two changes from one revision one is written.
    pub async fn write_app(
        &self,
        write: AppWrite<'_>,
        member: Option<&UserId>,
        mails: &[NewMail],
    ) -> Result<WriteApp, StoreError> {
        let operation = match write {
            AppWrite::Create(_) => "create_app",
            AppWrite::Change { .. } => "change_app",
            AppWrite::Delete(..) => "delete_app",
        };
        let (before, after) = match write {
            AppWrite::Create(app) => (None, Some(app)),
            AppWrite::Change { before, after, .. } => (Some(before), Some(after)),
            AppWrite::Delete(app, _) => (Some(app), None),
        };
        let Some(app) = after.or(before) else { return Ok(WriteApp::Conflict) };
        let mut also = Vec::new();
        if let Some(organization) = &app.organization {
            match (write, member) {
                (AppWrite::Create(_) | AppWrite::Delete(..), _) => {
                    let is_new = after.is_some();
                    also.push(self.organizations.counting(organization, member, is_new, operation)?);
                    also.push(self.organizations.owning(organization, &app.client_id, is_new, operation)?);
                }
                (AppWrite::Change { .. }, Some(user)) => {
                    also.push(self.organizations.member(organization, user, operation)?);
                }
                (AppWrite::Change { .. }, None) => {}
            }
        }
        let waits = |app: Option<&App>| app.and_then(|app| app.requested.as_ref()).map(|requested| requested.at);
        if waits(before) != waits(after) {
            also.push(self.organizations.noting(&app.client_id, waits(after), operation)?);
        }
        for mail in mails {
            also.push(self.outbox.adding(mail, operation)?);
        }
        let (own, revision) = match write {
            AppWrite::Create(app) => (self.apps.writing(app, None, operation)?, Revision::FIRST),
            AppWrite::Change { from, after, .. } => {
                (self.apps.writing(after, Some(from), operation)?, from.following())
            }
            AppWrite::Delete(app, from) => (self.apps.deleting(&app.client_id, from, operation)?, from),
        };
        let writes = std::iter::once(own).chain(also).collect();
        Ok(if self.transact(writes, operation).await? { WriteApp::Written(revision) } else { WriteApp::Conflict })
    }

    /// Writes a new organization.
    pub async fn create_organization(&self, organization: &Organization) -> Result<bool, StoreError> {
        const OPERATION: &str = "create_organization";
        let writes = self.organizations.writing((None, None), Some(organization), OPERATION)?;
        self.transact(writes, OPERATION).await
    }

    /// Changes an organization if it still has this revision, with a mail that tells of it. `false` if it has another one.
    pub async fn change_organization(
        &self,
        (before, from): (&Organization, Revision),
        after: &Organization,
        mail: Option<&NewMail>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "change_organization";
        let mut writes = self.organizations.writing((Some(before), Some(from)), Some(after), OPERATION)?;
        if let Some(mail) = mail {
            writes.push(self.outbox.adding(mail, OPERATION)?);
        }
        self.transact(writes, OPERATION).await
    }

    /// Deletes an organization that has no application. `false` if it has one, or another revision.
    pub async fn delete_organization(&self, organization: &Organization, from: Revision) -> Result<bool, StoreError> {
        const OPERATION: &str = "delete_organization";
        let writes = self.organizations.writing((Some(organization), Some(from)), None, OPERATION)?;
        self.transact(writes, OPERATION).await
    }

    async fn transact(&self, writes: Vec<TransactWriteItem>, operation: &'static str) -> Result<bool, StoreError> {
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(error.as_service_error()) => {
                // What a newer version has written is not a conflict: it is not understood here.
                newer(error.as_service_error(), operation)?;
                Ok(false)
            }
            Err(error) => Err(unavailable(operation)(error)),
        }
    }
}
