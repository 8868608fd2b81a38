//! Users whom another issuer knows by a subject of its own: `links`, under the issuer's name, says by which. The claim `issuer#<hash>` finds
//! the user, and holds only while the user has that link. It outlives the account: then it is taken over.
//!
//! An issuer knows a user by credentials: beside what finds the user is the credential epoch of the time at which that was noted. So a new
//! password, which raises the epoch, is the end of what was known before, also where the account was somebody else's until then.

use super::{User, UserItem, Users, user_key};
use crate::accounts::is_refused;
use crate::error::{Item, StoreError, unavailable};
use crate::{number, version};
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use gateway_domain::ids::{IssuerName, UserId};
use gateway_domain::secret::sha256_hex;

/// Of a user, the epoch of whoever has this id at an issuer whose subjects are ids here; of a claim, that of the user whom it finds.
pub(super) const EPOCH: &str = "trade_in_epoch";

/// A user as another issuer knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownUser {
    /// The user.
    pub user: User,
    /// The credential epoch that the user had when it was noted that the issuer knows them.
    pub since: Option<u64>,
}

impl KnownUser {
    /// Whether the user has the same credentials still. If not, what the issuer says is of whoever had the account before.
    pub fn is_unchanged(&self) -> bool {
        self.since == Some(self.user.credential_epoch)
    }
}

fn epoch(item: &Item) -> Option<u64> {
    item.get(EPOCH)?.as_n().ok()?.parse().ok()
}

/// Both parts are told apart, since no name has a space.
fn claim_key(issuer: &IssuerName, subject: &str) -> AttributeValue {
    AttributeValue::S(format!("issuer#{}", sha256_hex(format!("{issuer} {subject}").as_bytes())))
}

impl Users {
    /// The user whose id is the subject of an issuer. One strongly consistent read.
    pub async fn known_by_id(&self, user_id: &UserId) -> Result<Option<KnownUser>, StoreError> {
        const OPERATION: &str = "user_of_subject";
        let Some(item) = self.users_item(user_key(user_id), OPERATION).await? else { return Ok(None) };
        let since = epoch(&item);
        Ok(Some(KnownUser { user: version::read::<UserItem>(item, OPERATION)?.into(), since }))
    }

    /// The user who is linked to this subject of another issuer. One or two strongly consistent reads.
    pub async fn known_by_link(&self, issuer: &IssuerName, subject: &str) -> Result<Option<KnownUser>, StoreError> {
        let Some((holder, since)) = self.claimed_by(issuer, subject).await? else { return Ok(None) };
        let user = self.get(&holder).await?;
        let user = user.filter(|user| user.links.get(&issuer.as_link()).is_some_and(|link| link == subject));
        Ok(user.map(|user| KnownUser { user, since }))
    }

    /// As [`Users::known_by_link`], whatever the credentials of the user are by now.
    pub async fn linked_to(&self, issuer: &IssuerName, subject: &str) -> Result<Option<User>, StoreError> {
        Ok(self.known_by_link(issuer, subject).await?.map(|known| known.user))
    }

    /// Who was linked last to this subject of another issuer: who is, or was until the link was taken away, or the account. One strongly
    /// consistent read.
    pub async fn last_linked_to(&self, issuer: &IssuerName, subject: &str) -> Result<Option<UserId>, StoreError> {
        Ok(self.claimed_by(issuer, subject).await?.map(|(holder, _)| holder))
    }

    /// Links a user to this subject of another issuer, by the credentials that the user has now; doing it again does that anew. `false` if
    /// there is no such user, the user is linked to another subject there, another user to this one, or the credentials change meanwhile.
    pub async fn link_to_issuer(
        &self,
        user_id: &UserId,
        issuer: &IssuerName,
        subject: &str,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "link_to_issuer";
        let before = self.claimed_by(issuer, subject).await?.map(|(before, _)| before);
        let holder = self.linked_to(issuer, subject).await?;
        if holder.is_some_and(|holder| holder.user_id != *user_id) || !self.make_links(user_id, OPERATION).await? {
            return Ok(false);
        }
        let Some(state) = self.state(user_id).await? else { return Ok(false) };
        let epoch = number(state.credential_epoch);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let incomplete = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Corrupt {
            operation: OPERATION,
            cause: error.to_string(),
        };
        let link = Update::builder()
            .table_name(&self.table)
            .key("pk", user_key(user_id))
            .update_expression(if subject == user_id.as_str() {
                "SET links.#issuer = :subject, trade_in_epoch = :epoch"
            } else {
                "SET links.#issuer = :subject"
            })
            .condition_expression(version::condition(
                "attribute_exists(links) AND credential_epoch = :epoch \
                 AND (attribute_not_exists(links.#issuer) OR links.#issuer = :subject)",
            ))
            .expression_attribute_names("#issuer", issuer.as_str())
            .expression_attribute_values(":epoch", epoch.clone())
            .expression_attribute_values(":subject", text(subject))
            .expression_attribute_values(":version", version::current())
            .build()
            .map_err(incomplete)?;
        let claim = Put::builder()
            .table_name(&self.table)
            .item("pk", claim_key(issuer, subject))
            .item("user_id", text(user_id.as_str()))
            .item(EPOCH, epoch)
            .item("v", version::current());
        let claim = match &before {
            None => claim.condition_expression("attribute_not_exists(pk)"),
            // This user, or one who is not linked to it any more.
            Some(before) => claim
                .condition_expression("user_id = :before")
                .expression_attribute_values(":before", text(before.as_str())),
        };
        let claim = claim.build().map_err(incomplete)?;
        let writes =
            vec![TransactWriteItem::builder().update(link).build(), TransactWriteItem::builder().put(claim).build()];
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(error.as_service_error()) => Ok(false),
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }

    /// Whom the claim names, who may be gone or linked otherwise by now, and by the credentials of which epoch.
    async fn claimed_by(
        &self,
        issuer: &IssuerName,
        subject: &str,
    ) -> Result<Option<(UserId, Option<u64>)>, StoreError> {
        const OPERATION: &str = "user_of_issuer";
        let Some(claim) = self.users_item(claim_key(issuer, subject), OPERATION).await? else { return Ok(None) };
        version::of(&claim, OPERATION)?;
        let holder = claim.get("user_id").and_then(|id| id.as_s().ok()).and_then(|id| UserId::parse(id).ok());
        let corrupt = || StoreError::Corrupt { operation: OPERATION, cause: "a claim without a user".to_owned() };
        Ok(Some((holder.ok_or_else(corrupt)?, epoch(&claim))))
    }
}
