//! What users let applications do. Key: `user_id`, `client_id`.

use crate::accounts::is_refused;
use crate::codes::incomplete;
use crate::error::{StoreError, unavailable};
use crate::{Page, Users, number, version};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem};
use gateway_domain::ids::{ClientId, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How often a consent that others change meanwhile is read and written again: of so many at once, each is written.
const MAX_WRITES: usize = 8;

/// The consent of a user to an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The user who gave it.
    pub user_id: UserId,
    /// The application it was given to.
    pub client_id: ClientId,
    /// All that the application may do.
    pub scope: Scope,
    /// When it was last given.
    pub given_at: Timestamp,
}

/// The table of consents.
#[derive(Debug, Clone)]
pub struct Consents {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Consents {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The consent of this user to this application. One strongly consistent read, so that a revoked one is not used again.
    pub async fn get(&self, user: &UserId, client: &ClientId) -> Result<Option<Consent>, StoreError> {
        const OPERATION: &str = "consent";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read
            .key("user_id", AttributeValue::S(user.to_string()))
            .key("client_id", AttributeValue::S(client.to_string()));
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// Adds this consent to what the user lets the application do already. Of several at once none is lost. One that was
    /// revoked meanwhile stays revoked: then there is this one alone. `false` if the user's credentials are no longer of `epoch`, so
    /// that nobody allows something in an account that its owner has just taken over.
    pub async fn give(&self, consent: &Consent, users: &Users, epoch: u64) -> Result<bool, StoreError> {
        const OPERATION: &str = "give_consent";
        let same_user = ConditionCheck::builder()
            .table_name(&users.table)
            .key("pk", Users::key_of(&consent.user_id))
            .condition_expression("credential_epoch = :epoch")
            .expression_attribute_values(":epoch", number(epoch))
            .build()
            .map_err(incomplete(OPERATION))?;
        for _ in 0..MAX_WRITES {
            let before = self.get(&consent.user_id, &consent.client_id).await?;
            let scope =
                before.as_ref().map_or_else(|| consent.scope.clone(), |given| given.scope.union(&consent.scope));
            let item = version::written(Consent { scope, ..consent.clone() }, OPERATION)?;
            let put = Put::builder().table_name(&self.table).set_item(Some(item));
            let put = match before {
                None => put.condition_expression("attribute_not_exists(user_id)"),
                Some(before) => put
                    .condition_expression(version::condition("#scope = :scope"))
                    .expression_attribute_names("#scope", "scope")
                    .expression_attribute_values(":scope", version::part(&before.scope, OPERATION)?)
                    .expression_attribute_values(":version", version::current()),
            };
            let writes = vec![
                TransactWriteItem::builder().condition_check(same_user.clone()).build(),
                TransactWriteItem::builder().put(put.build().map_err(incomplete(OPERATION))?).build(),
            ];
            match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
                Ok(_) => return Ok(true),
                Err(error) if is_refused(error.as_service_error()) => {
                    if users.state(&consent.user_id).await?.is_none_or(|user| user.credential_epoch != epoch) {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(unavailable(OPERATION)(error)),
            }
        }
        let cause = format!("the consent was changed by others {MAX_WRITES} times");
        Err(StoreError::Unavailable { operation: OPERATION, cause })
    }

    /// Takes a consent back. Revoking is idempotent.
    pub async fn revoke(&self, user: &UserId, client: &ClientId) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete
            .key("user_id", AttributeValue::S(user.to_string()))
            .key("client_id", AttributeValue::S(client.to_string()));
        delete.send().await.map_err(unavailable("revoke_consent"))?;
        Ok(())
    }

    /// All consents of a user. A strongly consistent query.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<Consent>, StoreError> {
        const OPERATION: &str = "consents_of_user";
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .key_condition_expression("user_id = :user")
                .expression_attribute_values(":user", AttributeValue::S(user.to_string()))
                .consistent_read(true)
        };
        Ok(Page::query(usize::MAX, OPERATION, query, |item| version::read(item, OPERATION)).await?.items)
    }
}
