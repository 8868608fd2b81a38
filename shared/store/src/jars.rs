//! Cookies that the back end of an API has set in a session, sealed. The items are in the table of sessions, under keys that no
//! session has.

use crate::error::{StoreError, condition_failed, unavailable};
use crate::{number, projection, ttl, version};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::{ApiName, SessionId};
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Cookie jars of sessions.
#[derive(Debug, Clone)]
pub struct Jars {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// A jar as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredJar {
    /// The cookies.
    #[serde(rename = "jar")]
    pub sealed: SealedToken,
    /// How often it was written.
    pub revision: u64,
}

#[derive(Serialize)]
struct JarItem<'a> {
    sid: String,
    jar: &'a SealedToken,
    revision: u64,
    ttl: i64,
}

impl Jars {
    /// In the table of sessions, whose name this is.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The jar of a session at an API. One strongly consistent read.
    pub async fn get(&self, sid: &SessionId, api: &ApiName) -> Result<Option<StoredJar>, StoreError> {
        const OPERATION: &str = "cookie_jar";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = projection::of(read.key("sid", AttributeValue::S(key(sid, api))), &["jar", "revision"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// Writes a jar that follows the one of revision `before`, or the first one. Of two that follow the same one is written, and for
    /// the other this is `false`. `until` is when no call of the session can come any more.
    pub async fn put(
        &self,
        sid: &SessionId,
        api: &ApiName,
        (sealed, before): (&SealedToken, Option<u64>),
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "keep_cookies";
        let revision = before.unwrap_or(0).saturating_add(1);
        let item = JarItem { sid: key(sid, api), jar: sealed, revision, ttl: ttl::after([until]).as_secs() };
        let put = self.client.put_item().table_name(&self.table).set_item(Some(version::written(item, OPERATION)?));
        let put = match before {
            None => put.condition_expression(version::condition("attribute_not_exists(revision)")),
            Some(before) => put
                .condition_expression(version::condition("revision = :before"))
                .expression_attribute_values(":before", number(before)),
        };
        match put.expression_attribute_values(":version", version::current()).send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }
}

fn key(sid: &SessionId, api: &ApiName) -> String {
    format!("jar#{sid}#{api}")
}
