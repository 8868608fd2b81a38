//! What users let applications do. Key: `user_id`, `client_id`.

use crate::error::{StoreError, unavailable};
use crate::{Page, version};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::{ClientId, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

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

    /// Writes a consent, in place of an earlier one.
    pub async fn give(&self, consent: &Consent) -> Result<(), StoreError> {
        const OPERATION: &str = "give_consent";
        let item = version::written(consent, OPERATION)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(unavailable(OPERATION))?;
        Ok(())
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
