//! Applications: who they are, what they may ask for, which APIs they are subscribed to. Key: `client_id`.

use crate::Store;
use crate::error::{StoreError, corrupt, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ApiName, ClientId, PlanName};
use domain::scope::Scope;
use domain::time::Seconds;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A registered application (RFC 6749 §2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// Its public name in the protocol.
    pub client_id: ClientId,
    /// Its name for people and back ends.
    pub name: String,
    /// Whether it can keep a secret.
    pub kind: AppKind,
    /// SHA-256 in hexadecimal of its secret, which has at least 128 random bits. Confidential applications only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_hash: Option<String>,
    /// Whether it may send a person's password (the resource owner password grant).
    pub trusted: bool,
    /// The grants it may use.
    pub grants: BTreeSet<GrantType>,
    /// The most it may ask for; also what it gets when it asks for nothing.
    pub scope: Scope,
    /// The plan that limits each of its users.
    pub plan: PlanName,
    /// The APIs it may call.
    pub subscriptions: BTreeMap<ApiName, Subscription>,
    /// A disabled application can do nothing.
    pub enabled: bool,
    /// For how long a lost refresh response is forgiven, if other than the gateway's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_retry_window: Option<Seconds>,
}

/// Client types (RFC 6749 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// Runs on people's devices: has no secret, and presenting one is refused.
    Public,
    /// Runs on a server: authenticates with its secret every time.
    Confidential,
}

/// Grants an application can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.3.
    Password,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
}

/// An application's subscription to an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The subscription's id, told to the back end.
    pub id: String,
    /// A disabled subscription closes this API to the application.
    pub enabled: bool,
}

impl Store {
    /// The application of that id. One read.
    pub async fn app(&self, client_id: &ClientId) -> Result<Option<App>, StoreError> {
        const OPERATION: &str = "app";
        let answer = self
            .client
            .get_item()
            .table_name(&self.tables.apps)
            .key("client_id", AttributeValue::S(client_id.to_string()))
            .send()
            .await
            .map_err(unavailable(OPERATION))?;
        answer.item.map(|item| serde_dynamo::from_item(item).map_err(corrupt(OPERATION))).transpose()
    }

    /// Writes an application, new or changed.
    pub async fn put_app(&self, app: &App) -> Result<(), StoreError> {
        const OPERATION: &str = "put_app";
        let item = serde_dynamo::to_item(app).map_err(corrupt(OPERATION))?;
        self.client
            .put_item()
            .table_name(&self.tables.apps)
            .set_item(Some(item))
            .item("v", AttributeValue::N("1".into()))
            .send()
            .await
            .map_err(unavailable(OPERATION))?;
        Ok(())
    }
}
