//! Users whom another issuer knows by a subject of its own: `links`, under the issuer's name, says by which. The claim `issuer#<hash>` finds
//! the user, and holds only while the user has that link. It outlives the account: then it is taken over.

use super::{User, Users, user_key};
use crate::accounts::is_refused;
use crate::error::{StoreError, unavailable};
use crate::version;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use gateway_domain::ids::{IssuerName, UserId};
use gateway_domain::secret::sha256_hex;

/// Both parts are told apart, since no name has a space.
fn claim_key(issuer: &IssuerName, subject: &str) -> AttributeValue {
    AttributeValue::S(format!("issuer#{}", sha256_hex(format!("{issuer} {subject}").as_bytes())))
}

impl Users {
    /// The user who is linked to this subject of another issuer. One or two strongly consistent reads.
    pub async fn linked_to(&self, issuer: &IssuerName, subject: &str) -> Result<Option<User>, StoreError> {
        let Some(holder) = self.claimed_by(issuer, subject).await? else { return Ok(None) };
        let user = self.get(&holder).await?;
        Ok(user.filter(|user| user.links.get(&issuer.as_link()).is_some_and(|link| link == subject)))
    }

    /// Links a user to this subject of another issuer; doing it again changes nothing. `false` if there is no such user, the user is
    /// linked to another subject there, or another user to this one.
    pub async fn link_to_issuer(
        &self,
        user_id: &UserId,
        issuer: &IssuerName,
        subject: &str,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "link_to_issuer";
        let before = self.claimed_by(issuer, subject).await?;
        let holder = self.linked_to(issuer, subject).await?;
        if holder.is_some_and(|holder| holder.user_id != *user_id) || !self.make_links(user_id, OPERATION).await? {
            return Ok(false);
        }
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let incomplete = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Corrupt {
            operation: OPERATION,
            cause: error.to_string(),
        };
        let link = Update::builder()
            .table_name(&self.table)
            .key("pk", user_key(user_id))
            .update_expression("SET links.#issuer = :subject")
            .condition_expression(version::condition(
                "attribute_exists(links) AND (attribute_not_exists(links.#issuer) OR links.#issuer = :subject)",
            ))
            .expression_attribute_names("#issuer", issuer.as_str())
            .expression_attribute_values(":subject", text(subject))
            .expression_attribute_values(":version", version::current())
            .build()
            .map_err(incomplete)?;
        let claim = Put::builder()
            .table_name(&self.table)
            .item("pk", claim_key(issuer, subject))
            .item("user_id", text(user_id.as_str()))
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

    /// Whom the claim names, who may be gone or linked otherwise by now.
    async fn claimed_by(&self, issuer: &IssuerName, subject: &str) -> Result<Option<UserId>, StoreError> {
        const OPERATION: &str = "user_of_issuer";
        let Some(claim) = self.users_item(claim_key(issuer, subject), OPERATION).await? else { return Ok(None) };
        version::of(&claim, OPERATION)?;
        let holder = claim.get("user_id").and_then(|id| id.as_s().ok()).and_then(|id| UserId::parse(id).ok());
        let corrupt = || StoreError::Corrupt { operation: OPERATION, cause: "a claim without a user".to_owned() };
        holder.ok_or_else(corrupt).map(Some)
    }
}
